// Text that changes in place: lines of spans, each bold, coloured, an icon, an explanation on demand or plain.
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

const closable = new Set(); // places that have shown an explanation
document.addEventListener("pointerdown", (event) => {
  for (const place of closable)
    if (!place.isConnected) closable.delete(place);
    else if (place.open && !event.composedPath().includes(place)) place.close();
});

// A button that opens and closes a longer explanation; it stays open while the text changes.
function why(place, text) {
  const whole = document.createElement("span");
  const button = document.createElement("button");
  const explanation = document.createElement("span");
  Object.assign(button, { type: "button", className: "why", textContent: "Why?" });
  Object.assign(explanation, { className: "explanation", textContent: text, hidden: !place.open });
  button.setAttribute("aria-expanded", String(Boolean(place.open)));
  closable.add(place);
  const toggle = (open) => {
    place.open = open;
    explanation.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.onclick = () => toggle(!place.open);
  whole.onkeydown = ({ key }) => key === "Escape" && toggle(false);
  place.close = () => toggle(false);
  whole.append(" ", button, explanation);
  return whole;
}

function draw(place, { lines }, { small, right }) {
  place.classList.toggle("small", Boolean(small));
  place.classList.toggle("right", Boolean(right));
  const drawn = JSON.stringify(lines);
  if (place.drawn === drawn) return; // a selection in the text stays
  place.drawn = drawn;
  place.replaceChildren(
    ...lines.flatMap((line, index) => [...(index ? [document.createElement("br")] : []), ...line.map((span) => (span.why ? why(place, span.why) : node(span)))]),
  );
}

export default (component) => mount(component, draw);
