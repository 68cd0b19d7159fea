// A drawing of a network. Bars are layers, taller for more units; hidden layers are edited below them.
const HEIGHT = 56;

function barHeight(size) {
  return Math.round(10 + (HEIGHT - 10) * Math.min(1, Math.log2(size + 1) / 12));
}

function element(tag, className, content = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = content;
  return made;
}

function button(className, text, title, label, onclick) {
  const made = element("button", className, text);
  Object.assign(made, { type: "button", title, onclick });
  made.setAttribute("aria-label", label);
  return made;
}

// The layers of the network that trains.
function bars(sizes) {
  const row = element("div", "bars");
  sizes.forEach((size, index) => {
    const space = element("div", "space");
    const bar = element("div", "bar");
    bar.style.height = `${barHeight(size)}px`;
    bar.style.opacity = 0.45 + (0.55 * index) / (sizes.length - 1);
    space.title = `${size} ${size === 1 ? "value" : "values"}`;
    space.append(bar);
    row.append(space);
  });
  return row;
}

// The hidden layers as the settings have them: a field for each, buttons that add and remove.
function editor({ sizes, label, least, most, layers }, change) {
  const hidden = sizes.slice(1, -1);
  const row = element("div", "sizes");
  row.append(element("div", "size", String(sizes[0])));
  hidden.forEach((size, index) => {
    const cell = element("div", "cell");
    const input = element("input", "size");
    Object.assign(input, { type: "number", min: least, max: most, step: 1, value: size });
    input.setAttribute("aria-label", `${label}, hidden layer ${index + 1}, units`);
    // A number that no layer can have is refused where the settings are read, with a sentence.
    input.onchange = () => change(hidden.map((old, at) => (at === index ? Number(input.value) : old)));
    // The size as it is, confirmed after a refused one, takes the refusal back; onchange is not called then.
    input.onkeydown = ({ key }) => {
      if (key === "Enter" && input.value === String(size)) change(hidden);
    };
    cell.append(input);
    if (hidden.length > 1) {
      const title = `Remove hidden layer ${index + 1}`;
      const remove = () => change(hidden.filter((_, at) => at !== index));
      cell.append(button("remove", "×", title, `${label}: remove hidden layer ${index + 1}`, remove));
    }
    row.append(cell);
  });
  const full = hidden.length >= layers;
  const add = () => change([...hidden, hidden[hidden.length - 1]]);
  const title = full ? `${layers} hidden layers are the most` : "Add a hidden layer";
  const plus = button("add", "+", title, `${label}: add a hidden layer`, add);
  plus.disabled = full;
  row.append(plus);
  row.append(element("div", "size", String(sizes[sizes.length - 1])));
  return row;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const picture = parentElement.querySelector(".network");
  const focused = picture.getRootNode().activeElement?.getAttribute("aria-label");
  picture.setAttribute("aria-label", data.label);
  picture.style.setProperty("--colour", data.colour);
  picture.style.setProperty("--layers", data.training.length);
  picture.classList.toggle("pending", data.pending);
  const change = (next) => setTriggerValue("sizes", next);
  const row = editor(data, change);
  row.title = data.pending ? "From Reset on" : "";
  picture.replaceChildren(bars(data.training), row);
  // Drawing again must not lose the keyboard's place; a removed button's place is the last field's.
  if (focused) {
    const again = [...row.querySelectorAll("[aria-label]")];
    (again.find((one) => one.getAttribute("aria-label") === focused) ?? row.querySelector(".cell:last-of-type input"))?.focus();
  }
}
