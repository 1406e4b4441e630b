// The audio graph that marks one microphone.  It is made in the extension's world: the page gets the
// track that comes out, and has no object of the graph whose methods it could replace.

import { decodeBase64 } from "../signal/bits.js";
import { give } from "./handover.js";

const api = globalThis.browser ?? chrome;
const MODULES = ["worklet.js", "tap.js"];
const RUNNING_MS = 1_500;
const FIRST_MS = 1_500;
const PROCESSOR = "sottovoce-mark";
const TAP = "sottovoce-tap";

/** Why no graph could be made, in one word for the person's badge. */
export class GraphError extends Error {
  constructor(reason, options) {
    super(reason, options);
    this.reason = reason;
  }
}

/**
 * @param {MediaStreamTrack} raw the microphone.
 * @param {object} settings as the service worker gives them.
 * @param {(status: object) => void} onMeter called with each meter of the processor, see its messages.
 * @param {number} withinMs how long the browser may take to let sound be processed.
 * @returns {Promise<Graph>} sound comes out of it already.
 * @throws {GraphError} if that cannot be.
 */
export async function openGraph(raw, settings, onMeter, withinMs = RUNNING_MS) {
  const stream = new MediaStream([raw]);
  const [context, source] = connectSource(stream);
  try {
    await loadProcessor(context);
    await waitUntilRunning(context, withinMs);
    return await Graph.connect(context, source, raw, settings, onMeter);
  } catch (error) {
    context.close();
    throw error;
  }
}

// At the microphone's own rate its sound need not be resampled.  A browser that does not know that
// rate, or refuses it, takes that of the loudspeaker.
function connectSource(stream) {
  const { sampleRate } = stream.getAudioTracks()[0].getSettings();
  const rates = sampleRate ? [{ sampleRate }, {}] : [{}];
  let cause = null;
  for (const rate of rates) {
    let context = null;
    try {
      context = new AudioContext({ latencyHint: "interactive", ...rate });
      return [context, context.createMediaStreamSource(stream)];
    } catch (error) {
      context?.close();
      cause = error;
    }
  }
  throw new GraphError("rate", { cause });
}

async function loadProcessor(context) {
  try {
    await Promise.all(MODULES.map((name) => context.audioWorklet.addModule(api.runtime.getURL(name))));
  } catch (error) {
    throw new GraphError("processor", { cause: error });
  }
}

async function waitUntilRunning(context, withinMs) {
  const resumed = context.resume();
  const tooLate = new Promise((resolve) => setTimeout(resolve, withinMs));
  await Promise.race([resumed, tooLate]);
  if (context.state !== "running") throw new GraphError("suspended");
}

class Graph {
  /** Called when the processor has ended. */
  onError = () => {};
  /** Called when the browser has paused the sound, or lets it run again. */
  onRunning = () => {};
  isAround = false;
  #context;
  #source;
  #node;
  #end;

  static async connect(context, source, raw, settings, onMeter) {
    const graph = new Graph(context, source, raw, settings);
    await graph.#start(onMeter);
    return graph;
  }

  constructor(context, source, raw, { bits, strengthDb, phaseFrames, isSealed }) {
    this.#context = context;
    this.#context.onstatechange = () => this.onRunning();
    this.#source = source;
    this.isSealed = isSealed;
    const processorOptions = { bits: decodeBase64(bits), strengthDb, phaseFrames, isSealed };
    this.#node = new AudioWorkletNode(context, PROCESSOR, give({ processorOptions }));
    this.#end = context.createMediaStreamDestination();
    // Otherwise a page that asked for one channel would get two.
    this.#end.channelCount = raw.getSettings().channelCount ?? 1;
    this.#source.connect(this.#node).connect(this.#end);
  }

  get stream() {
    return this.#end.stream;
  }

  get isRunning() {
    return this.#context.state === "running";
  }

  get sampleRate() {
    return this.#context.sampleRate;
  }

  /** Seconds of sound that have been processed. */
  get timeS() {
    return this.#context.currentTime;
  }

  /**
   * Have the sound run again.
   *
   * Chromium pauses it when its loudspeaker is lost, whose clock it runs by: without a loudspeaker it
   * runs by the computer's clock.  Not from the beginning, since a headset's microphone keeps step with
   * its loudspeaker, and with no other clock.  Firefox changes clocks by itself.
   */
  async resume() {
    try {
      await this.#context.setSinkId?.({ type: "none" });
      await this.#context.resume();
    } catch {
      // Tried again as long as it is paused.
    }
  }

  setSuperframe(index, bits) {
    this.#node.port.postMessage(give({ index, bits }));
  }

  /** @returns {AudioWorkletNode} that posts what goes out, as `tap_worklet.js` says. */
  tap() {
    const tap = new AudioWorkletNode(this.#context, TAP);
    this.#context.createMediaStreamSource(this.stream).connect(tap);
    // A node that nothing asks for sound hears none.
    tap.connect(this.#context.createMediaStreamDestination());
    return tap;
  }

  /** Let the sound pass without the mark. */
  goAround() {
    if (this.isAround) return;
    this.isAround = true;
    this.#source.connect(this.#end);
    this.#node.disconnect();
  }

  close() {
    this.#source.disconnect();
    this.#context.close();
  }

  // Only once the processor has answered is it known to run.
  #start(onMeter) {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new GraphError("processor"));
      setTimeout(fail, FIRST_MS);
      this.#node.onprocessorerror = () => {
        fail();
        this.onError();
      };
      this.#node.port.onmessage = ({ data }) => {
        resolve();
        onMeter(data);
      };
    });
  }
}
