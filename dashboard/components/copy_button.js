// A button that copies a text, and says so.
function copyWithoutPermission(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy"); // where the page is not served securely there is no clipboard
  field.remove();
  return copied;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyWithoutPermission(text);
  }
}

export default function (component) {
  const { text, label } = component.data;
  const button = component.parentElement.querySelector("button");
  button.textContent = label;
  button.onclick = async () => {
    const whole = /^(\.\/)?\?/.test(text) ? new URL(text, document.baseURI).href : text;
    button.textContent = (await copy(whole)) ? "Copied" : whole;
    setTimeout(() => (button.textContent = label), 2500);
  };
}
