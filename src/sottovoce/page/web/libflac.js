// libFLAC's own functions, compiled to WebAssembly by npm's `libflacjs`, called without its wrapper:
// that narrows samples by a guess at their depth, and FLAC must come out exact.
//
// Structures are laid out as in FLAC/format.h for 32 bits.

// As its build placed them: where the end of the heap is kept, and where the heap begins.
const HEAP_END_AT = 14176;
const HEAP_START = 5257216;
const TABLE = { element: "anyfunc", initial: 22, maximum: 27 };
const MEMORY = { initial: 256, maximum: 32768 };
const PAGE_BYTES = 65536;

const OK = 0;
const END_OF_STREAM = 1; // FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM
const ABORT = 2;
const STATE_END = 4; // FLAC__STREAM_DECODER_END_OF_STREAM
const STATE_ABORTED = 7;
const STREAMINFO_AT = 16; // in FLAC__StreamMetadata
const STREAMINFO_BYTES = 34;
const LEVEL = 5;

const I32 = 0x7f;

// Returns a function of WebAssembly of so many 32-bit arguments, which calls one of JavaScript.
function wrap(nArguments, hasResult, call) {
  const type = [0x60, nArguments, ...Array(nArguments).fill(I32), ...(hasResult ? [1, I32] : [0])];
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  bytes.push(1, type.length + 1, 1, ...type);
  bytes.push(2, 7, 1, 1, 0x65, 1, 0x66, 0, 0); // import "e" "f"
  bytes.push(7, 5, 1, 1, 0x66, 0, 0); // export "f"
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  return new WebAssembly.Instance(module, { e: { f: call } }).exports.f;
}

class Library {
  #places = {};
  user = null; // whose callbacks are called

  constructor(code) {
    this.memory = new WebAssembly.Memory(MEMORY);
    const table = new WebAssembly.Table(TABLE);
    const fail = () => -1;
    const env = {
      memory: this.memory,
      table,
      round: Math.round,
      setTempRet0: () => {},
      emscripten_memcpy_big: (to, from, n) => {
        this.bytes.copyWithin(to, from, from + n); // returned, all memory would be made a number
      },
      emscripten_resize_heap: (nBytes) => this.#grow(nBytes),
    };
    const files = { fd_close: fail, fd_read: fail, fd_seek: fail, fd_write: fail };
    const instance = new WebAssembly.Instance(code, { env, wasi_snapshot_preview1: files });
    this.call = instance.exports;
    new DataView(this.memory.buffer).setInt32(HEAP_END_AT, HEAP_START, true);
    this.call.__wasm_call_ctors();
    const callbacks = {
      read: wrap(4, true, (id, to, nAt) => this.user.read(to, nAt)),
      take: wrap(4, true, (id, frame, channels) => this.user.take(frame, channels)),
      put: wrap(6, true, (id, from, n) => this.user.put(from, n)),
      tell: wrap(3, false, (id, metadata) => this.user.tell(metadata)),
      fail: wrap(3, false, () => this.user.fail()),
    };
    let place = table.grow(Object.keys(callbacks).length);
    for (const [name, own] of Object.entries(callbacks)) {
      table.set(place, own);
      this.#places[name] = place++;
    }
  }

  // Where a callback lies in the table, which is how libFLAC knows it.
  callback(name) {
    return this.#places[name];
  }

  get bytes() {
    return new Uint8Array(this.memory.buffer);
  }

  view() {
    return new DataView(this.memory.buffer);
  }

  #grow(nBytes) {
    const missing = Math.ceil((nBytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    try {
      this.memory.grow(Math.max(missing, 256));
      return 1;
    } catch {
      return 0;
    }
  }
}

function readStreamInfo(view, metadata) {
  const at = metadata + STREAMINFO_AT;
  const number = (place) => view.getUint32(at + place, true);
  return {
    sr: number(16),
    n_channels: number(20),
    n_bits: number(24),
    n_samples: number(32) + 2 ** 32 * number(36),
  };
}

// Returns STREAMINFO as it stands in a file.
function packStreamInfo(view, metadata) {
  const at = metadata + STREAMINFO_AT;
  const { sr, n_channels, n_bits, n_samples } = readStreamInfo(view, metadata);
  const packed = new DataView(new ArrayBuffer(STREAMINFO_BYTES));
  packed.setUint16(0, view.getUint32(at, true));
  packed.setUint16(2, view.getUint32(at + 4, true));
  for (const [place, from] of [[4, 8], [7, 12]]) {
    const value = view.getUint32(at + from, true);
    packed.setUint8(place, value >> 16);
    packed.setUint16(place + 1, value & 0xffff);
  }
  const high = Math.floor(n_samples / 2 ** 32);
  packed.setUint32(10, ((sr << 12) | ((n_channels - 1) << 9) | ((n_bits - 1) << 4) | high) >>> 0);
  packed.setUint32(14, n_samples >>> 0);
  for (let i = 0; i < 16; i++) packed.setUint8(18 + i, view.getUint8(at + 40 + i));
  return new Uint8Array(packed.buffer);
}

// Reads a stream; `source(n)` returns its next bytes, none at its end.
class Decoder {
  #library;
  #source;
  #decoder;
  #waiting = new Uint8Array();
  #frame = null;
  info = null;
  has_failed = false;

  constructor(library, source) {
    this.#library = library;
    this.#source = source;
    const { call } = library;
    this.#decoder = call.FLAC__stream_decoder_new();
    const [read, take, tell, fail] = ["read", "take", "tell", "fail"].map((one) => library.callback(one));
    call.FLAC__stream_decoder_init_stream(this.#decoder, read, 0, 0, 0, 0, take, tell, fail, 0);
    library.user = this;
    call.FLAC__stream_decoder_process_until_end_of_metadata(this.#decoder);
  }

  read(to, nAt) {
    const view = this.#library.view();
    const wanted = view.getUint32(nAt, true);
    if (!this.#waiting.length) this.#waiting = this.#source(2 ** 20);
    const chunk = this.#waiting.subarray(0, wanted);
    this.#waiting = this.#waiting.subarray(chunk.length);
    this.#library.bytes.set(chunk, to);
    view.setUint32(nAt, chunk.length, true);
    return chunk.length ? OK : END_OF_STREAM;
  }

  take(frame, channels) {
    const view = this.#library.view();
    const n = view.getUint32(frame, true);
    const nChannels = view.getUint32(frame + 8, true);
    const samples = new Int32Array(n * nChannels);
    for (let channel = 0; channel < nChannels; channel++) {
      const at = view.getUint32(channels + 4 * channel, true);
      samples.set(new Int32Array(this.#library.memory.buffer, at, n), n * channel);
    }
    this.#frame = {
      samples,
      n_channels: nChannels,
      sr: view.getUint32(frame + 4, true),
      n_bits: view.getUint32(frame + 16, true),
    };
    return OK;
  }

  tell(metadata) {
    const view = this.#library.view();
    if (view.getUint32(metadata, true) === 0) this.info ??= readStreamInfo(view, metadata);
  }

  fail() {
    this.has_failed = true;
  }

  // Returns the next frame: its samples, one channel after the other; null at the end.
  next() {
    const { call } = this.#library;
    this.#library.user = this;
    this.#frame = null;
    while (!this.#frame && !this.has_failed) {
      const isDone = call.FLAC__stream_decoder_get_state(this.#decoder) >= STATE_END;
      if (isDone || !call.FLAC__stream_decoder_process_single(this.#decoder)) return null;
    }
    return this.has_failed ? null : this.#frame;
  }

  // Begins again, with a stream of the same kind.
  restart() {
    const { call } = this.#library;
    this.#library.user = this;
    this.#waiting = new Uint8Array();
    this.has_failed = false;
    call.FLAC__stream_decoder_reset(this.#decoder);
    call.FLAC__stream_decoder_process_until_end_of_metadata(this.#decoder);
  }

  close() {
    this.#library.call.FLAC__stream_decoder_delete(this.#decoder);
  }
}

// Decodes single frames, whatever their numbers; `head` is the mark and STREAMINFO.
class FrameDecoder extends Decoder {
  #head;
  #given;

  constructor(library, head) {
    const given = [head];
    super(library, () => given.shift() ?? new Uint8Array());
    this.#head = head;
    this.#given = given;
  }

  // Returns the frame at the beginning of some bytes; null if it is damaged or incomplete.
  decode(bytes) {
    this.#given.splice(0, 2, this.#head, bytes);
    this.restart();
    return this.next();
  }
}

class Encoder {
  #library;
  #encoder;
  #made = [];
  info = null;

  constructor(library, sr, nChannels, nBits) {
    this.#library = library;
    const { call } = library;
    this.#encoder = call.FLAC__stream_encoder_new();
    call.FLAC__stream_encoder_set_channels(this.#encoder, nChannels);
    call.FLAC__stream_encoder_set_bits_per_sample(this.#encoder, nBits);
    call.FLAC__stream_encoder_set_sample_rate(this.#encoder, sr);
    call.FLAC__stream_encoder_set_compression_level(this.#encoder, LEVEL);
    library.user = this;
    const [put, tell] = ["put", "tell"].map((one) => library.callback(one));
    if (call.FLAC__stream_encoder_init_stream(this.#encoder, put, 0, 0, tell, 0)) {
      throw new Error(`FLAC cannot hold ${nChannels} channels of ${nBits} bits at ${sr} Hz`);
    }
  }

  put(from, n) {
    this.#made.push(this.#library.bytes.slice(from, from + n));
    return OK;
  }

  tell(metadata) {
    this.info = packStreamInfo(this.#library.view(), metadata);
  }

  // Takes samples, all channels of one instant after those of another; returns what is encoded.
  write(samples, nChannels) {
    const { call } = this.#library;
    this.#library.user = this;
    const at = call.malloc(samples.byteLength);
    if (!at) throw new Error("not enough memory");
    new Int32Array(this.#library.memory.buffer, at, samples.length).set(samples);
    const isGood = call.FLAC__stream_encoder_process_interleaved(this.#encoder, at, samples.length / nChannels);
    call.free(at);
    if (!isGood) throw new Error("libFLAC failed");
    return this.#takeMade();
  }

  finish() {
    this.#library.user = this;
    const isGood = this.#library.call.FLAC__stream_encoder_finish(this.#encoder);
    this.#library.call.FLAC__stream_encoder_delete(this.#encoder);
    if (!isGood) throw new Error("libFLAC failed");
    return this.#takeMade();
  }

  #takeMade() {
    const made = new Uint8Array(this.#made.reduce((n, one) => n + one.length, 0));
    let at = 0;
    for (const one of this.#made.splice(0)) {
      made.set(one, at);
      at += one.length;
    }
    return made;
  }
}

export function openLibFlac(code) {
  const library = new Library(new WebAssembly.Module(code));
  return {
    decoder: (source) => new Decoder(library, source),
    frames: (head) => new FrameDecoder(library, head),
    encoder: (sr, nChannels, nBits) => new Encoder(library, sr, nChannels, nBits),
  };
}
