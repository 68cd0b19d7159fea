// Code in which the lines that were just executed are lit.
export default function (component) {
  const { data, parentElement } = component;
  const listing = document.createElement("pre");
  listing.className = "listing";
  listing.style.setProperty("--colour", data.colour);
  for (const { text, lit } of data.lines) {
    const line = document.createElement("div");
    line.className = lit ? "line lit" : "line";
    line.textContent = text;
    if (lit) line.setAttribute("aria-current", "step");
    listing.appendChild(line);
  }
  parentElement.querySelector(".listing")?.remove();
  parentElement.appendChild(listing);
}
