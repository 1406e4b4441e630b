// The mark in live sound: what `sottovoce.Protector` and `BlockMarker` do, for an audio thread.
//
// Weighted overlap-add with a sine window of two hops, before and after; the sum is over the
// *difference* that the mark makes, so what it does not change stays as it was, to the bit.  Frame k
// covers hops k and k + 1.  Where the hop is not a whole number of samples, the halves of a window
// differ by one: its rise spans hop k and its fall hop k + 1.
//
// All memory is made by the constructor.  Whatever goes wrong with a frame, its sound goes out
// without a mark and is counted: never silence, never an exception.

import { bandDepthsDb, bandShares, frameStart } from "./bands.js";
import { Fft, nextFastLength } from "./fft.js";
import { chooseFactor } from "./limiting.js";
import { N_SUPERFRAME_FRAMES, PatternSource } from "./pattern_source.js";
import { FRAME_S, MAX_SR_HZ, MIN_SR_HZ, N_BANDS } from "./tables.js";

const MAX_STRENGTH_DB = 3;
/** Longest piece of a block that is worked on at once; an AudioWorklet's blocks have 128. */
const MAX_PIECE = 1024;
/** Above this a transform may overflow single precision; no sound is so loud. */
const MAX_AMPLITUDE = 1e30;

class Channel {
  constructor(nRing, longest, nFft) {
    this.heard = new Float32Array(nRing);
    this.marked = new Float32Array(nRing);
    this.frame = new Float32Array(nFft);
    this.difference = new Float32Array(nFft);
    this.carried = new Float32Array(longest);
  }

  /** Take over the past of another channel: a mono signal that becomes stereo was both. */
  follow(other) {
    this.heard.set(other.heard);
    this.marked.set(other.marked);
    this.carried.set(other.carried);
  }
}

export class Embedder {
  /**
   * @param {object} options
   * @param {number} options.sampleRate 8,000 to 192,000 Hz.
   * @param {Uint8Array} options.bits 800 bytes, from `makePatternBits`: the signs of superframes that
   *   get none of their own.
   * @param {number} options.strengthDb root-mean-square gain of a band, in dB of amplitude, over 0 and
   *   up to 3.
   * @param {number} options.phaseFrames place in the pattern of the first sample, in frames of 8 ms;
   *   0 to 1,279, drawn at random by the caller.
   * @param {boolean} [options.isSealed] whether every superframe is to get signs of its own.
   * @param {number} [options.maxChannels] for how many channels memory is made.
   * @throws {RangeError} if one of them is out of its range.
   */
  constructor({ sampleRate, bits, strengthDb, phaseFrames, isSealed = false, maxChannels = 2 }) {
    if (!(sampleRate >= MIN_SR_HZ && sampleRate <= MAX_SR_HZ)) {
      throw new RangeError(`${sampleRate} Hz is outside ${MIN_SR_HZ} to ${MAX_SR_HZ} Hz`);
    }
    if (!(strengthDb > 0 && strengthDb <= MAX_STRENGTH_DB)) {
      throw new RangeError(`strength ${strengthDb} dB is outside 0 to ${MAX_STRENGTH_DB} dB`);
    }
    if (!(phaseFrames >= 0 && phaseFrames < N_SUPERFRAME_FRAMES)) {
      throw new RangeError(`phase ${phaseFrames} is outside 0 to ${N_SUPERFRAME_FRAMES - 1} frames`);
    }
    this.delay = Math.ceil(2 * FRAME_S * sampleRate);
    this.pattern = new PatternSource(bits, isSealed);
    this.#hop = sampleRate * FRAME_S;
    // Frame -1 already overlaps the first hop; a superframe more keeps its number positive.
    this.#firstPatternFrame = phaseFrames + N_SUPERFRAME_FRAMES;
    const longest = Math.ceil(this.#hop);
    this.#fft = new Fft(nextFastLength(2 * longest));
    this.#gains = new Float64Array(this.#fft.n);
    this.#shares = bandShares(sampleRate, this.#fft.n);
    const ratios = bandDepthsDb(strengthDb).map((one) => 10 ** (one / 20));
    this.#raise = Float32Array.from(ratios, (one) => one - 1);
    this.#lower = Float32Array.from(ratios, (one) => 1 / one - 1);
    this.#windows = makeWindows(Math.floor(this.#hop), this.#fft.n);
    const nRing = 2 ** Math.ceil(Math.log2(this.delay + 2 * longest + MAX_PIECE));
    this.#mask = nRing - 1;
    this.#channels = Array.from({ length: maxChannels }, () => new Channel(nRing, longest, this.#fft.n));
    this.#frames = this.#channels.map((one) => one.frame);
    this.#differences = this.#channels.map((one) => one.difference);
    this.#carried = this.#channels.map((one) => one.carried);
  }

  /** Samples between a sample's coming in and its going out. */
  delay;
  /** Signs of the frames; superframes with a seal are set here. */
  pattern;
  /** Samples of each channel so far. */
  samples = 0;
  /** Blocks so far. */
  blocks = 0;
  /** Blocks so far with sound that went out unmarked, because marking it failed. */
  unmarked = 0;
  /** Why the last of these did; empty if there were none. */
  reason = "";
  /** Samples so far that were not finite, and were replaced by silence. */
  repaired = 0;
  #hop;
  #firstPatternFrame;
  #fft;
  #gains;
  #shares;
  #raise;
  #lower;
  #windows;
  #mask;
  #channels;
  #frames;
  #differences;
  #carried;
  #signs = new Int8Array(N_BANDS);
  #nActive = 1;
  #limitedFrames = 0;
  #frame = -1;
  // Numbers in arrays are changed in place; in a field, or returned, each may be a new object.
  #factor = new Float64Array([1]);
  #peak = new Float64Array(1);
  #failure = "";

  /** Seconds so far in which the mark was attenuated to keep peaks below full scale. */
  get limitedS() {
    return this.#limitedFrames * FRAME_S;
  }

  /** Seconds so far without the seal that they should have had. */
  get unsealedS() {
    return this.pattern.unsealedFrames * FRAME_S;
  }

  /** Pattern frame that is written next, counted from the start of superframe 0. */
  get patternFrame() {
    return this.#frame + this.#firstPatternFrame;
  }

  /** Index of the superframe that is being written. */
  get superframe() {
    return Math.floor(this.patternFrame / N_SUPERFRAME_FRAMES);
  }

  /**
   * Mark one block.  A channel that the input lacks gets the sound of its first one; with no input
   * there is silence, behind which what was heard before still goes out.
   *
   * @param {Float32Array[]} input one array of samples for each channel, nominally in [-1, 1]; may be
   *   empty.  Left unchanged.
   * @param {Float32Array[]} output as many samples for each channel, filled with the sound of `delay`
   *   samples ago.
   */
  process(input, output) {
    if (output.length === 0) return;
    this.#failure = "";
    const nChannels = Math.min(output.length, this.#channels.length);
    for (let i = this.#nActive; i < nChannels; i++) this.#channels[i].follow(this.#channels[0]);
    this.#nActive = nChannels;
    const n = output[0].length;
    for (let begin = 0; begin < n; begin += MAX_PIECE) {
      this.#processPiece(input, output, begin, Math.min(begin + MAX_PIECE, n));
    }
    for (let i = nChannels; i < output.length; i++) {
      if (i < input.length) output[i].set(input[i]);
      this.#failure = "channels";
    }
    this.blocks += 1;
    if (this.#failure === "") return;
    this.unmarked += 1;
    this.reason = this.#failure;
  }

  #processPiece(input, output, begin, end) {
    const mask = this.#mask;
    const first = this.samples;
    for (let channel = 0; channel < this.#nActive; channel++) {
      const from = channel < input.length ? input[channel] : input[0];
      this.#hear(from, begin, end, this.#channels[channel].heard);
    }
    this.samples += end - begin;
    while (frameStart(this.#frame + 2, this.#hop) <= this.samples) {
      this.#markFrame();
      this.#frame += 1;
    }
    for (let channel = 0; channel < this.#nActive; channel++) {
      const marked = this.#channels[channel].marked;
      const out = output[channel];
      const shift = first - begin - this.delay;
      for (let i = begin; i < end; i++) out[i] = marked[(i + shift) & mask];
    }
  }

  #hear(from, begin, end, heard) {
    const mask = this.#mask;
    const shift = this.samples - begin;
    for (let i = begin; i < end; i++) {
      let sample = from === undefined ? 0 : from[i];
      if (!Number.isFinite(sample)) {
        sample = 0;
        this.repaired += 1;
      }
      heard[(i + shift) & mask] = sample;
    }
  }

  /** Mark the first hop of the next frame, and keep what the frame adds to the hop after it. */
  #markFrame() {
    const start = frameStart(this.#frame, this.#hop);
    const nFirst = frameStart(this.#frame + 1, this.#hop) - start;
    const nBoth = frameStart(this.#frame + 2, this.#hop) - start;
    for (let channel = 0; channel < this.#nActive; channel++) {
      const { heard, frame } = this.#channels[channel];
      for (let i = 0; i < nBoth; i++) frame[i] = heard[(start + i) & this.#mask];
    }
    try {
      this.#makeDifferences(nFirst, nBoth);
    } catch (error) {
      this.#factor[0] = 0;
      this.#failure = `error: ${error.message}`;
    }
    for (let channel = 0; channel < this.#nActive; channel++) {
      this.#addDifference(this.#channels[channel], start, nFirst, nBoth);
    }
  }

  /** Fill the differences of the channels, and choose how much of them may be added. */
  #makeDifferences(nFirst, nBoth) {
    const shortest = Math.floor(this.#hop);
    const window = this.#windows[2 * (nFirst - shortest) + nBoth - nFirst - shortest];
    this.#setGains();
    this.#peak[0] = 0;
    for (let channel = 0; channel < this.#nActive; channel += 2) {
      this.#filterPair(channel, window, nBoth);
    }
    if (this.#peak[0] >= MAX_AMPLITUDE) {
      this.#factor[0] = 0;
      this.#failure = "overflow";
      return;
    }
    chooseFactor(
      this.#frames, this.#differences, this.#carried, this.#nActive, nFirst, nBoth, this.#factor,
    );
    if (this.#factor[0] < 1) this.#limitedFrames += 1;
  }

  /** Set the gain of every bin, less one, over the length of the transform. */
  #setGains() {
    this.pattern.fillFrame(this.patternFrame, this.#signs);
    const { first, last, lower, lowerShare, upperShare } = this.#shares;
    const n = this.#fft.n;
    for (let bin = first; bin < last; bin++) {
      const i = bin - first;
      const band = lower[i];
      const next = Math.min(band + 1, N_BANDS - 1);
      const own = this.#signs[band] > 0 ? this.#raise[band] : this.#lower[band];
      const other = this.#signs[next] > 0 ? this.#raise[next] : this.#lower[next];
      const gain = (own * lowerShare[i] + other * upperShare[i]) / n;
      this.#gains[bin] = gain;
      this.#gains[(n - bin) % n] = gain;
    }
  }

  /**
   * Filter the frames of a channel and the next one as the real and imaginary part of one signal: the
   * gains are real and even, so the parts stay apart.
   */
  #filterPair(channel, window, nBoth) {
    const fft = this.#fft;
    const one = this.#channels[channel];
    const other = channel + 1 < this.#nActive ? this.#channels[channel + 1] : null;
    for (let i = 0; i < nBoth; i++) fft.re[i] = one.frame[i] * window[i];
    if (other === null) fft.im.fill(0);
    else for (let i = 0; i < nBoth; i++) fft.im[i] = other.frame[i] * window[i];
    fft.re.fill(0, nBoth);
    fft.im.fill(0, nBoth);
    fft.transform();
    const { re, im } = fft;
    for (let i = 0; i < fft.n; i++) {
      re[i] *= this.#gains[i];
      im[i] *= this.#gains[i];
    }
    fft.exchange();
    fft.transform();
    fft.exchange();
    takeWindowed(fft.re, window, one.difference, nBoth, this.#peak);
    if (other !== null) takeWindowed(fft.im, window, other.difference, nBoth, this.#peak);
  }

  #addDifference({ marked, frame, difference, carried }, start, nFirst, nBoth) {
    const factor = this.#factor[0];
    let isSilent = true;
    for (let i = 0; i < nFirst; i++) {
      if (frame[i] !== 0) {
        isSilent = false;
        break;
      }
    }
    for (let i = 0; i < nFirst; i++) {
      // What a failed frame has left behind is not added, not even times zero: it may be NaN.
      const added = factor === 0 ? carried[i] : carried[i] + difference[i] * factor;
      // A neighbouring frame must not spread into a hop of digital silence.
      marked[(start + i) & this.#mask] = isSilent ? frame[i] : frame[i] + added;
    }
    for (let i = nFirst; i < nBoth; i++) {
      carried[i - nFirst] = factor === 0 ? 0 : difference[i] * factor;
    }
  }
}

function takeWindowed(sound, window, out, n, peak) {
  for (let i = 0; i < n; i++) {
    out[i] = sound[i] * window[i];
    const size = Math.abs(out[i]);
    if (size > peak[0]) peak[0] = size;
    else if (Number.isNaN(size)) peak[0] = Infinity;
  }
}

/** Return the windows of the four pairs of hop lengths: both short, a long fall, a long rise, both. */
function makeWindows(shortest, nFft) {
  const windows = [];
  for (const rise of [shortest, shortest + 1]) {
    for (const fall of [shortest, shortest + 1]) {
      const window = new Float32Array(nFft);
      for (let n = 0; n < Math.min(rise + fall, nFft); n++) {
        window[n] = n < rise
          ? Math.sin((0.5 * Math.PI * (n + 0.5)) / rise)
          : Math.cos((0.5 * Math.PI * (n - rise + 0.5)) / fall);
      }
      windows.push(window);
    }
  }
  return windows;
}
