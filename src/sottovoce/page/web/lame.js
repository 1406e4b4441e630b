// LAME's own functions, compiled to WebAssembly by npm's `wasm-media-encoders`, called without its
// wrapper, which waits for promises where Python cannot wait.

const CONSTANT = -1; // no quality of a variable rate
const CHECKSUM = 0xa001; // of LAME's header: x^16 + x^15 + x^2 + 1, mirrored

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >> 1) ^ CHECKSUM : rest >> 1;
  return rest;
});

class Mp3Encoder {
  #lame;
  #encoder;
  #nChannels;
  checksum = 0; // of all that was made

  constructor(code, sr, nChannels, kbps) {
    const imports = {
      env: { emscripten_notify_memory_growth: () => {} },
      wasi_snapshot_preview1: { proc_exit: () => { throw new Error("LAME ended"); } },
    };
    this.#lame = new WebAssembly.Instance(code, imports).exports;
    this.#lame._initialize();
    this.#nChannels = nChannels;
    const at = this.#lame.malloc(20);
    const settings = new DataView(this.#lame.memory.buffer, at, 20);
    for (const [place, value] of [nChannels, sr, kbps, 0, sr].entries()) {
      settings.setInt32(4 * place, value, true);
    }
    settings.setFloat32(12, CONSTANT, true);
    this.#encoder = this.#lame.enc_init(at);
    if (!this.#encoder) throw new Error(`MP3 cannot hold ${nChannels} channels at ${sr} Hz`);
  }

  // Takes samples, all channels of one instant after those of another; returns what is encoded.
  write(samples) {
    const n = samples.length / this.#nChannels;
    const rows = this.#lame.enc_get_pcm(this.#encoder, n);
    if (!rows) throw new Error("not enough memory");
    const { buffer } = this.#lame.memory;
    for (let channel = 0; channel < this.#nChannels; channel++) {
      const at = new DataView(buffer).getUint32(rows + 4 * channel, true);
      const row = new Float32Array(buffer, at, n);
      for (let i = 0; i < n; i++) row[i] = samples[i * this.#nChannels + channel];
    }
    return this.#take(this.#lame.enc_encode(this.#encoder, n));
  }

  finish() {
    return this.#take(this.#lame.enc_flush(this.#encoder));
  }

  #take(n) {
    if (n < 0) throw new Error("LAME failed");
    const at = this.#lame.enc_get_out_buf(this.#encoder);
    const made = new Uint8Array(this.#lame.memory.buffer, at, n).slice();
    for (const byte of made) this.checksum = TABLE[(this.checksum ^ byte) & 255] ^ (this.checksum >> 8);
    return made;
  }
}

export function openLame(bytes) {
  const code = new WebAssembly.Module(bytes);
  return { encoder: (sr, nChannels, kbps) => new Mp3Encoder(code, sr, nChannels, kbps) };
}
