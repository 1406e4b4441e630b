// A session of the worklet in a stand-in for an audio context: prints meters and verdicts.

import { readFileSync } from "node:fs";

const sources = process.argv[2];
const question = JSON.parse(readFileSync(0, "utf8"));
const RATE = 48000;
let MarkProcessor;
globalThis.sampleRate = RATE;
globalThis.currentFrame = 0;
globalThis.registerProcessor = (name, made) => (MarkProcessor = name === "sottovoce-mark" && made);
globalThis.AudioWorkletProcessor = class {
  posted = [];
  port = {
    onmessage: null,
    postMessage: (message) => this.posted.push(structuredClone(message)),
  };
};
await import(`${sources}/worklet.js`);
const { OwnDetector } = await import(`${sources}/detector.js`);
const { makePatternBits } = await import(`${sources}/payload.js`);
const { importSealKey, sealPatternBits } = await import(`${sources}/seal.js`);

const { notice, phaseFrames, sealKey, firstSeal } = question;
const bits = makePatternBits(notice);
const key = await importSealKey(Buffer.from(sealKey, "hex"));
const sealed = (index) => sealPatternBits(bits, key, firstSeal + index);
const superframes = [];
for (const index of [0, 1]) superframes.push({ index, bits: await sealed(index) });
const options = { bits, strengthDb: 1.6, phaseFrames, isSealed: true };
const mark = new MarkProcessor({ processorOptions: options });
for (const one of superframes) mark.port.onmessage({ data: one });
let detector = null;

const bytes = readFileSync(question.from);
const sound = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const verdicts = [];
const meters = [];
const START = 5_000 * 128;
let heardUntil = 0;
// What left the embedder comes to the detector some blocks later, as through a track.
const way = Array.from({ length: question.lateBlocks }, () => new Float32Array(128));
for (let begin = 0; begin + 128 <= sound.length; begin += 128) {
  currentFrame = START + begin;
  const out = new Float32Array(128);
  if (!mark.process([[sound.subarray(begin, begin + 128)]], [[out]])) throw new Error("ended");
  way.push(out);
  const heard = way.shift();
  for (const meter of mark.posted.splice(0)) {
    meters.push(meter);
    if (detector === null) {
      const { samples, contextFrame, delay } = meter;
      const firstSample = samples - (contextFrame - currentFrame);
      detector = new OwnDetector({ sampleRate: RATE, bits, phaseFrames, delay, firstSample });
      for (const one of superframes) detector.pattern.setSuperframe(one.index, one.bits);
    }
    const last = superframes.at(-1).index;
    if (meter.superframe < last) continue;
    superframes.push({ index: last + 1, bits: await sealed(last + 1) });
    mark.port.onmessage({ data: superframes.at(-1) });
    detector.pattern.setSuperframe(last + 1, superframes.at(-1).bits);
  }
  if (detector === null) continue;
  detector.push([heard]);
  if (begin < heardUntil) continue;
  heardUntil = begin + RATE;
  verdicts.push(detector.look());
}

// One that cannot be made, and one that fails later: the sound passes as it is.
const bad = new MarkProcessor({ processorOptions: { strengthDb: 9 } });
const passed = [[new Float32Array(128)]];
for (let i = 0; i < 100; i++) bad.process([[sound.subarray(0, 128)]], passed);
const isPassed = passed[0][0].every((one, i) => one === sound[i]);
// A message that makes no sense changes nothing.
mark.port.onmessage({ data: { index: 1, bits: null } });
console.log(JSON.stringify({ meters, verdicts, isPassed, bad: bad.posted }));
