// Text that changes in place: lines of spans, each bold, coloured, an icon, a bar, an explanation on demand or plain.
import { mount } from "./live.js";

function node({ text, bold, icon, tone, progress }) {
  if (progress !== undefined) return Object.assign(document.createElement("progress"), { value: progress, ariaLabel: "Progress" });
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

const places = new Set(); // those that have shown an explanation
const closeAll = (kept) => {
  for (const place of places)
    if (!place.isConnected) places.delete(place);
    else if (!kept(place)) place.explain(false);
};
document.addEventListener("pointerdown", (event) => closeAll((place) => event.composedPath().includes(place)));
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") closeAll(() => false);
});

// A button that opens and closes a longer explanation. Both stay in place while the text changes, as focus does.
function why(place) {
  const whole = document.createElement("span");
  const button = document.createElement("button");
  const explanation = document.createElement("span");
  Object.assign(button, { type: "button", className: "why", textContent: "Why?" });
  explanation.className = "explanation";
  place.explain = (open) => {
    explanation.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  place.explain(false);
  places.add(place);
  button.onclick = () => place.explain(explanation.hidden);
  whole.append(" ", button, explanation);
  return { whole, explanation };
}

function draw(place, { lines }, { small, right }) {
  place.classList.toggle("small", Boolean(small));
  place.classList.toggle("right", Boolean(right));
  const drawn = JSON.stringify(lines);
  if (place.drawn === drawn) return; // a selection in the text stays
  place.drawn = drawn;
  place.words ??= place.appendChild(document.createElement("span"));
  const spans = lines.map((line) => line.filter((span) => !span.why).map(node));
  place.words.replaceChildren(...spans.flatMap((line, index) => [...(index ? [document.createElement("br")] : []), ...line]));
  const text = lines.flat().find((span) => span.why)?.why;
  if (text) {
    place.why ??= why(place);
    place.why.explanation.textContent = text;
    if (!place.why.whole.isConnected) place.append(place.why.whole);
  } else place.why?.whole.remove();
}

export default (component) => mount(component, draw);
