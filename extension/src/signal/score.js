// The learned score of cells: the expected sign of a cell at each frame and band, from the sound alone
// (`sottovoce.core.features` and `sottovoce.core.score`, whose words are used here).
//
// Four filters over 21 frames and 7 bands see a cell's rhythm in the levels; a gate for each, made
// from the ratio to the noise and from how much the surroundings move, predicts how far to trust it.
// Arrays are by band and then by time, with empty bands beyond the outer ones.

import { decodeBase64 } from "./bits.js";
import * as stored from "./weights.js";

/** Frames on each side of a stretch that its scores depend on. */
export const CONTEXT_FRAMES = 12;

const N_FILTERS = 4;
const N_TAPS = 21;
const N_TAP_BANDS = 7;
const N_HIDDEN = 16;
const N_MAPS = 2;
const N_GATE_TAPS = 7;
const N_GATE_BANDS = 3;
const N_DESCRIPTORS = 5;
const LAGS = [1, 2, 4, 8];
const N_STATISTIC_FRAMES = 400;
const TINY = 1e-30;
const LOG10_E = Math.LOG10E;

const floats = (text) => new Float32Array(decodeBase64(text).buffer);

export class CellScorer {
  /**
   * @param {number} nBands usable bands.
   * @param {number} maxFrames longest stretch, with its context.
   */
  constructor(nBands, maxFrames) {
    this.#nBands = nBands;
    this.#width = maxFrames;
    this.#levels = new Float32Array((nBands + N_TAP_BANDS - 1) * maxFrames);
    const half = maxFrames / 2;
    this.#maps = [0, 1].map(() => new Float32Array((nBands + N_GATE_BANDS - 1) * half));
    this.#means = new Float32Array(half);
    this.#motion = new Float32Array(nBands * half);
    this.#ranked = new Float32Array(maxFrames);
    this.#noise = new Float32Array(nBands);
    this.#high = new Float32Array(nBands);
    this.#descriptors = new Float32Array(N_DESCRIPTORS);
    this.#gates = new Float32Array(N_FILTERS * half);
    this.#unit = new Float32Array(half);
    this.#seen = new Float32Array(maxFrames);
  }

  #nBands;
  #width;
  #levels;
  #maps;
  #means;
  #motion;
  #ranked;
  #noise;
  #high;
  #peak = 0;
  #descriptors;
  #gates;
  #unit;
  #seen;
  #filters = floats(stored.FILTERS);
  #outputs = floats(stored.OUTPUTS);
  #gateMaps = floats(stored.GATE_MAPS);
  #gateBiases = floats(stored.GATE_BIASES);
  #gateDescriptors = floats(stored.GATE_DESCRIPTORS);
  #gateOutputs = floats(stored.GATE_OUTPUTS);
  #gateOutputBiases = floats(stored.GATE_OUTPUT_BIASES);

  /**
   * Score the end of a stretch; floors and descriptors are those of the whole of it.
   *
   * @param {Float32Array} energies by frame and then by band, with `CONTEXT_FRAMES` on each side.
   * @param {number} nFrames of the stretch, without its context; even.
   * @param {number} nWanted how many of the last of these are scored; even.
   * @param {Float32Array} scores filled by frame and then by band.
   */
  score(energies, nFrames, nWanted, scores) {
    const nAll = nFrames + 2 * CONTEXT_FRAMES;
    this.#measureFloors(energies, nFrames);
    this.#fillLevels(energies, nAll);
    const first = CONTEXT_FRAMES + nFrames - nWanted;
    this.#fillMaps(energies, first - CONTEXT_FRAMES, nAll);
    for (let band = 0; band < this.#nBands; band++) {
      this.#describe(band, nAll);
      this.#openGates(band, first / 2, nWanted / 2);
      this.#filter(band, first, nWanted, scores);
    }
  }

  /** Measure the 20th and 90th percentile of each band, and the 99th of the loudest. */
  #measureFloors(energies, nFrames) {
    const step = Math.max(1, Math.floor(nFrames / N_STATISTIC_FRAMES));
    const n = Math.ceil(nFrames / step);
    const ranked = this.#ranked.subarray(0, n);
    this.#peak = 0;
    for (let band = 0; band < this.#nBands; band++) {
      for (let i = 0; i < n; i++) {
        ranked[i] = energies[(CONTEXT_FRAMES + i * step) * this.#nBands + band];
      }
      ranked.sort();
      this.#noise[band] = ranked[Math.round(0.2 * (n - 1))];
      this.#high[band] = ranked[Math.round(0.9 * (n - 1))];
      this.#peak = Math.max(this.#peak, ranked[Math.round(0.99 * (n - 1))]);
    }
  }

  #fillLevels(energies, nAll) {
    for (let band = 0; band < this.#nBands; band++) {
      const row = (band + (N_TAP_BANDS - 1) / 2) * this.#width;
      const floor = this.#noise[band] + 1e-5 * this.#peak + TINY;
      for (let t = 0; t < nAll; t++) {
        this.#levels[row + t] = Math.log(energies[t * this.#nBands + band] + floor);
      }
    }
  }

  /** Fill, for pairs of frames, the ratio to the noise and the volatility of the surroundings. */
  #fillMaps(energies, begin, nAll) {
    const [ratios, volatilities] = this.#maps;
    const nBands = this.#nBands;
    const means = this.#means;
    const motion = this.#motion;
    const half = this.#width / 2;
    const firstPair = begin / 2;
    const nPairs = nAll / 2;
    for (let band = 0; band < nBands; band++) {
      const row = (band + (N_GATE_BANDS - 1) / 2) * half;
      const levels = (band + (N_TAP_BANDS - 1) / 2) * this.#width;
      const floor = 1e-7 * this.#peak + TINY;
      const logNoise = Math.log(this.#noise[band] + 1e-6 * this.#peak + TINY);
      for (let j = firstPair; j < nPairs; j++) {
        const pair = 0.5 * (energies[2 * j * nBands + band] + energies[(2 * j + 1) * nBands + band]);
        const ratio = (Math.log(pair + floor) - logNoise) * LOG10_E;
        ratios[row + j] = Math.min(Math.max(ratio, -1), 5) - 1;
        means[j] = 0.5 * LOG10_E * (this.#levels[levels + 2 * j] + this.#levels[levels + 2 * j + 1]);
      }
      // Slope and curvature, squared.  The gates reach three pairs to each side of what is wanted,
      // out of six, so the outermost pairs, which lack a neighbour, are never used.
      for (let j = firstPair + 1; j < nPairs - 1; j++) {
        const bend = means[j + 1] + means[j - 1] - 2 * means[j];
        motion[band * half + j] = (means[j + 1] - means[j - 1]) ** 2 + 0.25 * bend ** 2;
      }
    }
    for (let band = 0; band < nBands; band++) {
      // Of the neighbouring bands, too; the outermost count twice.
      const own = band * half;
      const below = Math.max(band - 1, 0) * half;
      const above = Math.min(band + 1, nBands - 1) * half;
      const row = (band + (N_GATE_BANDS - 1) / 2) * half;
      for (let j = firstPair + 1; j < nPairs - 1; j++) {
        volatilities[row + j] = Math.log(motion[below + j] + motion[own + j] + motion[above + j] + 0.01);
      }
    }
  }

  /** Describe how fast a band fluctuates over the whole stretch, at four lags, and its range. */
  #describe(band, nAll) {
    const row = (band + (N_TAP_BANDS - 1) / 2) * this.#width;
    const step = Math.max(1, Math.floor(nAll / N_STATISTIC_FRAMES));
    const out = this.#descriptors;
    for (let i = 0; i < LAGS.length; i++) {
      let sum = 0;
      let n = 0;
      for (let t = 0; t + LAGS[i] < nAll; t += step) {
        sum += (this.#levels[row + t + LAGS[i]] - this.#levels[row + t]) ** 2;
        n += 1;
      }
      out[i] = Math.log((LOG10_E ** 2 * sum) / n + 1e-4);
    }
    const least = 1e-6 * this.#peak + TINY;
    const span = LOG10_E * Math.log((this.#high[band] + least) / (this.#noise[band] + least));
    const [one, two, four, eight] = out;
    out[0] = one - four;
    out[1] = two - four;
    out[2] = eight - four;
    out[3] = four + 1;
    out[4] = span - 2;
  }

  /** Fill the gates of a band, by filter and then by pair; twice their size, which drops out later. */
  #openGates(band, first, n) {
    const width = this.#width / 2;
    const gates = this.#gates;
    const unit = this.#unit;
    for (let f = 0; f < N_FILTERS; f++) gates.fill(this.#gateOutputBiases[f], f * n, (f + 1) * n);
    for (let h = 0; h < N_HIDDEN; h++) {
      let bias = this.#gateBiases[h * (this.#gateBiases.length / N_HIDDEN) + band];
      for (let i = 0; i < N_DESCRIPTORS; i++) {
        bias += this.#descriptors[i] * this.#gateDescriptors[h * N_DESCRIPTORS + i];
      }
      unit.fill(bias, 0, n);
      for (let map = 0; map < N_MAPS; map++) {
        for (let tap = 0; tap < N_GATE_TAPS; tap++) {
          for (let near = 0; near < N_GATE_BANDS; near++) {
            const at = ((h * N_MAPS + map) * N_GATE_TAPS + tap) * N_GATE_BANDS + near;
            const from = (band + near) * width + first + tap - (N_GATE_TAPS - 1) / 2;
            addScaled(unit, this.#maps[map], from, this.#gateMaps[at], n);
          }
        }
      }
      for (let j = 0; j < n; j++) unit[j] = Math.max(unit[j], 0);
      for (let f = 0; f < N_FILTERS; f++) {
        const weight = this.#gateOutputs[f * N_HIDDEN + h];
        for (let j = 0; j < n; j++) gates[f * n + j] += weight * unit[j];
      }
    }
    for (let j = 0; j < N_FILTERS * n; j++) gates[j] += Math.sqrt(gates[j] ** 2 + 4);
  }

  /** Fill the scores of a band: its four filters, squashed to (-1, 1), gated and added. */
  #filter(band, first, n, scores) {
    const nBands = this.#nBands;
    const seen = this.#seen;
    const nOutputs = this.#outputs.length / N_FILTERS;
    for (let f = 0; f < N_FILTERS; f++) {
      seen.fill(0, 0, n);
      for (let near = 0; near < N_TAP_BANDS; near++) {
        for (let tap = 0; tap < N_TAPS; tap++) {
          const at = (f * N_TAP_BANDS + near) * N_TAPS + tap;
          const from = (band + near) * this.#width + first + tap - (N_TAPS - 1) / 2;
          addScaled(seen, this.#levels, from, this.#filters[at], n);
        }
      }
      const output = this.#outputs[f * nOutputs + band];
      for (let t = 0; t < n; t++) {
        const gate = this.#gates[f * (n / 2) + (t >> 1)];
        const value = (output * gate * seen[t]) / Math.sqrt(1 + seen[t] ** 2);
        scores[t * nBands + band] = f === 0 ? value : scores[t * nBands + band] + value;
      }
    }
  }
}

function addScaled(sums, values, from, weight, n) {
  for (let i = 0; i < n; i++) sums[i] += weight * values[from + i];
}
