// A result as the command writes it, to copy.

import { element, makeButton } from "./elements.js";
import { say } from "./texts.js";

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown); // what some browsers refuse, the keyboard can copy
    return false;
  }
}

export function makeDetails(text) {
  const details = element("details");
  const shown = element("pre", text);
  shown.tabIndex = 0; // so that the keyboard can scroll it
  const said = element("span", "", "hint");
  said.setAttribute("role", "status");
  const button = makeButton(say("details.copy"), async () => {
    said.textContent = say((await copy(text, shown)) ? "details.copied" : "details.selected");
  });
  details.append(element("summary", say("details")), shown, button, " ", said);
  return details;
}
