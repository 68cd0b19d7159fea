// An image that changes in place: its address holds the whole file, so nothing is fetched and nothing flickers.
import { mount } from "./live.js";

function enlargeButton(place) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "larger icon", textContent: "open_in_full", title: "Fill the screen" });
  button.setAttribute("aria-label", "Fill the screen with these images");
  button.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : place.requestFullscreen());
  return button;
}

function draw(place, { alt, src }, { rows }) {
  const image = place.querySelector("img") ?? place.appendChild(document.createElement("img"));
  if (!rows && !place.querySelector("button")) place.appendChild(enlargeButton(place));
  image.alt = alt;
  place.classList.toggle("row", Boolean(rows));
  if (rows) image.onload = () => (image.style.aspectRatio = `${image.naturalWidth} / ${rows}`);
  image.src = src;
}

export default (component) => mount(component, draw);
