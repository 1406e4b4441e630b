// Gives what passes through it to the check, "sottovoce-tap": { first, channels }, where `first` is
// the context's time of the first sample.

const N_CHUNK = 4_096;
const MAX_CHANNELS = 2;

class TapProcessor extends AudioWorkletProcessor {
  #chunk = Array.from({ length: MAX_CHANNELS }, () => new Float32Array(N_CHUNK));
  #n = 0;

  process([input]) {
    const n = input[0]?.length ?? 128;
    for (let i = 0; i < MAX_CHANNELS; i++) {
      const from = input[i] ?? input[0];
      if (from) this.#chunk[i].set(from, this.#n);
      else this.#chunk[i].fill(0, this.#n, this.#n + n);
    }
    this.#n += n;
    if (this.#n >= N_CHUNK) {
      const channels = this.#chunk.slice(0, Math.max(input.length, 1));
      this.port.postMessage({ first: currentFrame + n - this.#n, channels });
      this.#n = 0;
    }
    return true;
  }
}

registerProcessor("sottovoce-tap", TapProcessor);
