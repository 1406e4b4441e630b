// Gives a page two channels that pass through it, block after block, one channel after the other.
class TapBoth extends AudioWorkletProcessor {
  process([input]) {
    if (input.length === 2) {
      const both = new Float32Array(2 * input[0].length);
      both.set(input[0]);
      both.set(input[1], input[0].length);
      this.port.postMessage(both);
    }
    return true;
  }
}
registerProcessor("tap-both", TapBoth);
