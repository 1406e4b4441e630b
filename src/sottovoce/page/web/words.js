// Recovery words for the identity that is open: shown until some of them are typed from paper, and
// kept nowhere.

import { $, element, makeButton } from "./elements.js";
import { keepUntilSaved } from "./leaving.js";
import { say } from "./texts.js";

const N_ASKED = 3;
const WHOLE = 2 ** 32;

// Which of them are asked for, in their order; no place is likelier than another.
function choosePlaces(count) {
  const places = [...Array(count).keys()];
  const chosen = [];
  while (chosen.length < N_ASKED) {
    const [value] = crypto.getRandomValues(new Uint32Array(1));
    chosen.push(...places.splice(Math.floor((value / WHOLE) * places.length), 1));
  }
  return chosen.sort((one, other) => one - other);
}

const spell = (text) => text.normalize("NFKD").replace(/[^\p{L}]/gu, "").toLowerCase();

export class RecoveryPanel {
  #engine;
  #identity = null;
  #letGo = null; // while words are not on paper yet
  #address = ""; // of the page to print

  constructor(engine) {
    this.#engine = engine;
    $("words-make").onclick = () => this.#make();
  }

  // False if the person keeps words that are not on paper yet; else they are gone.
  mayLeave() {
    if (!this.#letGo) return true;
    if (!confirm(say("words.unsaved"))) return false;
    this.#close();
    return true;
  }

  // Takes another identity, or null; words of the one before are gone.
  take(identity) {
    this.#identity = identity;
    this.#close();
    $("words").open = false;
  }

  async #make() {
    if (!this.mayLeave()) return;
    this.#close();
    const { name, owner_id } = this.#identity;
    $("words-make").hidden = true; // a second click would make others
    $("words-news").textContent = say("words.making");
    const { answer, failed } = await this.#engine.ask("make_words", { name, owner_id });
    if (this.#identity?.owner_id !== owner_id) return;
    if (failed) {
      $("words-make").hidden = false;
      $("words-news").textContent = "";
      $("words-problem").textContent = say("words.failed", { reason: failed });
      return;
    }
    this.#letGo = keepUntilSaved(answer);
    this.#address = URL.createObjectURL(new Blob([answer.page], { type: "image/svg+xml" }));
    this.#show(answer.words);
  }

  #close() {
    this.#letGo?.();
    this.#letGo = null;
    URL.revokeObjectURL(this.#address);
    $("words-printed").replaceChildren();
    $("words-shown").replaceChildren();
    $("words-news").textContent = "";
    $("words-problem").textContent = "";
    $("words-make").hidden = false;
  }

  #show(words) {
    const list = element("ol", "", "words");
    list.translate = false;
    list.lang = "en";
    list.append(...words.map((word) => element("li", word)));
    const page = element("img");
    page.alt = "";
    page.src = this.#address;
    $("words-printed").replaceChildren(page);
    const row = element("div", "", "row");
    row.append(
      makeButton(say("words.print"), () => page.decode().then(() => print())),
      makeButton(say("words.have"), () => this.#ask(words)),
    );
    $("words-news").textContent = say("words.keep");
    $("words-problem").textContent = "";
    $("words-shown").replaceChildren(list, row);
    row.firstChild.focus();
  }

  #ask(words) {
    const form = element("form");
    const fields = choosePlaces(words.length).map((place) => {
      const field = element("input");
      Object.assign(field, { type: "text", autocomplete: "off", spellcheck: false, required: true });
      const label = element("label", say("words.number", { number: place + 1 }));
      label.append(" ", field);
      form.append(label);
      return { place, field };
    });
    const row = element("div", "", "row");
    row.append(element("button", say("words.check")), makeButton(say("words.back"), () => this.#show(words)));
    form.append(row);
    form.onsubmit = (event) => {
      event.preventDefault();
      const wrong = fields.filter(({ place, field }) => spell(field.value) !== words[place]);
      if (!wrong.length) return this.#finish();
      const numbers = wrong.map(({ place }) => place + 1).join(", ");
      $("words-news").textContent = "";
      $("words-problem").textContent = say("words.wrong", { numbers });
      return wrong[0].field.focus();
    };
    $("words-news").textContent = say("words.type");
    $("words-problem").textContent = "";
    $("words-printed").replaceChildren(); // what is printed from here on has no words on it
    $("words-shown").replaceChildren(form);
    fields[0].field.focus();
  }

  #finish() {
    this.#close();
    $("words-news").textContent = say("words.done", this.#identity);
    $("words-make").focus();
  }
}
