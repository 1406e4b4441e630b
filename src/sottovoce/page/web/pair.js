// Original and marked in step, the second as loud as the first.

import { InStep } from "../../abx/in_step.js";

function measureRms(buffer) {
  let sum = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    for (const sample of buffer.getChannelData(channel)) sum += sample * sample;
  }
  return Math.sqrt(sum / (buffer.length * buffer.numberOfChannels));
}

export function makePair(context, buffers) {
  const [first, second] = buffers.map(measureRms);
  return new InStep(context, buffers, { levels: [1, second > 0 ? first / second : 1] });
}
