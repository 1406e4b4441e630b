// What goes to a client: receipts, and all new files in one archive with theirs.

import { downloadZip } from "client-zip";
import { $, element, makeButton, saveFile } from "./elements.js";
import { say } from "./texts.js";

const MOST_BYTES = 2e9; // an archive is made in memory
const FOREIGN = /[\u0000-\u001f\u007f<>:"/\\|?*]/g; // no name on Windows may hold them
const MOST_NAME_BYTES = 200; // most file systems hold 255: a number and a suffix may follow

function insertBeforeSuffix(name, more) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}${more}${name.slice(dot)}` : `${name}${more}`;
}

// What an archive holds under a longer name could not be unpacked.
function shorten(name) {
  const dot = name.lastIndexOf(".");
  const suffix = dot > 0 && name.length - dot <= 9 ? name.slice(dot) : "";
  const stem = [...name.slice(0, name.length - suffix.length)];
  while (new TextEncoder().encode(stem.join("") + suffix).length > MOST_NAME_BYTES) stem.pop();
  return stem.join("") + suffix;
}

export class Delivery {
  #engine;
  #rows = [];
  #taken = new Set();

  constructor(engine) {
    this.#engine = engine;
    $("delivery-zip").onclick = () => this.#saveAll();
  }

  // Takes note of what became of a file; `problem` says why there is no answer.
  add(file, { answer, made, problem }, own = {}) {
    const row = { made, savedAs: file };
    if (problem) {
      const { sha256_in = "", remedy = "" } = answer ?? {};
      row.entry = { file, sha256_in, error: problem, remedy };
    } else {
      if (made) row.savedAs = this.#name(file);
      row.notice = answer.notice;
      row.identity = own[answer.notice.owner_id] ?? "";
      row.entry = { ...answer.entry, file, path: row.savedAs };
    }
    this.#rows.push(row);
    this.#show();
    return row;
  }

  // Forgets all files, so that an archive holds only what comes later; false if the person would
  // rather save some first.
  clear() {
    if (this.#rows.some((row) => row.isUnsaved) && !confirm(say("clear.unsaved"))) return false;
    for (const row of this.#rows) row.letGo?.();
    this.#rows = [];
    this.#taken.clear();
    this.#show();
    return true;
  }

  #show() {
    $("delivery").hidden = this.#rows.filter((row) => row.made).length < 2;
    $("delivery-news").textContent = "";
  }

  makeReceiptButton(row) {
    const button = makeButton(say("receipt"), async () => {
      const page = await this.#writeReceipt([row]);
      if (page) saveFile(page, `${row.savedAs}.receipt.html`);
      else button.after(element("span", say("receipt.failed"), "bad"));
    });
    return button;
  }

  // Two files of one name, from two folders, are saved under two.
  #name(file) {
    const wanted = insertBeforeSuffix(shorten(file.replace(FOREIGN, "_")), ".protected");
    let name = wanted;
    for (let n = 2; this.#taken.has(name.toLowerCase()); n++) name = insertBeforeSuffix(wanted, ` (${n})`);
    this.#taken.add(name.toLowerCase());
    return name;
  }

  // What the marks say, and who calls their owner what, is that of the first.
  async #writeReceipt(rows) {
    const [{ notice, identity }] = rows;
    const files = rows.map((row) => row.entry);
    const { answer } = await this.#engine.ask("write_receipt", { notice, identity, files });
    return answer ? new Blob([answer.page], { type: "text/html" }) : null;
  }

  // A receipt says once what each mark says: files with other words get another one.
  async #writeReceipts() {
    const groups = new Map();
    for (const row of this.#rows.filter((one) => one.notice)) {
      const key = JSON.stringify([row.notice, row.identity]);
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const failed = this.#rows.filter((row) => !row.notice);
    const receipts = [];
    for (const rows of groups.values()) {
      const number = receipts.length ? `-${receipts.length + 1}` : "";
      const page = await this.#writeReceipt([...rows, ...failed.splice(0)]);
      if (!page) throw new Error(say("receipt.failed"));
      receipts.push({ name: `receipt${number}.html`, input: page });
    }
    return receipts;
  }

  async #saveAll() {
    const made = this.#rows.filter((row) => row.made);
    const tell = (text) => {
      $("delivery-news").textContent = text;
    };
    if (made.reduce((sum, row) => sum + row.made.size, 0) > MOST_BYTES) return tell(say("zip.large"));
    $("delivery-zip").disabled = true;
    tell(say("zip.packing"));
    try {
      const files = made.map((row) => ({ name: row.savedAs, input: row.made }));
      const archive = await downloadZip([...files, ...(await this.#writeReceipts())]).blob();
      saveFile(archive, "protected.zip");
      for (const row of made) row.onSaved?.();
      tell("");
    } catch (error) {
      tell(say("zip.failed", { reason: error.message }));
    }
    $("delivery-zip").disabled = false;
    return undefined;
  }
}
