// The grid of frames and the bands, at any sampling rate (`sottovoce.core.framing`).
//
// Frame k starts at sample round(k * hop), and the hop is seldom a whole number of samples.  A bin of
// the spectrum is a rectangle one bin wide; it belongs to a band by the share that lies in the band.

import { BAND_EDGES_HZ, BAND_WEIGHTS, N_BANDS } from "./tables.js";

/**
 * @param {number} k number of a frame; may be negative.
 * @param {number} hop in samples, not necessarily whole.
 * @returns {number} its first sample.
 */
export function frameStart(k, hop) {
  return Math.floor(k * hop + 0.5);
}

/**
 * @param {number} sampleRate in Hz.
 * @returns {number} how many bands lie entirely below half of it: 20 from 14.4 kHz upward.
 */
export function countUsableBands(sampleRate) {
  return BAND_EDGES_HZ.slice(1).filter((edge) => edge < sampleRate / 2).length;
}

/**
 * @param {number} strengthDb root-mean-square gain over the bands, in dB of amplitude.
 * @returns {number[]} how far each band is raised or lowered, in dB of amplitude.
 */
export function bandDepthsDb(strengthDb) {
  const power = BAND_WEIGHTS.reduce((sum, one) => sum + one * one, 0) / N_BANDS;
  return BAND_WEIGHTS.map((one) => (strengthDb * one) / Math.sqrt(power));
}

/**
 * Return which bins lie in bands.  A bin is never wider than a band, so it lies in one or two.
 *
 * @param {number} sampleRate in Hz.
 * @param {number} length of the transform.
 * @returns {{first: number, last: number, lower: Uint8Array, lowerShare: Float32Array,
 *   upperShare: Float32Array}} the first bin and the one after the last; and for each of them the
 *   lower of the two bands, and the shares, 0 to 1, that lie in it and in the next one.
 */
export function bandShares(sampleRate, length) {
  const width = sampleRate / length;
  const nBands = countUsableBands(sampleRate);
  const share = (bin, band) => {
    const upper = Math.min((bin + 0.5) * width, BAND_EDGES_HZ[band + 1]);
    const lower = Math.max((bin - 0.5) * width, BAND_EDGES_HZ[band]);
    return Math.min(Math.max((upper - lower) / width, 0), 1);
  };
  const bins = [];
  for (let bin = 0; bin <= length / 2; bin++) {
    for (let band = 0; band < nBands; band++) {
      if (share(bin, band) === 0) continue;
      const next = band + 1 < nBands ? share(bin, band + 1) : 0;
      bins.push({ bin, band, own: share(bin, band), next });
      break;
    }
  }
  return {
    first: bins[0].bin,
    last: bins.at(-1).bin + 1,
    lower: Uint8Array.from(bins, (one) => one.band),
    lowerShare: Float32Array.from(bins, (one) => one.own),
    upperShare: Float32Array.from(bins, (one) => one.next),
  };
}
