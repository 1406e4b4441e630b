// What the microphones of a frame are like, for the badge and for the popup while it is open.

import { describe, worst } from "../shared/states.js";

const EVERY_MS = 500;
const frame = crypto.randomUUID();

export class Reporter {
  #calls;
  #link;
  #popups = new Set();
  #timer = 0;
  #last = "";
  #raised = "";

  constructor(calls, link) {
    this.#calls = calls;
    this.#link = link;
  }

  /** Report now, and as long as a microphone is open. */
  start() {
    if (!this.#timer) this.#timer = setInterval(() => this.report(), EVERY_MS);
    this.report();
  }

  /** Report for good that the voice goes out unmarked, whatever the microphones are like. */
  raise(reason) {
    this.#raised = reason;
    this.report();
  }

  show(port) {
    this.#popups.add(port);
    port.onDisconnect.addListener(() => this.#popups.delete(port));
    port.postMessage(this.#describe());
  }

  drop(id) {
    this.#calls.get(id)?.close();
    this.#calls.delete(id);
  }

  report() {
    for (const [id, call] of this.#calls) if (call.isOver) this.drop(id);
    const state = this.#describe();
    for (const port of this.#popups) port.postMessage(state);
    this.#tellWorker(state);
    if (this.#calls.size || this.#raised) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#link.close();
  }

  // Only what has changed, and a sign of life, without which the browser would end the worker.
  #tellWorker({ word, reason }) {
    const second = Math.floor(performance.now() / 10_000);
    const now = `${word} ${reason} ${second}`;
    if (now === this.#last) return;
    this.#last = now;
    try {
      this.#link.tell({ type: "state", word, reason });
    } catch {
      // The extension was removed or updated: the sound goes on, and there is no badge to set.
    }
  }

  #describe() {
    const all = [...this.#calls.values()].map((call) => describe(call.readings, performance.now()));
    const state = worst(all);
    if (this.#raised) return { frame, level: -60, delay: 0, ago: null, ...state, word: "unmarked", reason: this.#raised };
    return { frame, ...state };
  }
}
