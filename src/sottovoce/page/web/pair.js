// Two sounds that play in step and equally loud, of which one is heard.

const RAMP_S = 0.001;

function measureRms(buffer) {
  let sum = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    for (const sample of buffer.getChannelData(channel)) sum += sample * sample;
  }
  return Math.sqrt(sum / (buffer.length * buffer.numberOfChannels));
}

export class Pair {
  #context;
  #buffers;
  #levels;
  #sources = [];
  #gains = [];
  heard = 0;

  constructor(context, buffers) {
    this.#context = context;
    this.#buffers = buffers;
    const [first, second] = buffers.map(measureRms);
    this.#levels = [1, second > 0 ? first / second : 1];
  }

  start(offset, when = this.#context.currentTime + 0.01) {
    this.stop();
    this.#sources = this.#buffers.map((buffer, number) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer });
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
