// A slider over the kept moments of the run: it shows one of them, plays them all, and begins a branch from one.
import { forgetMoment, mount, shownMoment, showMoment } from "./live.js";

const FRAME = 220; // milliseconds of each moment while they play

function button(text, title, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "moment-button", textContent: text, title, onclick: act });
  made.setAttribute("aria-label", title);
  return made;
}

function build(place) {
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, step: 1 });
  slider.setAttribute("aria-label", "Moment of the run");
  const label = document.createElement("output");
  const play = button("play_arrow", "Play the run from its beginning", () => (place.playing ? stop(place) : start(place)));
  play.classList.add("icon");
  const live = button("Live", "Back to the run as it is now", () => go(place, null));
  const branch = button("", "", () => {
    const state = place.state();
    stop(place);
    forgetMoment(); // the branch begins there, as its present state
    place.branch(state);
  });
  place.append(play, slider, label, live, branch);
  Object.assign(place, { parts: { slider, label, play, live, branch } });
  slider.oninput = () => {
    const chosen = place.payload.moments[slider.valueAsNumber] ?? null; // before the label sets the slider
    stop(place);
    go(place, chosen);
  };
  // The last state that is kept up to the moment that is shown.
  place.state = () => place.payload.states.filter((one) => one <= (shownMoment() ?? Infinity)).at(-1);
}

async function go(place, iteration) {
  if (iteration === null) stop(place);
  const shown = showMoment(iteration);
  label(place);
  if (!(await shown)) label(place); // it is not kept any more: the page shows the run again
}

function start(place) {
  const { moments } = place.payload;
  let index = moments.indexOf(shownMoment());
  if (index < 0 || index === moments.length - 1) index = -1;
  const next = async () => {
    index += 1;
    if (!place.isConnected || index >= place.payload.moments.length) return stop(place);
    await go(place, place.payload.moments[index]);
    if (place.playing) place.playing = setTimeout(next, FRAME);
  };
  place.playing = setTimeout(next, 0);
  label(place);
}

function stop(place) {
  clearTimeout(place.playing);
  place.playing = null;
  label(place);
}

const written = (number) => number.toLocaleString("en-US");

function label(place) {
  const { slider, label, play, live, branch } = place.parts;
  const { moments, iteration } = place.payload;
  const shown = shownMoment();
  const index = moments.indexOf(shown);
  slider.max = moments.length; // one more than there are moments: the run as it is now
  slider.valueAsNumber = index < 0 ? moments.length : index;
  slider.setAttribute("aria-valuetext", index < 0 ? "now" : `iteration ${written(shown)}`);
  label.textContent = index < 0 ? `Now, iteration ${written(iteration)}` : `Iteration ${written(shown)}`;
  play.textContent = place.playing ? "stop" : "play_arrow";
  const state = place.state();
  live.disabled = index < 0;
  branch.disabled = index < 0 || state === undefined;
  branch.textContent = branch.disabled || state === shown ? "Branch here" : `Branch from ${written(state)}`;
  branch.title = "Begin a run from exactly this state. Undo brings the present run back for three minutes.";
}

function draw(place) {
  if (!place.parts) build(place);
  for (const part of [place.parts.slider, place.parts.play]) part.disabled = place.payload.moments.length < 2;
  label(place);
}

export default (component) => {
  component.parentElement.querySelector(".live").branch = (state) => component.setTriggerValue("branch", state);
  mount(component, draw);
};
