// Let Check hear what goes out, from a file of float32: node check.mjs SIGNAL < question
//
// Answers its readings after each second, where `foundS` is when the mark was found last.  From
// `moved.beginS` on, the context's time is `moved.samples` ahead, as after blocks that were missed.

import { readFileSync } from "node:fs";

const { Check } = await import(`${process.argv[2]}/../content/check.js`);
const { makePatternBits } = await import(`${process.argv[2]}/payload.js`);

const CHUNK = 4_096;
const job = JSON.parse(readFileSync(0, "utf8"));
const bytes = readFileSync(job.from);
const sound = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const port = {};
const graph = { sampleRate: job.sampleRate, tap: () => ({ port, disconnect() {} }) };
const bits = Buffer.from(makePatternBits(job.notice)).toString("base64");
const check = new Check(graph, { bits, phaseFrames: job.phaseFrames });

let at = 0;
performance.now = () => (1_000 * at) / job.sampleRate;
const answers = [];
while (at + CHUNK <= sound.length) {
  const isMoved = at >= job.moved.beginS * job.sampleRate;
  const samples = isMoved ? at - job.moved.samples : at;
  check.align({ contextFrame: at, samples, delay: job.delay });
  port.onmessage({ data: { first: at, channels: [sound.subarray(at, at + CHUNK)] } });
  at += CHUNK;
  if (at >= (answers.length + 1) * job.sampleRate) {
    const { foundMs, isMissing } = check.readings;
    answers.push({ foundS: foundMs === null ? null : foundMs / 1_000, isMissing });
  }
}
console.log(JSON.stringify(answers));
