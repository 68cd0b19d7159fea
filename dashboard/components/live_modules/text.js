// Text that changes in place: lines of spans, each bold, coloured, an icon or plain.
import { mount } from "./live.js";

function node({ text, bold, icon, tone }) {
  if (!bold && !icon && !tone) return text;
  const element = document.createElement(bold ? "strong" : "span");
  element.textContent = icon ?? text;
  if (tone) element.className = `tone-${tone}`;
  if (icon) {
    element.className = "icon";
    element.setAttribute("aria-hidden", "true");
  }
  return element;
}

function draw(place, { lines }, { small, right }) {
  place.classList.toggle("small", Boolean(small));
  place.classList.toggle("right", Boolean(right));
  const drawn = JSON.stringify(lines);
  if (place.drawn === drawn) return; // a selection in the text stays
  place.drawn = drawn;
  place.replaceChildren(
    ...lines.flatMap((line, index) => [...(index ? [document.createElement("br")] : []), ...line.map(node)]),
  );
}

export default (component) => mount(component, draw);
