// What the live places of the page share: who shows which part, and the asking for new ones while a run trains.
const PATIENCE = 3; // answers that may fail, one after the other, until the page is drawn anew instead
const LONGEST = 20; // times as long it waits in the end, where they go on failing
const AGAIN = 2000; // milliseconds until the page is asked for once more, if it has not come

const places = new Map(); // by part: element → what draws a part into it
let followed = null; // what is being asked for now; another object for each run of the page

// Take a component's data apart, draw it, and from now on every newer part of that name.
export function mount(component, draw) {
  const data = component.data;
  const end = 4 + new DataView(data.buffer, data.byteOffset).getUint32(0);
  const settings = JSON.parse(new TextDecoder().decode(data.subarray(4, end)));
  const element = component.parentElement.querySelector(".live");
  sweep();
  for (const others of places.values()) others.delete(element);
  if (!places.has(settings.follows)) places.set(settings.follows, new Map());
  places.get(settings.follows).set(element, (part) => {
    element.part = part;
    draw(element, part, settings);
  });
  // Called again for the same data, as for another theme: what is shown may be newer by now.
  const part = element.given === data ? element.part : data.subarray(end);
  element.given = data;
  places.get(settings.follows).get(element)(part);
  if ("follow" in settings) follow(settings.follow, () => component.setTriggerValue("again", true));
}

// Let go of what the page no longer has.
function sweep() {
  for (const shown of places.values())
    for (const element of shown.keys())
      if (!element.isConnected) {
        shown.delete(element);
        element.leave?.();
      }
}

function follow(settings, again) {
  followed = null; // an answer on its way is older than what the page was just drawn from
  if (settings?.every == null) return;
  const mine = { ...settings, again, since: -1, turn: 0, wanted: 0, failed: 0, told: -Infinity };
  followed = mine;
  next(mine, performance.now());
}

function next(mine, asked) {
  const interval = 1000 * mine.every * Math.min(LONGEST, 1 + mine.failed);
  const wait = Math.max(0, asked + interval - performance.now());
  setTimeout(() => {
    if (followed !== mine) return;
    if (document.hidden) document.addEventListener("visibilitychange", () => next(mine, 0), { once: true });
    else ask(mine);
  }, wait);
}

async function ask(mine) {
  const asked = performance.now();
  try {
    const address = new URL(`${mine.address}&since=${mine.since}&turn=${mine.turn}`, document.baseURI);
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    const data = new Uint8Array(await answer.arrayBuffer());
    if (followed !== mine) return;
    take(mine, data);
    mine.failed = 0;
  } catch (error) {
    if (followed !== mine) return;
    if (!mine.failed) console.warn("The run could not be asked for what is new.", error);
    mine.failed += 1;
  }
  // Once may be a run of the page that is on its way: a click changes the run before the page is drawn for it.
  if (mine.wanted > 1 || mine.failed >= PATIENCE) tell(mine);
  next(mine, asked);
}

function take(mine, data) {
  const end = 4 + new DataView(data.buffer).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(data.subarray(4, end)));
  mine.since = head.revision;
  if (head.parts.length) mine.turn += 1;
  mine.wanted = head.again ? mine.wanted + 1 : 0;
  sweep();
  let start = end;
  for (const [name, length] of head.parts) {
    const part = data.subarray(start, start + length);
    for (const show of places.get(name)?.values() ?? []) show(part);
    start += length;
  }
}

function tell(mine) {
  if (performance.now() - mine.told < AGAIN) return;
  mine.told = performance.now();
  mine.again();
}
