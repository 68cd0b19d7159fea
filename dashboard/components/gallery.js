// Small pictures, each above its caption.
export default function (component) {
  const { data, parentElement } = component;
  const row = parentElement.querySelector(".gallery");
  row.setAttribute("aria-label", data.alt);
  row.replaceChildren(
    ...data.items.map(({ source, caption }) => {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      image.src = source;
      image.alt = caption || data.alt;
      const text = document.createElement("figcaption");
      text.textContent = caption;
      figure.append(image, text);
      return figure;
    }),
  );
}
