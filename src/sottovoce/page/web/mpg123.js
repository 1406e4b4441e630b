// mpg123's own functions, compiled to WebAssembly by npm's `mpg123-decoder`, called without its
// wrapper, which waits for promises where Python cannot wait.

const NEED_MORE = -10; // MPG123_NEED_MORE
const NEW_FORMAT = -11; // MPG123_NEW_FORMAT
const NO_TRIMMING = 0; // the package itself knows what of the sound is padding
const MOST_BYTES = 4096; // of a frame; the longest have 2881
const MOST_SAMPLES = 4 * 1152;

const refuse = () => -1;
// As its build named them: nothing is read, written or timed here.
const IMPORTS = {
  a: () => { throw new Error("mpg123 ended"); }, // proc_exit
  b: () => {}, // emscripten_runtime_keepalive_clear
  c: () => { throw new Error("mpg123 gave up"); }, // abort_js
  d: () => 0, // setitimer_js
  e: () => 0, // emscripten_resize_heap
  f: refuse, // fd_write
  g: refuse, // fd_close
  h: refuse, // fd_read
  i: refuse, // fd_seek
  j: refuse, // INT123_compat_close
};

// Decodes single frames, one after the other.
class MpegDecoder {
  #memory;
  #feed;
  #read;
  #handle;
  #given;
  #samples;
  #numbers;

  constructor(code) {
    const instance = new WebAssembly.Instance(code, { a: IMPORTS });
    const { k: memory, l: begin, m: malloc, p: create, q: feed, r: read } = instance.exports;
    begin();
    [this.#memory, this.#feed, this.#read] = [memory, feed, read];
    [this.#given, this.#samples, this.#numbers] = [MOST_BYTES, 8 * MOST_SAMPLES, 16].map(malloc);
    if (create(this.#numbers, NO_TRIMMING)) throw new Error("mpg123 could not start");
    this.#handle = new DataView(memory.buffer).getUint32(this.#numbers, true);
  }

  // Returns the samples of a frame, always two channels; null if it is damaged.
  decode(bytes) {
    new Uint8Array(this.#memory.buffer, this.#given, bytes.length).set(bytes);
    const view = new DataView(this.#memory.buffer);
    let found = null;
    let state = this.#feed(this.#handle, this.#given, bytes.length);
    while (state !== NEED_MORE) {
      view.setUint32(this.#numbers, 0, true);
      const places = [0, 4, 8].map((at) => this.#numbers + at);
      state = this.#read(this.#handle, this.#samples, 2 * MOST_SAMPLES, ...places);
      const n = view.getUint32(this.#numbers, true);
      if (n) {
        const samples = new Float32Array(this.#memory.buffer, this.#samples, 2 * n).slice();
        found = { samples, sr: view.getUint32(this.#numbers + 4, true) };
      }
      if (![0, NEW_FORMAT, NEED_MORE].includes(state)) return null;
    }
    return found;
  }
}

export function openMpg123(bytes) {
  const code = new WebAssembly.Module(bytes);
  return { decoder: () => new MpegDecoder(code) };
}
