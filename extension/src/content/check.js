// Whether this person's own mark is in what goes out: the outgoing track itself is heard.
//
// It takes about two hundredths of a processor, in pieces of a few milliseconds, so it runs beside the
// page's code; an audio thread would be late by them, and a worker of its own is forbidden on pages
// with a strict policy.

import { decodeBase64 } from "../signal/bits.js";
import { OwnDetector } from "../signal/detector.js";

const LOOK_S = 1;
/** Sound from this level on counts as speech. */
const SPEECH_POWER = 10 ** (-50 / 10);
/** How much speech is enough to say that there is no mark. */
const ENOUGH_S = 8;

export class Check {
  readings = { foundMs: null, isMissing: false };
  #tap;
  #settings;
  #sampleRate;
  #detector = null;
  #meter = null;
  #speechS = 0; // since the mark was found
  #unseenS = 0; // since the last look
  #superframes = new Map();

  /**
   * @param {import("./graph.js").Graph} graph whose track goes out.
   * @param {object} settings as the service worker gives them.
   */
  constructor(graph, { bits, phaseFrames }) {
    this.#settings = { bits: decodeBase64(bits), phaseFrames };
    this.#sampleRate = graph.sampleRate;
    this.#tap = graph.tap();
    this.#tap.port.onmessage = ({ data }) => this.#hear(data);
  }

  /** Take a meter of the processor, which says what of the mark goes out when. */
  align(meter) {
    this.#meter = meter;
  }

  /** Take the signs of a superframe with a seal. */
  setSuperframe(index, bits) {
    this.#superframes.set(index, bits);
    this.#superframes.delete(index - this.#superframes.size);
    this.#detector?.pattern.setSuperframe(index, bits);
  }

  /** Begin again, after sound was interrupted. */
  restart() {
    this.#detector = null;
    this.#meter = null;
    this.#speechS = 0;
  }

  close() {
    this.#tap.port.onmessage = null;
    this.#tap.disconnect();
  }

  #hear({ first, channels }) {
    if (!this.#meter) return;
    this.#detector ??= this.#start(first);
    this.#detector.push(channels);
    const seconds = channels[0].length / this.#sampleRate;
    const power = channels[0].reduce((sum, one) => sum + one * one, 0) / channels[0].length;
    if (power > SPEECH_POWER) this.#speechS += seconds;
    this.#unseenS += seconds;
    if (this.#unseenS >= LOOK_S) this.#look();
  }

  #start(first) {
    const { samples, contextFrame, delay } = this.#meter;
    const firstSample = samples - (contextFrame - first);
    const detector = new OwnDetector({ ...this.#settings, sampleRate: this.#sampleRate, delay, firstSample });
    for (const [index, bits] of this.#superframes) detector.pattern.setSuperframe(index, bits);
    return detector;
  }

  #look() {
    this.#unseenS = 0;
    const isFound = this.#detector.look().found;
    if (isFound && this.#speechS > 0) {
      this.readings.foundMs = performance.now();
      this.#speechS = 0;
    }
    this.readings.isMissing = !isFound && this.#speechS >= ENOUGH_S;
  }
}
