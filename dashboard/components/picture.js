// A picture that changes in place: the address holds the picture itself, so nothing is fetched and nothing flickers.
export default function (component) {
  const { data, parentElement } = component;
  const image = parentElement.querySelector("img");
  image.src = data.source;
  image.alt = data.alt;
}
