// Small pieces of the page; whatever text they get is text, never HTML.

import { say } from "./texts.js";

export const $ = (id) => document.getElementById(id);

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

// A link that saves something made here under a name.
export function offerFile(blob, name, onSave = () => {}) {
  const link = element("a", say("save", { name }), "save");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.onclick = onSave;
  return link;
}

// Lets go of what a link saves, once a browser that was asked to save it has begun to read it.
export function release(link) {
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Whether a file that was chosen is still there, and unchanged.
export async function isUnchanged(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

// Saves something made here, without a link to it.
export function saveFile(blob, name) {
  const link = offerFile(blob, name);
  link.click();
  release(link);
}
