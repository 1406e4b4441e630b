// The badge of each tab: the state of the microphone in it that the person has to know about first.

import { worst } from "../shared/states.js";

const api = globalThis.browser ?? chrome;
const KEPT = "states";
/** How long a frame may take to say that it is there; see `reporter.js`. */
const SIGN_OF_LIFE_MS = 15_000;

const LOOKS = {
  marked: { text: "✓", colour: "#14653a" },
  ready: { text: "…", colour: "#7a5a00" },
  muted: { text: "–", colour: "#4d5a68" },
  unheard: { text: "!", colour: "#a3211d" },
  unmarked: { text: "!", colour: "#a3211d" },
  older: { text: "↻", colour: "#a3211d" },
  off: { text: "", colour: "#4d5a68" },
  idle: { text: "", colour: "#4d5a68" },
};

export class BadgeBoard {
  #ready;
  #tabs = new Map();
  #unsure = new Set(); // frames that an earlier worker knew, and that have not said anything since

  constructor() {
    this.#ready = this.#restore();
    api.tabs.onRemoved.addListener((tab) => {
      this.#tabs.delete(tab);
      this.#keep();
    });
  }

  async set({ tab, frame }, state) {
    await this.#ready;
    this.#unsure.delete(keyOf(tab, frame));
    this.#tabs.set(tab, { ...this.#tabs.get(tab), [frame]: state });
    await this.#show(tab);
  }

  async remove({ tab, frame }) {
    await this.#ready;
    if (!this.#tabs.get(tab)?.[frame]) return;
    const { [frame]: _, ...others } = this.#tabs.get(tab);
    this.#tabs.set(tab, others);
    await this.#show(tab);
  }

  /** @returns {boolean} whether a script in the tab has reported a microphone. */
  hasCall(tab) {
    const { sharing: _, ...frames } = this.#tabs.get(tab) ?? {};
    return Object.values(frames).some(({ word }) => !["idle", "older"].includes(word));
  }

  async #show(tab) {
    const { word, reason } = worst(Object.values(this.#tabs.get(tab) ?? {}));
    const { text, colour } = LOOKS[word];
    const state = api.i18n.getMessage(`state_${word}`);
    const why = reason && api.i18n.getMessage(`why_${reason}`);
    const title = [`sottovoce: ${state}`, why].filter(Boolean).join(". ");
    this.#keep();
    try {
      await api.action.setBadgeBackgroundColor({ tabId: tab, color: colour });
      await api.action.setBadgeTextColor({ tabId: tab, color: "#ffffff" });
      await api.action.setBadgeText({ tabId: tab, text });
      await api.action.setTitle({ tabId: tab, title });
    } catch {
      this.#tabs.delete(tab); // it was closed meanwhile
    }
  }

  // The browser ends this worker whenever it likes, and the badges stay.
  #keep() {
    api.storage.session.set({ [KEPT]: [...this.#tabs] });
  }

  async #restore() {
    const { [KEPT]: kept } = await api.storage.session.get({ [KEPT]: [] });
    this.#tabs = new Map(kept);
    for (const [tab, frames] of kept) {
      for (const frame of Object.keys(frames)) {
        // What this worker has set itself says nothing again.
        if (/^\d+$/.test(frame)) this.#unsure.add(keyOf(tab, frame));
      }
    }
    if (this.#unsure.size) setTimeout(() => this.#dropSilent(), SIGN_OF_LIFE_MS);
  }

  // A frame that went while no worker was there could tell nobody.
  async #dropSilent() {
    const silent = [...this.#unsure].map((key) => key.split(" "));
    this.#unsure.clear();
    for (const [tab, frame] of silent) await this.remove({ tab: Number(tab), frame });
  }
}

const keyOf = (tab, frame) => `${tab} ${frame}`;
