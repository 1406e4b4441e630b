// A file of samples in the making: RF64, whose lengths have 64 bits, with 32-bit floats.  Times are
// kept: where the sound has a gap, there is silence.

const PIECE_BYTES = 1 << 22;
// A lost packet leaves a gap of a whole one; clocks jitter, and times are rounded to milliseconds.
const LEAST_GAP_S = 0.005;
const LEAST_SHARE = 0.75;
const ROUNDED_S = 0.002;
const MOST_SILENCE_S = 3600; // a time in a hostile file could demand years of it
const FLOATS = 3; // WAVE_FORMAT_IEEE_FLOAT
const ALL_ONES = 0xffffffff; // the length stands elsewhere

export class SampleFile {
  #pieces = [];
  #waiting = [];
  #nWaiting = 0;
  #nFrames = 0;
  #begin = 0;
  #lastEnd = 0; // by its own time
  #lastLength = 0;
  #hasFailed = false;
  #silence = 0;
  #undecoded = 0;
  #gaps = 0;
  #silent = 0;
  #changes = "";
  sr = 0;
  nChannels = 0;

  // Where the next sample should begin, in seconds of the container.
  get end() {
    return this.#begin + (this.sr ? this.#nFrames / this.sr : 0);
  }

  // Notes that something could not be decoded.
  fail() {
    this.#hasFailed = true;
  }

  // Takes decoded sound; returns false if it is of another kind than what is before it.
  add(sample) {
    if (!this.sr) {
      this.sr = sample.sampleRate;
      this.nChannels = sample.numberOfChannels;
      this.#begin = this.#lastEnd = sample.timestamp;
    }
    if (sample.sampleRate !== this.sr || sample.numberOfChannels !== this.nChannels) {
      this.#changes = `${sample.sampleRate} Hz and ${sample.numberOfChannels} channels`;
      return false;
    }
    if (this.#hasFailed && sample.timestamp + sample.duration <= this.end) return true;
    this.#fill(sample);
    const samples = new Float32Array(sample.numberOfFrames * this.nChannels);
    sample.copyTo(samples, { planeIndex: 0, format: "f32" });
    this.#put(samples);
    return true;
  }

  // Puts silence where the times have a gap, as `files/decoding/gaps.py` does.
  #fill(sample) {
    const jump = sample.timestamp - this.#lastEnd;
    const least = this.#hasFailed ? 0 : Math.max(LEAST_GAP_S, LEAST_SHARE * this.#lastLength);
    const lag = sample.timestamp - this.end;
    const gap = lag <= jump + ROUNDED_S ? lag : jump;
    if (jump > least && gap > least && this.#silence + gap < MOST_SILENCE_S) {
      this.#silence += gap;
      if (this.#hasFailed) this.#undecoded += gap;
      else [this.#gaps, this.#silent] = [this.#gaps + 1, this.#silent + gap];
      for (let left = Math.round(gap * this.sr); left > 0; left -= this.sr) {
        this.#put(new Float32Array(Math.min(left, this.sr) * this.nChannels));
      }
    }
    this.#hasFailed = false;
    this.#lastEnd = sample.timestamp + sample.duration;
    this.#lastLength = sample.duration;
  }

  #put(samples) {
    this.#nFrames += samples.length / this.nChannels;
    this.#waiting.push(samples);
    this.#nWaiting += samples.byteLength;
    if (this.#nWaiting >= PIECE_BYTES) this.#flush();
  }

  #flush() {
    this.#pieces.push(new Blob(this.#waiting.splice(0)));
    this.#nWaiting = 0;
  }

  describe() {
    return {
      seconds: this.sr ? this.#nFrames / this.sr : 0,
      undecoded: this.#undecoded,
      gaps: this.#gaps,
      silent: this.#silent,
      changes: this.#changes,
    };
  }

  toBlob() {
    this.#flush();
    return new Blob([this.#header(), ...this.#pieces]);
  }

  #header() {
    const frameBytes = 4 * this.nChannels;
    const nBytes = this.#nFrames * frameBytes;
    const view = new DataView(new ArrayBuffer(80));
    const mark = (at, text) => [...text].forEach((one, i) => view.setUint8(at + i, one.charCodeAt(0)));
    const long = (at, value) => view.setBigUint64(at, BigInt(value), true);
    const word = (at, value) => view.setUint32(at, value, true);
    mark(0, "RF64");
    word(4, ALL_ONES);
    mark(8, "WAVEds64");
    word(16, 28);
    long(20, 72 + nBytes);
    long(28, nBytes);
    long(36, this.#nFrames);
    mark(48, "fmt ");
    word(52, 16);
    view.setUint16(56, FLOATS, true);
    view.setUint16(58, this.nChannels, true);
    word(60, this.sr);
    word(64, this.sr * frameBytes);
    view.setUint16(68, frameBytes, true);
    view.setUint16(70, 32, true);
    mark(72, "data");
    word(76, ALL_ONES);
    return view.buffer;
  }
}
