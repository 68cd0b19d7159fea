// The cells of the model that light up in slow motion; page.css draws the light.
import { mount } from "./live.js";

function draw(place, { cells, backward }) {
  for (const cell of document.querySelectorAll("[class*=st-key-cell_]")) {
    cell.classList.toggle("lit-cell", cells.some((name) => cell.classList.contains(`st-key-cell_${name}`)));
    cell.classList.toggle("backward", backward);
  }
}

export default (component) => mount(component, draw);
