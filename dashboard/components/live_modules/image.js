// An image that changes in place: its address holds the whole file, so nothing is fetched and nothing flickers.
import { mount } from "./live.js";

function draw(place, { alt, src }, { rows }) {
  const image = place.querySelector("img") ?? place.appendChild(document.createElement("img"));
  image.alt = alt;
  if (rows) image.onload = () => (image.style.aspectRatio = `${image.naturalWidth} / ${rows}`);
  image.src = src;
}

export default (component) => mount(component, draw);
