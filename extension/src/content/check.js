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
/** How much speech is enough to say that a mark which has never been found is not there. */
const ENOUGH_S = 8;
/**
 * How much speech, in the last so many seconds, is enough to say that a mark which was found has stopped,
 * and the least agreement with a mark.  Of 14 voices it was 7.4 and more at the weakest strength, and at
 * most 3.6 after the mark had stopped.
 */
const RECENT_S = 2;
const LONGEST_S = 20;
const LEAST_AGREEMENT = 5;
/** Superframes whose signs are kept: what is looked at lies in the last two. */
const N_SUPERFRAMES = 8;

export class Check {
  readings = { foundMs: null, isMissing: false };
  #tap;
  #settings;
  #sampleRate;
  #detector = null;
  #meter = null;
  #speechS = 0; // since the mark was found, or since the beginning
  #isKnown = false; // whether it has been found since the beginning
  #unseenS = 0; // since the last look
  #heard = []; // the chunks of the last seconds: how long, and how much of it was speech
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
    // Where blocks were missed, the place in the pattern has moved.
    if (this.#meter && placeOf(meter) !== placeOf(this.#meter)) this.restart();
    this.#meter = meter;
  }

  /** Take the signs of a superframe with a seal. */
  setSuperframe(index, bits) {
    this.#superframes.set(index, bits);
    this.#superframes.delete(index - N_SUPERFRAMES);
    this.#detector?.pattern.setSuperframe(index, bits);
  }

  /** Begin again, after sound was interrupted. */
  restart() {
    this.#detector = null;
    this.#meter = null;
    this.#speechS = 0;
    this.#isKnown = false;
    this.#heard = [];
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
    const speechS = power > SPEECH_POWER ? seconds : 0;
    this.#heard.push({ seconds, speechS });
    if (this.#heard.length * seconds > LONGEST_S) this.#heard.shift();
    this.#speechS += speechS;
    this.#unseenS += seconds;
    if (this.#unseenS >= LOOK_S) this.#look();
  }

  #start(first) {
    const { delay } = this.#meter;
    const firstSample = first - placeOf(this.#meter);
    const detector = new OwnDetector({ ...this.#settings, sampleRate: this.#sampleRate, delay, firstSample });
    for (const [index, bits] of this.#superframes) detector.pattern.setSuperframe(index, bits);
    return detector;
  }

  #look() {
    this.#unseenS = 0;
    const isFound = this.#detector.look().found;
    const agrees = this.#agrees();
    this.#isKnown ||= isFound;
    // The longer windows still find a mark that has stopped.
    if (isFound && agrees !== false && this.#speechS > 0) {
      this.readings.foundMs = performance.now();
      this.#speechS = 0;
    }
    this.readings.isMissing = this.#isKnown ? agrees === false : this.#speechS >= ENOUGH_S;
  }

  /** @returns {boolean | null} whether the mark is in the speech of the last seconds; null if that is too little. */
  #agrees() {
    let seconds = 0;
    let speechS = 0;
    for (let i = this.#heard.length - 1; i >= 0 && speechS < RECENT_S; i--) {
      seconds += this.#heard[i].seconds;
      speechS += this.#heard[i].speechS;
    }
    if (!this.#isKnown || speechS < RECENT_S) return null;
    return this.#detector.agreement(seconds) >= LEAST_AGREEMENT;
  }
}

/** By how much the context's time is ahead of the processor's samples. */
function placeOf({ contextFrame, samples }) {
  return contextFrame - samples;
}
