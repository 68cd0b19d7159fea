// An image that changes in place: its address holds the whole file, so nothing is fetched and nothing flickers.
import { mount } from "./live.js";

function draw(place, { alt, src }, { rows }) {
  let image = place.querySelector("img");
  if (!image) {
    image = document.createElement("img");
    place.appendChild(image);
  }
  image.alt = alt;
  if (rows) image.onload = () => (image.style.aspectRatio = `${image.naturalWidth} / ${rows}`);
  image.src = src;
}

export default (component) => mount(component, draw);
