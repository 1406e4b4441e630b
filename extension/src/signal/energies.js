// The energy of each band in each frame of a stream (`sottovoce.core.features.band_energies`).
//
// Frame g starts at sample round(g * hop) of the grid on which the mark was written, is 24 ms long
// and sits at the middle of the cell that begins one hop earlier.

import { bandShares, countUsableBands, frameStart } from "./bands.js";
import { Fft, nextFastLength } from "./fft.js";
import { FRAME_S } from "./tables.js";

const WINDOW_S = 0.024;
/** Samples that are worked on at once. */
const PIECE = 1024;
/** Louder samples are clipped to this, so that every sum of squares stays finite. */
const MAX_AMPLITUDE = 1e6;

export class BandEnergies {
  /**
   * @param {number} sampleRate in Hz.
   * @param {number} place of the first sample on the grid of the mark; may be negative.
   * @param {(energies: Float32Array) => void} take called with the energies of each frame in turn, one
   *   for each usable band; the array is used again.
   */
  constructor(sampleRate, place, take) {
    this.nBands = countUsableBands(sampleRate);
    this.#hop = sampleRate * FRAME_S;
    this.#take = take;
    this.#nWindow = Math.round(WINDOW_S * sampleRate);
    this.#fft = new Fft(nextFastLength(this.#nWindow));
    this.#shares = bandShares(sampleRate, this.#fft.n);
    this.#window = Float32Array.from({ length: this.#nWindow }, (_, i) =>
      0.5 - 0.5 * Math.cos((2 * Math.PI * i) / this.#nWindow));
    this.#energies = new Float32Array(this.nBands);
    this.#place = place;
    this.firstFrame = Math.ceil(place / this.#hop);
    while (frameStart(this.firstFrame, this.#hop) < place) this.firstFrame += 1;
    this.#frame = this.firstFrame;
    this.#mask = 2 ** Math.ceil(Math.log2(this.#nWindow + PIECE)) - 1;
    this.#heard = [0, 1].map(() => new Float32Array(this.#mask + 1));
  }

  /** Bands that the rate can carry. */
  nBands;
  /** Number of the first frame. */
  firstFrame;
  #hop;
  #take;
  #nWindow;
  #fft;
  #shares;
  #window;
  #energies;
  #place;
  #frame;
  #mask;
  #heard;

  /**
   * @param {Float32Array[]} channels one or two; energies are summed over them, so that the phase
   *   between them does not matter.  More are left out.
   */
  push(channels) {
    const n = channels[0]?.length ?? 0;
    for (let begin = 0; begin < n; begin += PIECE) {
      const end = Math.min(begin + PIECE, n);
      for (let i = 0; i < 2; i++) this.#hear(channels[i], begin, end, this.#heard[i]);
      this.#place += end - begin;
      while (frameStart(this.#frame, this.#hop) + this.#nWindow <= this.#place) {
        this.#measure(frameStart(this.#frame, this.#hop));
        this.#take(this.#energies);
        this.#frame += 1;
      }
    }
  }

  #hear(from, begin, end, heard) {
    const shift = this.#place - begin;
    for (let i = begin; i < end; i++) {
      const sample = from === undefined ? 0 : from[i];
      const tame = Math.min(Math.max(sample, -MAX_AMPLITUDE), MAX_AMPLITUDE);
      heard[(i + shift) & this.#mask] = Number.isNaN(tame) ? 0 : tame;
    }
  }

  /** Two channels are the real and the imaginary part of one signal. */
  #measure(start) {
    const fft = this.#fft;
    const [left, right] = this.#heard;
    for (let i = 0; i < this.#nWindow; i++) {
      const at = (start + i) & this.#mask;
      fft.re[i] = left[at] * this.#window[i];
      fft.im[i] = right[at] * this.#window[i];
    }
    fft.re.fill(0, this.#nWindow);
    fft.im.fill(0, this.#nWindow);
    fft.transform();
    const { re, im } = fft;
    const { first, last, lower, lowerShare, upperShare } = this.#shares;
    this.#energies.fill(0);
    for (let bin = first; bin < last; bin++) {
      const other = fft.n - bin;
      // |Z(k)|^2 + |Z(-k)|^2 is twice the power of both parts.
      const power = 0.5 * (re[bin] ** 2 + im[bin] ** 2 + re[other] ** 2 + im[other] ** 2);
      const band = lower[bin - first];
      this.#energies[band] += power * lowerShare[bin - first];
      if (upperShare[bin - first] > 0) this.#energies[band + 1] += power * upperShare[bin - first];
    }
  }
}
