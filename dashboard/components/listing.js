// Code in which the lines that were just executed are lit.
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
}
