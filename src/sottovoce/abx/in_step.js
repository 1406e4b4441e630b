// Sounds that run in step, of which one is heard: switching has no gap and keeps the place.

const RAMP_S = 0.001;

export class InStep {
  #context;
  #buffers;
  #levels;
  #loop;
  #sources = [];
  #gains = [];
  heard = 0;

  constructor(context, buffers, { levels = buffers.map(() => 1), loop = false } = {}) {
    this.#context = context;
    this.#buffers = buffers;
    this.#levels = levels;
    this.#loop = loop;
  }

  start(offset, when) {
    this.stop();
    this.#sources = this.#buffers.map((buffer, number) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer, loop: this.#loop });
      const gain = new GainNode(this.#context, { gain: number === this.heard ? this.#levels[number] : 0 });
      source.connect(gain).connect(this.#context.destination);
      source.start(when, offset);
      this.#gains[number] = gain.gain;
      return source;
    });
    return this.#sources[0];
  }

  stop() {
    for (const source of this.#sources.splice(0)) {
      source.onended = null;
      source.stop();
    }
  }

  hear(number, when = this.#context.currentTime) {
    const before = this.heard;
    this.heard = number;
    if (before === number || !this.#sources.length) return;
    for (const [one, to] of [[before, 0], [number, this.#levels[number]]]) {
      this.#gains[one].setValueAtTime(one === before ? this.#levels[one] : 0, when);
      this.#gains[one].linearRampToValueAtTime(to, when + RAMP_S);
    }
  }
}
