// Cell scores of a stream, as far back as a detector looks.

import { BandEnergies } from "./energies.js";
import { N_SUPERFRAME_FRAMES } from "./pattern_source.js";
import { CONTEXT_FRAMES, CellScorer } from "./score.js";

/** Frames that are scored at once. */
const BLOCK_FRAMES = 64;
/** Frames whose levels the scores are measured against: a superframe, as in the core. */
const LEVEL_FRAMES = N_SUPERFRAME_FRAMES;
/** Frames that are kept: 20 s and half a second more; a power of two. */
const N_KEPT = 4096;

export class CellScores {
  /**
   * @param {number} sampleRate in Hz.
   * @param {number} place of the first sample on the grid of the mark.
   */
  constructor(sampleRate, place) {
    this.#source = new BandEnergies(sampleRate, place, (energies) => this.#take(energies));
    this.nBands = this.#source.nBands;
    this.first = this.end = this.#nextFrame = this.#source.firstFrame;
    this.scores = new Float32Array(N_KEPT * this.nBands);
    const nLongest = LEVEL_FRAMES + 2 * CONTEXT_FRAMES;
    this.#energies = new Float32Array(nLongest * this.nBands);
    this.#scorer = new CellScorer(this.nBands, nLongest);
    this.#block = new Float32Array(BLOCK_FRAMES * this.nBands);
  }

  /** Bands that the rate can carry. */
  nBands;
  /** Number of the first frame of the stream, and of the one after the last that has been scored. */
  first;
  end;
  /** Scores by frame, `at` says where, and then by band. */
  scores;
  #source;
  #nextFrame;
  #energies;
  #nHeld = 0;
  #scorer;
  #block;

  /** Number of the oldest frame whose scores are kept. */
  get oldest() {
    return Math.max(this.first, this.end - N_KEPT);
  }

  /**
   * @param {number} frame
   * @returns {number} where its scores begin.
   */
  at(frame) {
    return (frame & (N_KEPT - 1)) * this.nBands;
  }

  /** @param {Float32Array[]} channels one or two arrays of samples. */
  push(channels) {
    this.#source.push(channels);
  }

  #take(energies) {
    const nBands = this.nBands;
    if (this.#nextFrame === this.first) {
      // Before the stream the first frame stands for the ones that are missing.
      for (let i = 0; i < CONTEXT_FRAMES; i++) this.#energies.set(energies, i * nBands);
      this.#nHeld = CONTEXT_FRAMES;
    }
    if (this.#nHeld * nBands === this.#energies.length) {
      this.#energies.copyWithin(0, BLOCK_FRAMES * nBands);
      this.#nHeld -= BLOCK_FRAMES;
    }
    this.#energies.set(energies, this.#nHeld * nBands);
    this.#nHeld += 1;
    this.#nextFrame += 1;
    if (this.#nextFrame === this.end + BLOCK_FRAMES + CONTEXT_FRAMES) this.#score();
  }

  #score() {
    this.#scorer.score(this.#energies, this.#nHeld - 2 * CONTEXT_FRAMES, BLOCK_FRAMES, this.#block);
    for (let i = 0; i < BLOCK_FRAMES; i++) {
      const row = this.#block.subarray(i * this.nBands, (i + 1) * this.nBands);
      this.scores.set(row, this.at(this.end + i));
    }
    this.end += BLOCK_FRAMES;
  }
}
