// How much of a frame's mark fits below full scale (`sottovoce.core.embedding.limit_peaks`).

import { FULL_SCALE } from "./tables.js";

// Slightly below the quotient, so that rounding cannot lift the sum above the ceiling.
const JUST_BELOW = 1 - 1e-5;

/**
 * Choose the share of a frame's mark that keeps both of its hops in range.
 *
 * Only the mark is attenuated, never the voice, and by one factor for all channels, so that a down-mix
 * keeps the pattern.  Where the sound itself lies above full scale the mark may not add to it.
 *
 * @param {Float32Array[]} sounds for each channel, the unmarked samples of both hops.
 * @param {Float32Array[]} differences for each channel, what the frame adds to them.
 * @param {Float32Array[]} carried for each channel, what the frame before adds to the first hop.
 * @param {number} nChannels how many of them are in use.
 * @param {number} nFirst samples of the first hop.
 * @param {number} nBoth samples of both.
 * @param {Float64Array} factor one number, 0 to 1: before, what was chosen for the last frame;
 *   afterwards, what is chosen for this one.  A number that is returned may cost memory.
 */
export function chooseFactor(sounds, differences, carried, nChannels, nFirst, nBoth, factor) {
  if (factor[0] === 1 && fits(sounds, differences, carried, nChannels, nFirst, nBoth)) return;
  factor[0] = 1;
  for (let channel = 0; channel < nChannels; channel++) {
    const sound = sounds[channel];
    const difference = differences[channel];
    for (let i = 0; i < nBoth; i++) {
      const addition = difference[i];
      const size = Math.abs(addition);
      const ceiling = Math.max(FULL_SCALE, Math.abs(sound[i]));
      const base = i < nFirst ? sound[i] + carried[channel][i] : sound[i];
      const room = Math.max(ceiling - (addition < 0 ? -base : base), 0);
      if (room < size) factor[0] = Math.min(factor[0], (room / size) * JUST_BELOW);
    }
  }
}

/** Tell, from the peaks alone, whether nothing can reach full scale: so it is nearly always. */
function fits(sounds, differences, carried, nChannels, nFirst, nBoth) {
  let loudest = 0;
  let mostAdded = 0;
  for (let channel = 0; channel < nChannels; channel++) {
    const sound = sounds[channel];
    const difference = differences[channel];
    for (let i = 0; i < nBoth; i++) {
      loudest = Math.max(loudest, Math.abs(sound[i]));
      mostAdded = Math.max(mostAdded, Math.abs(difference[i]));
    }
    for (let i = 0; i < nFirst; i++) mostAdded = Math.max(mostAdded, Math.abs(carried[channel][i]));
  }
  return loudest + 2 * mostAdded <= FULL_SCALE;
}
