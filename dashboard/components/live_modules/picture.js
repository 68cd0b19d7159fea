// A picture that changes in place: it comes as bytes, so nothing is fetched and nothing flickers.
import { mount } from "./live.js";

const CHUNK = 0x8000; // characters that one call may take

function address(png) {
  let text = "";
  for (let start = 0; start < png.length; start += CHUNK)
    text += String.fromCharCode(...png.subarray(start, start + CHUNK));
  return `data:image/png;base64,${btoa(text)}`;
}

function draw(place, part, { rows }) {
  let image = place.querySelector("img");
  if (!image) {
    image = document.createElement("img");
    place.appendChild(image);
  }
  const words = (part[0] << 8) | part[1];
  image.alt = new TextDecoder().decode(part.subarray(2, 2 + words));
  if (rows) image.onload = () => (image.style.aspectRatio = `${image.naturalWidth} / ${rows}`);
  image.src = address(part.subarray(2 + words));
}

export default (component) => mount(component, draw);
