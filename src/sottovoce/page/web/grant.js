// Whose marks are looked for in clips that are too short to be read: an owner id that is typed, or
// the owner of a grant.

import { $ } from "./elements.js";
import { say } from "./texts.js";

const MOST_BYTES = 4194304;

export class AskedPanel {
  #engine;
  #notices = [];
  #opened = 0; // of files that are opened one after the other, the last one holds
  ready = Promise.resolve();

  constructor(engine) {
    this.#engine = engine;
    $("grant-file").onchange = ({ target }) => {
      if (target.files.length) this.ready = this.#open(target.files[0]);
      target.value = "";
    };
    $("grant-forget").onclick = () => {
      this.#show([], "");
      $("grant-file").focus(); // the button is gone
    };
    this.#show([], "");
  }

  get options() {
    return { asked: $("asked").value, granted: this.#notices };
  }

  async #open(file) {
    const number = ++this.#opened;
    const { name } = file;
    let text = "";
    if (file.size <= MOST_BYTES) text = await file.text().catch(() => "");
    const { answer, failed } = await this.#engine.ask("open_grant", { text });
    if (number !== this.#opened) return;
    if (failed || answer.error) this.#show([], "", say("granted.bad", { name }));
    else this.#show(answer.notices, say("granted.for", { name, owner: answer.owner }));
  }

  #show(notices, news, problem = "") {
    this.#notices = notices;
    $("grant-news").textContent = news;
    $("grant-problem").textContent = problem;
    $("grant-forget").hidden = !notices.length;
  }
}
