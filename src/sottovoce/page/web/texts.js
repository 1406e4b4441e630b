// Words of the page in the reader's language; nothing from a file is ever taken as HTML.

const catalogue = JSON.parse(document.getElementById("strings").textContent);

function choose() {
  for (const wanted of navigator.languages ?? []) {
    const language = wanted.slice(0, 2).toLowerCase();
    if (language in catalogue) return language;
  }
  return "en";
}

export const language = choose();

export function say(key, values = {}) {
  return catalogue[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function showTexts() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", say(one.dataset.label));
  }
}
