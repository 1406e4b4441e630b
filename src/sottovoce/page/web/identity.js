// Whose marks are written: nobody's, or those of an identity.  Its key is in a file that the person
// keeps; the page holds it in memory, and in the browser only if asked to.

import { $, element, offerFile } from "./elements.js";
import { keepUntilSaved } from "./leaving.js";
import { say } from "./texts.js";
import { RecoveryPanel } from "./words.js";

const MOST_BYTES = 65536;
const KEPT = "sottovoce-identity";

// Browsers may refuse to store anything for a page that is opened from disk.
function store(text) {
  try {
    if (text === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, text);
    return true;
  } catch {
    return false;
  }
}

// Returns null if nothing is kept; what is damaged is found to be so when it is opened.
function readStored() {
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
    const { text, file_name } = JSON.parse(kept);
    return { text: String(text), file_name: String(file_name) };
  } catch {
    return kept === null ? null : { text: kept, file_name: `${KEPT}.json` };
  }
}

export class IdentityPanel {
  #engine;
  #recovery;
  #known = null;
  #onSaved = null; // while a key that was made is not saved yet
  ready = Promise.resolve(); // until then, an identity that was remembered is being opened

  constructor(engine) {
    this.#engine = engine;
    this.#recovery = new RecoveryPanel(engine);
    $("identity-make").onsubmit = (event) => {
      event.preventDefault();
      this.#make($("identity-name").value.trim());
    };
    $("identity-file").onchange = ({ target }) => {
      if (target.files.length) this.#open(target.files[0]);
      target.value = "";
    };
    $("identity-remember").onchange = () => this.#remember();
    $("identity-forget").onclick = () => this.#forget();
    // What is forgotten in one tab is forgotten in all.
    addEventListener("storage", ({ key, newValue }) => {
      if (key === KEPT && newValue === null && $("identity-remember").checked) this.#forget();
    });
    this.#putAway(); // some browsers keep what was chosen before a reload
    const stored = readStored();
    if (stored) this.ready = this.#restore(stored);
  }

  // Names of the identities by their owner ids, for marks that are the person's own.
  get own() {
    return this.#known ? { [this.#known.owner_id]: this.#known.name } : {};
  }

  // What the mark will name; 0 for nobody.
  get ownerId() {
    return $("owner-own").checked ? this.#known.owner_id : 0;
  }

  // Keys of the seals of the person's own marks, by owner ids.
  get seals() {
    return this.#known?.seal ? { [this.#known.owner_id]: this.#known.seal } : {};
  }

  // The key of the seal that the mark will carry; empty for nobody's.
  get seal() {
    return $("owner-own").checked ? this.#known.seal : "";
  }

  async #make(name) {
    if (!this.#mayReplace()) return;
    this.#tell(say("identity.making"));
    const { answer, failed } = await this.#engine.ask("make_identity", { name });
    if (failed) return this.#refuse(say("identity.failed", { reason: failed }));
    if (answer.error) return this.#refuse(say("identity.badname"));
    if (!this.#recovery.mayLeave()) return this.#tell(""); // words that were made meanwhile
    this.#take(answer);
    this.#onSaved = keepUntilSaved(answer);
    $("identity-name").value = "";
    $("identity-saved").replaceChildren(
      element("p", say("identity.keep")),
      offerFile(new Blob([answer.text], { type: "application/json" }), `${answer.name}.json`, () => this.#letGo()),
    );
    return this.#tell(say("identity.made", answer));
  }

  async #open(file) {
    if (!this.#mayReplace()) return;
    const name = file.name;
    if (file.size > MOST_BYTES) return this.#refuse(say("identity.damaged", { name }));
    let text = "";
    try {
      text = await file.text();
    } catch {
      return this.#refuse(say("error.changed"));
    }
    this.#tell(say("identity.opening"));
    const { answer, failed } = await this.#engine.ask("open_identity", { text, file_name: name });
    if (failed || answer.error) return this.#refuse(say("identity.damaged", { name }));
    if (!this.#recovery.mayLeave()) return this.#tell("");
    this.#take(answer);
    return this.#tell(say("identity.opened", answer));
  }

  async #restore(stored) {
    const { answer, failed } = await this.#engine.ask("open_identity", stored);
    if (failed || answer.error) return this.#refuse(say("identity.damaged", { name: stored.file_name }));
    $("identity-remember").checked = true;
    return this.#take(answer);
  }

  #take(identity) {
    this.#letGo();
    this.#known = identity;
    $("identity-saved").replaceChildren();
    $("owner-own").disabled = false;
    $("owner-own").checked = true;
    this.#show();
    if ($("identity-remember").checked) this.#remember();
  }

  #remember() {
    if (!$("identity-remember").checked) return store(null);
    const { text, name } = this.#known;
    if (store(JSON.stringify({ text, file_name: `${name}.json` }))) return true;
    $("identity-remember").checked = false;
    return this.#refuse(say("identity.refused"));
  }

  #forget() {
    if (!this.#mayReplace()) return;
    store(null);
    this.#putAway();
    this.#tell(say("identity.forgotten"));
  }

  #putAway() {
    this.#letGo();
    this.#known = null;
    $("identity-saved").replaceChildren();
    $("identity-remember").checked = false;
    $("owner-nobody").checked = true;
    $("owner-own").disabled = true;
    this.#show();
  }

  // Whoever leaves the page need not be asked about a key any more.
  #letGo() {
    this.#onSaved?.();
    this.#onSaved = null;
  }

  // A key that was made and not saved would be lost for good.
  #mayReplace() {
    return (!this.#onSaved || confirm(say("identity.unsaved"))) && this.#recovery.mayLeave();
  }

  #show() {
    const known = this.#known;
    this.#recovery.take(known);
    $("identity-known").textContent = known ? known.name : say("identity.none");
    $("owner-name").textContent = known ? say("owner.own", known) : say("owner.none");
    $("identity-keeping").hidden = !known;
  }

  #tell(text) {
    $("identity-problem").textContent = "";
    $("identity-news").textContent = text;
  }

  #refuse(text) {
    $("identity-news").textContent = "";
    $("identity-problem").textContent = text;
    $("identity").open = true;
  }
}
