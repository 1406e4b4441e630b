// Let OwnDetector hear sound from files of float32: node detect.mjs SOURCES < question
//
// Each job is answered by the verdicts after `looksS` seconds, and by the seconds of processor that
// hearing and looking took.  `trials` are other places and owners that are looked for in the same
// sound after its last second, each with the last verdict only.

import { readFileSync } from "node:fs";

const sources = process.argv[2];
const { OwnDetector } = await import(`${sources}/detector.js`);
const { makePatternBits } = await import(`${sources}/payload.js`);
const { importSealKey, sealPatternBits } = await import(`${sources}/seal.js`);

const answers = [];
for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  const { sampleRate, nChannels = 1, notice, phaseFrames, delay, firstSample = 0 } = job;
  const bytes = readFileSync(job.from);
  const sound = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const n = sound.length / nChannels;
  const bits = makePatternBits(notice);
  const detector = new OwnDetector({ sampleRate, bits, phaseFrames, delay, firstSample });
  if (job.sealKey) {
    const key = await importSealKey(Buffer.from(job.sealKey, "hex"));
    for (let index = 0; index < 5; index++) {
      detector.pattern.setSuperframe(index, await sealPatternBits(bits, key, job.firstSeal + index));
    }
  }
  const verdicts = [];
  const block = 2048;
  const before = process.cpuUsage();
  let looking = 0;
  for (let begin = 0; begin < n; begin += block) {
    const end = Math.min(begin + block, n);
    const part = (i) => sound.subarray(i * n + begin, i * n + end);
    detector.push(Array.from({ length: nChannels }, (_, i) => part(i)));
    while (end >= Math.min(job.looksS[verdicts.length] * sampleRate, n)) {
      const then = performance.now();
      verdicts.push(detector.look());
      looking += performance.now() - then;
    }
  }
  const processorS = process.cpuUsage(before).user / 1e6;
  const others = (job.trials ?? []).map(({ notice, phaseFrames }) => {
    const other = new OwnDetector({ sampleRate, bits: makePatternBits(notice), phaseFrames, delay });
    other.scores = detector.scores;
    return other.look();
  });
  answers.push({ verdicts, others, processorS, lookMs: looking / verdicts.length });
}
console.log(JSON.stringify(answers));
