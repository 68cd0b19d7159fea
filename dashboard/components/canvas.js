// A canvas of cells: brush, erase, clear. A stroke is reported when it ends, as base64url of the cells' bits.
const RADIUS = 1.5; // of the brush, in cells

function unpack(text, side) {
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return new Uint8Array(side * side).map((_, index) => (bytes.charCodeAt(index >> 3) >> (7 - (index & 7))) & 1);
}

function pack(cells) {
  const bytes = new Uint8Array(Math.ceil(cells.length / 8));
  cells.forEach((painted, index) => (bytes[index >> 3] |= painted << (7 - (index & 7))));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function show(root, colour, side) {
  const canvas = root.querySelector("canvas");
  const scale = 8;
  canvas.width = canvas.height = side * scale;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colour;
  root.cells.forEach((painted, index) => {
    if (painted) pen.fillRect((index % side) * scale, Math.floor(index / side) * scale, scale, scale);
  });
  for (const button of root.querySelectorAll("[data-tool]"))
    button.setAttribute("aria-pressed", String(button.dataset.tool === root.tool));
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const { drawing, side, colour } = data;
  const root = parentElement.querySelector(".canvas");
  const canvas = root.querySelector("canvas");
  if (!root.drawing_now && root.reported !== drawing) {
    root.cells = unpack(drawing, side);
    root.reported = drawing;
  }
  root.tool ??= "brush";
  const redraw = () => show(root, colour, side);

  const report = () => {
    root.reported = root.cells.some(Boolean) ? pack(root.cells) : "";
    setTriggerValue("drawing", { cells: root.reported });
  };
  const cellAt = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * side, ((event.clientY - box.top) / box.height) * side];
  };
  const dab = ([x, y]) => {
    for (let row = Math.floor(y - RADIUS); row <= y + RADIUS; row++)
      for (let column = Math.floor(x - RADIUS); column <= x + RADIUS; column++)
        if (row >= 0 && row < side && column >= 0 && column < side && Math.hypot(column + 0.5 - x, row + 0.5 - y) <= RADIUS)
          root.cells[row * side + column] = root.tool === "brush" ? 1 : 0;
  };
  const stroke = (from, to) => {
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let step = 0; step <= steps; step++)
      dab([from[0] + ((to[0] - from[0]) * step) / steps, from[1] + ((to[1] - from[1]) * step) / steps]);
    redraw();
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    root.drawing_now = cellAt(event);
    stroke(root.drawing_now, root.drawing_now);
  };
  canvas.onpointermove = (event) => {
    if (!root.drawing_now) return;
    const here = cellAt(event);
    stroke(root.drawing_now, here);
    root.drawing_now = here;
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!root.drawing_now) return;
    root.drawing_now = null;
    report();
  };
  for (const button of root.querySelectorAll("[data-tool]"))
    button.onclick = () => {
      root.tool = button.dataset.tool;
      redraw();
    };
  root.querySelector(".clear").onclick = () => {
    root.cells.fill(0);
    redraw();
    report();
  };
  redraw();
}
