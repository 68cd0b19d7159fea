// A Plotly chart that is mounted once; newer payloads change it in place.
import { mount } from "./live.js";

const SOURCE = new URL("modules/plotly.min.js", document.baseURI).href;

const FONT_SIZE = 14; // pixels, for which the charts' fonts are chosen

function loadPlotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.ganPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.ganPlotly = undefined; // the next payload tries again
      reject(new Error(`The chart library could not be loaded from ${SOURCE}.`));
    };
    document.head.appendChild(script);
  });
  return window.ganPlotly;
}

const fontSize = (div) => parseFloat(getComputedStyle(div).fontSize);

// Charts follow the font size of their place, which the projector mode and the Step through page make larger.
function scale(layout, factor) {
  const fonts = [layout, layout.legend, layout.xaxis?.title, layout.yaxis?.title, ...(layout.annotations ?? [])];
  for (const one of fonts) if (one?.font?.size) one.font.size *= factor;
  for (const side of Object.keys(layout.margin)) layout.margin[side] *= factor;
}

addEventListener("resize", () => {
  for (const div of document.querySelectorAll(".live.plot")) if (div.redraw && fontSize(div) !== div.fontSize) div.redraw();
});

async function draw(div, payload, options) {
  const { name, height, square } = options;
  const style = getComputedStyle(div);
  const text = style.getPropertyValue("--st-text-color").trim();
  const background = style.getPropertyValue("--st-background-color").trim();
  const { data: traces, layout } = structuredClone(payload); // Plotly changes what it is given
  div.fontSize = fontSize(div);
  scale(layout, div.fontSize / FONT_SIZE);
  layout.font = { ...layout.font, color: text, family: style.getPropertyValue("--st-font").trim() };
  layout.paper_bgcolor = background; // not transparent, so the exported PNG is legible too
  layout.hoverlabel = { bgcolor: background, font: { color: text } };
  layout.modebar = { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: style.getPropertyValue("--st-gray-text-color").trim() || text };
  layout.autosize = true;
  div.style.cssText = square ? `aspect-ratio: 1; max-width: ${height}` : `height: ${height}`;
  div.setAttribute("role", "group"); // its buttons and legend stay reachable, as they would not in an image
  div.setAttribute("aria-label", name);
  div.latest = [traces, layout];
  div.redraw = () => draw(div, payload, options);
  div.release = () => window.Plotly?.purge(div);
  try {
    const Plotly = await loadPlotly();
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: [["toImage", "resetScale2d"]], // dragging zooms, a double click resets
      toImageButtonOptions: { format: "png", filename: name, scale: 2 },
    };
    // While the library loads, several payloads wait here: each call draws the newest by then.
    if (!div.data) div.textContent = ""; // why it could not be loaded before
    await Plotly.react(div, div.latest[0], div.latest[1], config);
  } catch (error) {
    div.textContent = error.message;
  }
}

export default (component) => mount(component, draw);
