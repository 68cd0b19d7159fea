// Text that changes in place: **bold**, :material/icon:, :blue[coloured], and two blanks at a line's end.
import { mount } from "./live.js";

const MARKED = /\*\*(.+?)\*\*|:material\/(\w+):|:(\w+)\[(.*?)\]|( {2}\n)/g;

function made(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function nodes(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(MARKED)) {
    const [whole, bold, icon, colour, coloured] = match;
    found.push(text.slice(from, match.index));
    if (bold) found.push(made("strong", "", bold));
    else if (icon) {
      found.push(made("span", "icon", icon));
      found[found.length - 1].setAttribute("aria-hidden", "true");
    } else if (colour) found.push(made("span", `tone-${colour}`, coloured));
    else found.push(document.createElement("br"));
    from = match.index + whole.length;
  }
  return [...found, text.slice(from)];
}

function draw(place, part, { small, right }) {
  place.classList.toggle("small", Boolean(small));
  place.classList.toggle("right", Boolean(right));
  const text = new TextDecoder().decode(part);
  if (place.drawn === text) return;
  place.drawn = text;
  place.replaceChildren(...nodes(text));
}

export default (component) => mount(component, draw);
