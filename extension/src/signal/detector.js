// Is this person's own mark in the sound that goes out?  A detector that knows where to look.
//
// It knows the signs and the place in the pattern, and searches a few delays of the way to it.  The
// scores are the core's, a function of the sound alone.  Two questions are answered:
//
// *Could this be chance?*  All signs count.  Where a sign repeats (sync every period, data every
// superframe), the scores are added first, so the sum over the root of the energy is a weighted sum of
// independent signs, and its p-value is proved (`evidence.js`), times everything that was tried.
//
// *Could this be another's mark?*  Sync signs are the same in every mark, and one that happens to run
// in step, within the delays about one in fifteen, agrees with them.  So the cells that depend on the
// owner, and those of the seal, must agree by themselves.  Where another's mark runs in step over the
// whole superframe, one in sixty, the cells of a coded bit agree with each other, right or wrong: they
// are added first, and count as one.  Of two anonymous people with the same choices, no seal, and in
// step, nothing can tell whose mark it is.

import { CellScores } from "./cell_scores.js";
import { log10PValue } from "./evidence.js";
import { N_SUPERFRAME_FRAMES, PatternSource } from "./pattern_source.js";
import { SEAL, SYNC, dependsOnOwner, readCodedBits, readRoles } from "./payload.js";
import { CHIP_SIGNS, FRAME_S, GENERATORS, N_BANDS, N_CELLS, N_PAYLOAD_BITS, N_PERIODS } from "./tables.js";

/** Lengths of sound that are looked at, counted back from the present, in seconds. */
export const WINDOWS_S = [1, 2, 5, 10, 20];
/** What chance is allowed, as in the core; and what another's mark is. */
const MAX_LOG10_P = -6;
const MAX_LOG10_OTHER = -4;
const N_CHIPS = CHIP_SIGNS.length;
const N_PERIOD_CELLS = N_CELLS * N_BANDS;
const N_SUPERFRAME_ROWS = N_PERIODS * N_CELLS;
const N_CODED_BITS = N_PAYLOAD_BITS * GENERATORS.length;

/**
 * What the detector says about the sound up to now.
 *
 * @typedef {object} Verdict
 * @property {boolean} found whether the mark is in one of the windows: log10P is at most -6 there and
 *   log10POther at most -4.
 * @property {number} log10P bound on the probability that sound which does not depend on the signs
 *   agrees so well, anywhere in this look; logarithm to base 10.
 * @property {number} log10POther the same for what depends on the owner, in the window and at the delay of
 *   log10P; it excludes the marks of others.
 * @property {number} windowS length of the sound that agreed best, in seconds; 0 before there is any.
 * @property {number} delayS by how much the sound came later than expected, in seconds.
 * @property {number | null} sinceS the mark was in the last `sinceS` seconds of sound; null if it has
 *   not been found so far.  It is a second where the mark is there at present and clear.
 * @property {number} nHypotheses windows and delays that this look has paid for.  Looks are not: a
 *   statement about a whole session multiplies p by their number.
 * @property {number} nLooks looks so far, this one included.
 * @property {number} heardS seconds of sound so far that have been scored.
 */

/** Sums of one hypothesis, for windows of growing length. */
class Sums {
  constructor(nBands) {
    this.#sync = new Float64Array(N_PERIOD_CELLS);
    this.#data = new Float64Array(N_SUPERFRAME_ROWS * N_BANDS);
    this.#nBands = nBands;
    this.#roles = readRoles();
    this.#codedBits = readCodedBits();
    this.#isOwners = Uint8Array.from({ length: N_CODED_BITS }, (_, i) => dependsOnOwner(i));
    this.#byCodedBit = new Float64Array(N_CODED_BITS);
  }

  #sync;
  #data;
  #codedBits;
  #isOwners;
  #byCodedBit;
  #sealSum = 0;
  #sealEnergy = 0;
  #nBands;
  #roles;
  scoreAll = 0;
  scoreOther = 0;

  clear() {
    this.#sync.fill(0);
    this.#data.fill(0);
    this.#sealSum = this.#sealEnergy = 0;
  }

  /**
   * Add the scores of a row of cells.
   *
   * @param {number} row of the superframe.
   * @param {Float32Array} scores from `at` on, one for each band.
   * @param {number} at
   * @param {Int8Array} plain signs of the superframe without a seal.
   * @param {Int8Array | null} own signs of this superframe; null if it has no seal.
   */
  add(row, scores, at, plain, own) {
    const roles = this.#roles;
    const sync = this.#sync;
    const data = this.#data;
    const nBands = this.#nBands;
    const inPeriod = (row % N_CELLS) * N_BANDS;
    const inSuperframe = row * N_BANDS;
    for (let band = 0; band < nBands; band++) {
      const score = scores[at + band];
      const role = roles[inPeriod + band];
      if (role === SYNC) {
        sync[inPeriod + band] += plain[inSuperframe + band] * score;
      } else if (role === SEAL && own !== null) {
        this.#sealSum += own[inSuperframe + band] * score;
        this.#sealEnergy += score * score;
      } else {
        data[inSuperframe + band] += plain[inSuperframe + band] * score;
      }
    }
  }

  /** Set the scores of everything, and of what depends on the owner; 0 without sound. */
  conclude() {
    const sync = this.#sync;
    const data = this.#data;
    const codedBits = this.#codedBits;
    const isOwners = this.#isOwners;
    const byCodedBit = this.#byCodedBit.fill(0);
    let sum = this.#sealSum;
    let energy = this.#sealEnergy;
    for (let i = 0; i < sync.length; i++) {
      sum += sync[i];
      energy += sync[i] * sync[i];
    }
    let ownersEnergy = 0;
    for (let i = 0; i < data.length; i++) {
      const value = data[i];
      if (value === 0) continue;
      const power = value * value;
      sum += value;
      energy += power;
      const number = codedBits[i];
      if (isOwners[number] === 0) continue;
      byCodedBit[number] += value;
      ownersEnergy += power;
    }
    this.scoreAll = energy > 0 ? sum / Math.sqrt(energy) : 0;
    let owners = this.#sealSum;
    let bitsEnergy = 0;
    for (let i = 0; i < N_CODED_BITS; i++) {
      owners += byCodedBit[i];
      bitsEnergy += byCodedBit[i] * byCodedBit[i];
    }
    // The proof needs the energy of the cells; a larger divisor only lowers the score.
    const most = Math.max(ownersEnergy, bitsEnergy) + this.#sealEnergy;
    this.scoreOther = most > 0 ? owners / Math.sqrt(most) : 0;
  }
}

export class OwnDetector {
  /**
   * @param {object} options
   * @param {number} options.sampleRate of the sound, and of the embedder, in Hz.
   * @param {Uint8Array} options.bits 800 bytes, as the embedder has them.
   * @param {number} options.phaseFrames as the embedder has it.
   * @param {number} options.delay of the embedder, in samples.
   * @param {number} [options.firstSample] which of the embedder's output samples is the first that
   *   comes here, if nothing lay between; from the meters of the worklet.
   * @param {number[]} [options.delaysS] least and greatest further delay, in seconds; every frame of
   *   8 ms between them is paid for.
   */
  constructor({
    sampleRate, bits, phaseFrames, delay, firstSample = 0, delaysS = [-0.016, 0.128],
  }) {
    this.pattern = new PatternSource(bits, false);
    this.scores = new CellScores(sampleRate, firstSample - delay);
    this.#shift = phaseFrames + N_SUPERFRAME_FRAMES;
    this.#least = Math.floor(delaysS[0] / FRAME_S);
    this.#most = Math.ceil(delaysS[1] / FRAME_S);
    this.#sums = new Sums(this.scores.nBands);
  }

  /** Signs; superframes with a seal are set here, a few seconds before or after they are written. */
  pattern;
  /** The scores that are looked at. */
  scores;
  #shift;
  #least;
  #most;
  #sums;
  #nLooks = 0;
  #lastSeenS = -1;

  /**
   * Hear a block.
   *
   * @param {Float32Array[]} channels arrays of samples, one or two; any length.
   */
  push(channels) {
    this.scores.push(channels);
  }

  /** @returns {Verdict} about the sound up to now; the last half second may not be scored yet. */
  look() {
    this.#nLooks += 1;
    const nHypotheses = WINDOWS_S.length * (this.#most - this.#least + 1);
    const heardS = (this.scores.end - this.scores.first) * FRAME_S;
    const windows = WINDOWS_S.map((windowS) => ({ windowS, score: 0, other: 0, delayS: 0 }));
    for (let delay = this.#least; delay <= this.#most; delay++) this.#compare(delay, windows);
    for (const one of windows) {
      one.windowS = Math.min(one.windowS, heardS);
      one.log10P = log10PValue(one.score, nHypotheses);
      one.log10POther = log10PValue(one.other, nHypotheses);
      one.found = one.log10P <= MAX_LOG10_P && one.log10POther <= MAX_LOG10_OTHER;
    }
    const shortest = windows.find((one) => one.found);
    // Longer windows find again what a shorter one found earlier, so this never runs back.
    if (shortest) this.#lastSeenS = Math.max(this.#lastSeenS, heardS - shortest.windowS);
    const best = windows.reduce((one, other) => (other.score > one.score ? other : one));
    return {
      found: shortest !== undefined,
      log10P: best.log10P,
      log10POther: best.log10POther,
      windowS: best.windowS,
      delayS: best.delayS,
      sinceS: this.#lastSeenS < 0 ? null : heardS - this.#lastSeenS,
      nHypotheses,
      nLooks: this.#nLooks,
      heardS,
    };
  }

  /**
   * @param {number} seconds counted back from the present.
   * @returns {number} how well the sound agrees with all signs, at the delay where it agrees best: a score
   *   of unit variance, of which a small one tells of a mark that has stopped.  It proves none.
   */
  agreement(seconds) {
    const begin = Math.max(this.scores.end - Math.round(seconds / FRAME_S), this.scores.oldest);
    let best = 0;
    for (let delay = this.#least; delay <= this.#most; delay++) {
      this.#sums.clear();
      this.#add(delay, begin, this.scores.end);
      this.#sums.conclude();
      best = Math.max(best, this.#sums.scoreAll);
    }
    return best;
  }

  /** Score the windows if the sound came a delay later, and keep what is better than before. */
  #compare(delay, windows) {
    this.#sums.clear();
    let end = this.scores.end;
    for (const one of windows) {
      const begin = Math.max(this.scores.end - Math.round(one.windowS / FRAME_S), this.scores.oldest);
      if (begin === end) return;
      this.#add(delay, begin, end);
      end = begin;
      this.#sums.conclude();
      if (this.#sums.scoreAll <= one.score) continue;
      one.score = this.#sums.scoreAll;
      one.other = this.#sums.scoreOther;
      one.delayS = delay * FRAME_S;
    }
  }

  /** Add the cells of the frames from `begin` up to `end`, if they came a delay later. */
  #add(delay, begin, end) {
    // Frame g sits on the cell that begins one frame earlier.
    const shift = this.#shift - 1 - delay;
    const plain = this.pattern.plainSigns;
    for (let cell = Math.ceil((begin + shift) / N_CHIPS); cell * N_CHIPS - shift < end; cell++) {
      const row = cell % N_SUPERFRAME_ROWS;
      if (row < 0) continue;
      const own = this.pattern.ownSigns(Math.floor(cell / N_SUPERFRAME_ROWS));
      this.#sums.add(row, this.scores.scores, this.scores.at(cell * N_CHIPS - shift), plain, own);
    }
  }
}
