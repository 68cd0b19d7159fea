// Code in which the lines that were just executed are lit. It scrolls inside its box, so that they are always in view.
export default function (component) {
  const { data, parentElement } = component;
  const listing = parentElement.querySelector(".listing");
  listing.style.setProperty("--colour", data.colour);
  listing.replaceChildren(
    ...data.lines.map(({ text, lit }) => {
      const line = document.createElement("div");
      line.className = lit ? "line lit" : "line";
      line.textContent = text;
      if (lit) line.setAttribute("aria-current", "step");
      return line;
    }),
  );
  showLit(listing);
  listing.observer ??= new ResizeObserver(() => showLit(listing));
  listing.observer.observe(listing);
  return () => listing.observer.disconnect();
}

function showLit(listing) {
  const lit = listing.querySelectorAll(".lit");
  if (!lit.length) return;
  const top = lit[0].offsetTop;
  const bottom = lit[lit.length - 1].offsetTop + lit[lit.length - 1].offsetHeight;
  const inView = top >= listing.scrollTop && bottom <= listing.scrollTop + listing.clientHeight;
  if (!inView) listing.scrollTop = (top + bottom - listing.clientHeight) / 2;
}
