// The embedder as an AudioWorkletProcessor, "sottovoce-mark", for the audio thread of a page.
//
// It holds no key and no name of an owner that the marked sound does not tell anyway: only signs.
//
// processorOptions: { bits, strengthDb, phaseFrames, isSealed }, as for `Embedder`.
// It takes messages { index, bits }, the signs of a superframe to come, 800 bytes, and posts its meters
// four times a second, see `#postMeter`.

import { Embedder } from "./embedder.js";

const METERS_PER_S = 4;

class MarkProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions = {} } = {}) {
    super();
    try {
      this.#embedder = new Embedder({ ...processorOptions, sampleRate });
    } catch (error) {
      // The person must be heard even then, and the meters tell why without a mark.
      this.#embedder = null;
      this.#reason = `error: ${error.message}`;
    }
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #embedder = null;
  // Of blocks that the embedder did not see.
  #blocks = 0;
  #reason = "";
  // Since the last meter.
  #energy = 0;
  #peak = 0;
  #values = 0;
  #samples = 0;

  #take({ index, bits }) {
    try {
      this.#embedder?.pattern.setSuperframe(index, bits);
    } catch {
      // Signs that are none are as good as none that have come: the meters count those.
    }
  }

  process(inputs, outputs) {
    const input = inputs[0];
    const output = outputs[0];
    try {
      if (this.#embedder === null) this.#passThrough(input, output);
      else this.#embedder.process(input, output);
      this.#measure(output);
    } catch (error) {
      this.#reason = `error: ${error.message}`;
      this.#passThrough(input, output);
    }
    return true;
  }

  #passThrough(input, output) {
    for (let i = 0; i < output.length; i++) {
      const from = i < input.length ? input[i] : input[0];
      if (from !== undefined) output[i].set(from);
    }
    this.#blocks += 1;
  }

  #measure(output) {
    for (let channel = 0; channel < output.length; channel++) {
      const samples = output[channel];
      for (let i = 0; i < samples.length; i++) {
        this.#energy += samples[i] * samples[i];
        this.#peak = Math.max(this.#peak, Math.abs(samples[i]));
      }
      this.#values += samples.length;
    }
    if (output.length > 0) this.#samples += output[0].length;
    if (this.#samples * METERS_PER_S >= sampleRate) this.#postMeter(output[0].length);
  }

  /**
   * Post the counters of the session, and the level since the last meter.
   *
   * blocks, unmarked: blocks so far, and those whose sound went out unmarked; reason: why the last of
   * these did.  repaired: samples that were not finite.  limitedS: seconds in which the mark made way
   * for peaks.  unsealedS: seconds without the seal that they should have had.  rmsDb, peakDb: level
   * of what went out, in dB of full scale; -Infinity in silence.  delay: in samples.  superframe: the
   * one that is being written.  samples: how many went out so far, and contextFrame: the context's
   * time, in samples, when the last of them had gone.
   */
  #postMeter(nBlock) {
    const embedder = this.#embedder;
    this.port.postMessage({
      blocks: this.#blocks + (embedder?.blocks ?? 0),
      unmarked: this.#blocks + (embedder?.unmarked ?? 0),
      reason: this.#reason || (embedder?.reason ?? ""),
      repaired: embedder?.repaired ?? 0,
      limitedS: embedder?.limitedS ?? 0,
      unsealedS: embedder?.unsealedS ?? 0,
      rmsDb: 10 * Math.log10(this.#energy / this.#values),
      peakDb: 20 * Math.log10(this.#peak),
      sampleRate,
      delay: embedder?.delay ?? 0,
      superframe: embedder?.superframe ?? 0,
      samples: embedder?.samples ?? 0,
      contextFrame: currentFrame + nBlock,
    });
    this.#energy = this.#peak = this.#values = this.#samples = 0;
  }
}

registerProcessor("sottovoce-mark", MarkProcessor);
