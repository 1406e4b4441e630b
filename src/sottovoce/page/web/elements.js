// Elements with text; nothing from a file is ever taken as HTML.

export function element(name, text = "", classes = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = classes;
  return made;
}

export function makeButton(text, onclick) {
  const made = element("button", text);
  made.type = "button";
  made.onclick = onclick;
  return made;
}
