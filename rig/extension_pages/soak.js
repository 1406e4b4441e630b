// Compares a microphone with its marked sound, block for block, for as long as a call lasts: counts the
// blocks of marked sound that are empty, and gives half a second of both every ten.

const EVERY_S = 10;
const KEPT_S = 0.5;

const shorten = (sample) => Math.round(32_768 * sample);

class Soak extends AudioWorkletProcessor {
  #n = 0;
  #lost = [0, 0];
  #late = 0;
  #next = currentFrame;
  #kept = [];

  process([input]) {
    if (input.length < 2) return true;
    // Blocks of this context that were never asked for.
    this.#late += currentFrame - this.#next;
    this.#next = currentFrame + input[0].length;
    input.forEach((one, i) => {
      if (one.every((sample) => sample === 0)) this.#lost[i] += 1;
    });
    this.#n += 1;
    const at = (this.#n * input[0].length) % (EVERY_S * sampleRate);
    if (at <= KEPT_S * sampleRate) this.#kept.push(input.map((one) => one.slice()));
    else if (this.#kept.length) {
      const both = [0, 1].map((i) => this.#kept.flatMap((one) => Array.from(one[i], shorten)));
      this.port.postMessage({ n: this.#n, lost: [...this.#lost], late: this.#late, both });
      this.#kept = [];
    }
    return true;
  }
}

registerProcessor("soak", Soak);
