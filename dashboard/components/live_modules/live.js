// What the live panels share: which element draws which panel's payloads, and the requests for new ones.
const MAX_FAILURES = 3; // requests in a row that may fail before the page is asked to run again instead
const MAX_BACKOFF = 20; // the most intervals between two requests while they keep failing
const REDRAW_INTERVAL = 2000; // milliseconds until the page is asked again, if it has not run

const WIDGET = "button, input, textarea, [role=combobox], [role=radio], [role=slider]";
const TRANSPORT = ["start", "pause"]; // keys of the buttons that take each other's place

let lastFocused = ""; // the key of the widget that has, or had, the keyboard's focus
document.addEventListener("focusin", ({ target }) => (lastFocused = keyOf(target)));
document.addEventListener("pointerdown", ({ target }) => (lastFocused = target.closest?.(WIDGET) ? keyOf(target) : ""));

function keyOf(element) {
  return element.closest?.("[class*=st-key-]")?.className.match(/st-key-(\S+)/)[1] ?? "";
}

// A widget that was drawn anew gets its focus back; for one that is gone or disabled now, Start or Pause takes it.
function keepFocus() {
  if (document.activeElement !== document.body || !lastFocused) return;
  for (const key of [lastFocused, ...TRANSPORT]) {
    const found = [...document.querySelectorAll(`.st-key-${CSS.escape(key)} :is(${WIDGET})`)].find((one) => !one.disabled);
    if (found) return found.focus({ preventScroll: true });
  }
}

// When is not known: a run of the page may remove, draw and disable buttons at any time.
const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] };
// Later, because a tooltip closes while Tab moves the focus, which is nowhere in between.
let planned = null;
new MutationObserver(() => {
  planned ??= setTimeout(() => {
    planned = null;
    keepFocus();
  });
}).observe(document.body, changes);

const panels = new Map(); // panel name → Map of element → function that draws a payload into it
let followed = null; // the run that is being asked about; a new object for each run of the page
let address = null; // where its payloads come from, also while nothing changes by itself
let moment = null; // the iteration that is shown instead of the present one
const AFTER_MOUNTING = 300; // milliseconds in which a run of the page has mounted its panels
const ALWAYS_NOW = ["status", "text_message", "time"]; // panels that show the run as it is, whatever moment is shown

// Draw a component's payload, and from now on every newer payload of its panel.
export function mount(component, draw) {
  const { data } = component;
  const element = component.parentElement.querySelector(".live");
  removeDisconnected();
  for (const elements of panels.values()) elements.delete(element);
  if (!panels.has(data.panel)) panels.set(data.panel, new Map());
  const show = (payload) => {
    element.payload = payload;
    draw(element, payload, data);
  };
  panels.get(data.panel).set(element, show);
  // A call with the same data, such as after a change of theme, must not replace what arrived since.
  const unchanged = element.given === data;
  element.given = data;
  const keepsMoment = moment !== null && element.payload && !ALWAYS_NOW.includes(data.panel);
  show(unchanged || keepsMoment ? element.payload : data.payload);
  if ("follow" in data) follow(data.follow, () => component.setTriggerValue("redraw", true));
}

function removeDisconnected() {
  for (const elements of panels.values())
    for (const element of elements.keys())
      if (!element.isConnected) {
        elements.delete(element);
        element.release?.();
      }
}

// The iteration of the moment that the page shows; null for the run as it is now.
export const shownMoment = () => moment;

// Show the run as it is now as soon as the page runs again.
export const forgetMoment = () => (moment = null);

// Show a moment of the run, or with null the run as it is now; false if the moment is not kept any more.
export async function showMoment(iteration) {
  moment = iteration;
  const wanted = iteration === null ? "since=-1" : `moment=${iteration}`;
  const response = await fetch(new URL(`${address}&${wanted}`, document.baseURI), { cache: "no-store" });
  const answer = response.ok ? await response.json() : null;
  if (moment !== iteration) return true; // another one was asked for meanwhile
  if (!answer && iteration !== null) {
    await showMoment(null);
    for (const [element, show] of panels.get("time") ?? []) show(element.payload);
    return false;
  }
  if (answer) showAll(answer.panels);
  return true;
}

function showAll(payloads) {
  removeDisconnected();
  for (const [name, payload] of Object.entries(payloads)) for (const show of panels.get(name)?.values() ?? []) show(payload);
}

function follow(settings, redraw) {
  followed = null; // a pending answer is older than what the page was just drawn from
  address = settings?.address;
  // The page was drawn as the run is now, or shows another run, which may not have this moment.
  if (moment !== null) setTimeout(() => moment !== null && showMoment(moment), AFTER_MOUNTING);
  if (settings?.every == null) return;
  followed = { ...settings, redraw, since: -1, turn: 0, repeats: 0, outdatedSeen: 0, failed: 0, redrawnAt: -Infinity };
  schedule(followed, performance.now());
}

function schedule(run, askedAt) {
  const interval = 1000 * run.every * Math.min(MAX_BACKOFF, 1 + run.failed);
  const wait = Math.max(0, askedAt + interval - performance.now());
  setTimeout(() => {
    if (followed !== run) return;
    if (document.hidden) document.addEventListener("visibilitychange", () => schedule(run, 0), { once: true });
    else ask(run);
  }, wait);
}

async function ask(run) {
  const askedAt = performance.now();
  try {
    const address = new URL(`${run.address}&since=${run.since}&turn=${run.turn}&repeats=${run.repeats}`, document.baseURI);
    const response = await fetch(address, { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    const answer = await response.json();
    if (followed !== run) return;
    take(run, answer);
    run.failed = 0;
  } catch (error) {
    if (followed !== run) return;
    if (!run.failed) console.warn("The request for the run's updates failed.", error);
    run.failed += 1;
  }
  if (run.outdatedSeen >= run.outdated || run.failed >= MAX_FAILURES) requestRedraw(run);
  schedule(run, askedAt);
}

function take(run, answer) {
  const payloads = Object.entries(answer.panels).filter(([name]) => moment === null || ALWAYS_NOW.includes(name));
  if (answer.revision !== run.since) run.repeats = 0;
  run.since = answer.revision;
  if (payloads.length) [run.turn, run.repeats] = [run.turn + 1, run.repeats + 1];
  run.outdatedSeen = answer.redraw ? run.outdatedSeen + 1 : 0;
  showAll(Object.fromEntries(payloads));
}

function requestRedraw(run) {
  if (performance.now() - run.redrawnAt < REDRAW_INTERVAL) return;
  run.redrawnAt = performance.now();
  run.redraw();
}
