// Words of the page in the reader's language; nothing from a file is ever taken as HTML.

import { fill } from "./fill.js";
import { makeTranslator } from "./package_words.js";

const SURE_FROM = 9;
const catalogue = JSON.parse(document.getElementById("strings").textContent);

function choose() {
  for (const wanted of navigator.languages ?? []) {
    const language = wanted.slice(0, 2).toLowerCase();
    if (language in catalogue) return language;
  }
  return "en";
}

export const language = choose();

export const say = (key, values = {}) => fill(catalogue[language][key], values);

// Of a text of the package; null if it can only be shown in English.
export const translate = makeTranslator(catalogue, language);

// How sure a found mark is.  Beyond one in a billion, a power of ten says less than words.
export function sayCertainty(log10P) {
  const exponent = Math.floor(-log10P);
  if (exponent >= SURE_FROM) return say("certainty.practical");
  const odds = Math.floor(10 ** (-log10P - exponent) + 1e-9) * 10 ** exponent;
  return say("certainty.high", { odds: new Intl.NumberFormat(language).format(odds) });
}

// What a mark refuses, from its eight bits.
export function sayPolicy(policy) {
  const uses = [1, 2, 4, 8, 16, 32, 64].filter((bit) => policy & bit);
  let refuses = say("refuses.some", { uses: uses.map((bit) => say(`use.${bit}`)).join(", ") });
  if (uses.length === 7) refuses = say("refuses.all");
  if (!uses.length) refuses = say("refuses.none");
  return policy & 128 ? say("refuses.licence", { refuses }) : refuses;
}

export function showTexts() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", say(one.dataset.label));
  }
  document.documentElement.classList.remove("wordless");
}
