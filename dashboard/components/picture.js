// A picture that changes in place: it comes as bytes, so nothing is fetched and nothing flickers.
const CHUNK = 0x8000; // characters that one call may take

function address(png) {
  let text = "";
  for (let start = 0; start < png.length; start += CHUNK)
    text += String.fromCharCode(...png.subarray(start, start + CHUNK));
  return `data:image/png;base64,${btoa(text)}`;
}

export default function (component) {
  const { data, parentElement } = component;
  const image = parentElement.querySelector("img");
  const words = (data[0] << 8) | data[1];
  image.alt = new TextDecoder().decode(data.subarray(2, 2 + words));
  image.src = address(data.subarray(2 + words));
}
