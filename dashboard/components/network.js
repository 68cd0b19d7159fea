// A drawing of a network. Bars are layers, taller for more units; hidden layers are edited in place.
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

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const { sizes, colour, label, least, most, layers } = data;
  const hidden = sizes.slice(1, -1);
  const change = (next) => setTriggerValue("sizes", next);

  const picture = parentElement.querySelector(".network");
  picture.replaceChildren();
  picture.setAttribute("aria-label", label);
  picture.style.setProperty("--colour", colour);

  sizes.forEach((size, index) => {
    const isHidden = index > 0 && index < sizes.length - 1;
    const layer = element("div", isHidden ? "layer" : "layer end");
    const space = element("div", "space");
    const bar = element("div", "bar");
    bar.style.height = `${barHeight(size)}px`;
    bar.style.opacity = 0.45 + (0.55 * index) / (sizes.length - 1);
    space.appendChild(bar);
    layer.appendChild(space);
    if (isHidden) {
      const input = element("input", "size");
      Object.assign(input, { type: "number", min: least, max: most, step: 1, value: size });
      input.setAttribute("aria-label", `${label}, hidden layer ${index}, units`);
      input.onchange = () => {
        const width = Math.min(most, Math.max(least, Math.round(Number(input.value) || size)));
        input.value = width;
        change(hidden.map((old, at) => (at === index - 1 ? width : old)));
      };
      layer.appendChild(input);
      if (hidden.length > 1) {
        const remove = element("button", "remove", "×");
        remove.title = `Remove hidden layer ${index}`;
        remove.setAttribute("aria-label", `${label}: remove hidden layer ${index}`);
        remove.onclick = () => change(hidden.filter((_, at) => at !== index - 1));
        space.appendChild(remove);
      }
    } else {
      layer.appendChild(element("div", "size", String(size)));
    }
    picture.appendChild(layer);
  });

  if (hidden.length < layers) {
    const add = element("button", "add", "+");
    add.title = "Add a hidden layer";
    add.setAttribute("aria-label", `${label}: add a hidden layer`);
    add.onclick = () => change([...hidden, hidden[hidden.length - 1]]);
    picture.insertBefore(add, picture.lastChild);
  }
}
