// The sound of one microphone on its way to the page: through the mark, or around it if that fails.

import { decodeBase64 } from "../signal/bits.js";
import { SUPERFRAME_S } from "../signal/seal.js";
import { FRAME_S } from "../signal/tables.js";
import { Check } from "./check.js";
import { openGraph } from "./graph.js";

const WATCH_MS = 250;
const STALE_MS = 2_000;
const AHEAD = 2; // superframes whose seals are sent before their turn
const SEAL_AFTER_S = 20; // so that the owner is read as early in a call as without a seal

export class Call {
  #id;
  #raw;
  #link;
  #onSilent;
  #onHeard;
  #graph = null;
  #check = null;
  #timer = 0;
  #nStale = 0;
  #isOpening = false;
  #isClosed = false;
  #isSilent = false;
  #around = ""; // why the sound goes around the mark for good
  #nUnmarked = 0;
  #meterMs = 0;
  #timeS = 0;
  #movedMs = 0;
  #sealedUntil = -1;
  #firstSealed = 0;
  #readings = {
    isOff: false, failure: "", isMuted: false, levelDbfs: -Infinity, delayMs: 0, foundMs: null, isMissing: false,
    choices: "",
  };

  /**
   * @param {object} options
   * @param {number} options.id of the microphone in this frame.
   * @param {MediaStreamTrack} options.raw the microphone.
   * @param {import("./link.js").Link} options.link to the worker that has the settings and the keys.
   * @param {() => void} options.onSilent called when no sound comes out any more.
   * @param {() => void} options.onHeard called when it does again.
   */
  constructor({ id, raw, link, onSilent, onHeard }) {
    this.#id = id;
    this.#raw = raw;
    this.#link = link;
    this.#onSilent = onSilent;
    this.#onHeard = onHeard;
  }

  get readings() {
    return { ...this.#readings, ...this.#check?.readings };
  }

  /** Whether the microphone has been stopped, which no event tells where the page has it itself. */
  get isOver() {
    return this.#raw.readyState === "ended";
  }

  /** @returns {Promise<MediaStream | null>} the marked sound; null if the microphone's own has to do. */
  async open() {
    try {
      return await this.#open();
    } catch (error) {
      this.fail(error.reason ?? "error");
      return null;
    }
  }

  /**
   * Try again, since somebody has clicked or pressed a key: before, Firefox lets frames process no sound.
   *
   * @returns {Promise<MediaStream | null>} the marked sound; null if it did not help, or was not needed.
   */
  async openAgain() {
    if (this.#graph || this.#isOpening || this.#readings.failure !== "suspended") return null;
    const stream = await this.open();
    if (stream) this.fail("");
    return stream;
  }

  async #open() {
    this.#isOpening = true;
    try {
      const settings = await this.#ask("begin");
      this.#readings.choices = settings.choices;
      this.#readings.isOff = !settings.isOn;
      if (!settings.isOn) return null;
      // Sound begins in superframe 1, so far from its beginning.
      const begunS = settings.phaseFrames * FRAME_S;
      this.#firstSealed = Math.ceil(1 + (begunS + SEAL_AFTER_S) / SUPERFRAME_S);
      const graph = await openGraph(this.#raw, settings, (meter) => this.#take(meter));
      if (this.#isClosed || this.#readings.failure === "late") {
        graph.close();
        return null;
      }
      return this.#begin(graph, settings);
    } finally {
      this.#isOpening = false;
    }
  }

  #begin(graph, settings) {
    this.#graph = graph;
    graph.onError = () => this.#goAround("processor");
    graph.onRunning = () => this.#watch();
    this.#check = new Check(graph, settings);
    this.#timer = setInterval(() => this.#watch(), WATCH_MS);
    return graph.stream;
  }

  /** Say that the voice goes out as it is, and why; until it is closed. */
  fail(reason) {
    this.#readings.failure = reason;
  }

  #ask(type) {
    return this.#link.ask({ type, id: this.#id });
  }

  mute(isMuted) {
    this.#readings.isMuted = isMuted;
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#check?.close();
    this.#graph?.close();
  }

  /** Begin again with the seals, after the worker has forgotten where they were. */
  async startSealing() {
    if (!this.#graph?.isSealed) return;
    const settings = await this.#ask("begin").catch(() => null);
    // Another owner's signs would not be those of this mark.
    if (settings && settings.choices !== this.#readings.choices) this.#graph.isSealed = false;
    this.#sealedUntil = -1;
  }

  #take(meter) {
    this.#check?.align(meter);
    this.#readings.levelDbfs = meter.rmsDb;
    this.#readings.delayMs = (1_000 * meter.delay) / meter.sampleRate;
    this.#meterMs = performance.now();
    if (meter.unmarked > this.#nUnmarked) this.fail("processor");
    else if (this.#readings.failure === "processor" && !this.#graph?.isAround) this.fail("");
    this.#nUnmarked = meter.unmarked;
    if (this.#graph?.isSealed) this.#seal(meter.superframe + AHEAD);
  }

  async #seal(until) {
    const first = Math.max(this.#sealedUntil + 1, until - AHEAD, this.#firstSealed);
    if (first > until) return;
    this.#sealedUntil = until;
    let index = first;
    try {
      for (; index <= until; index++) {
        const bits = decodeBase64(await this.#ask("seal"));
        this.#graph.setSuperframe(index, bits);
        this.#check?.setSuperframe(index, bits);
      }
    } catch {
      this.#sealedUntil = index - 1; // asked for again with the next meter
    }
  }

  #watch() {
    const graph = this.#graph;
    if (graph.isRunning && this.#isMoving()) {
      if (this.#isSilent) this.#comeBack();
      // Twice, since a busy page runs timers before the messages that came meanwhile.
      const isStale = performance.now() - this.#meterMs > STALE_MS;
      this.#nStale = isStale ? this.#nStale + 1 : 0;
      if (this.#nStale > 1 && !graph.isAround) this.#goAround("stalled");
      return;
    }
    graph.resume();
    if (this.#isSilent) return;
    // The marked track itself is silent now, and whatever the page records of it: no track can be moved
    // to other sound.  One that scripts write, from which Chromium would go on, lost a quarter of the
    // sound of a page that was busy for 0.3 s at a time.  What can be moved is what a call sends.
    this.#isSilent = true;
    this.fail("suspended");
    this.#onSilent();
  }

  // An audio thread that has ended leaves the context running, as its state says.
  #isMoving() {
    const { timeS } = this.#graph;
    const nowMs = performance.now();
    if (timeS !== this.#timeS) {
      this.#timeS = timeS;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs < STALE_MS;
  }

  #comeBack() {
    this.#isSilent = false;
    this.#nStale = 0;
    this.#meterMs = performance.now();
    this.fail(this.#around);
    if (!this.#around) this.#check.restart();
    this.#onHeard();
  }

  #goAround(reason) {
    this.#around = reason;
    this.#graph.goAround();
    this.fail(reason);
  }
}
