// Words in the browser's language; nothing from outside is ever taken as HTML.

import { fill } from "../../../src/sottovoce/page/web/fill.js";

const api = globalThis.browser ?? chrome;

export const $ = (id) => document.getElementById(id);

// A browser's catalogue has no dots in its names.
export const say = (key, values = {}) => fill(api.i18n.getMessage(key.replaceAll(".", "_")), values);

export function showTexts() {
  document.documentElement.lang = say("language");
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", say(one.dataset.label));
  }
}
