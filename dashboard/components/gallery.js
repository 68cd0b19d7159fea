// Small pictures, each above its caption if it has one.
export default function (component) {
  const { data, parentElement } = component;
  const row = parentElement.querySelector(".gallery");
  row.setAttribute("aria-label", data.alt);
  row.replaceChildren(
    ...data.items.map(({ source, caption }, index) => {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      image.src = source;
      image.alt = `${data.alt}, ${index + 1} of ${data.items.length}`;
      figure.append(image);
      if (caption) figure.appendChild(document.createElement("figcaption")).textContent = caption;
      return figure;
    }),
  );
}
