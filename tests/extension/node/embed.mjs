// Mark sound from files of float32 by the Embedder: node embed.mjs SOURCES < question
//
// A question is a list of jobs; each gets back its counters and how many seconds of processor it took.

import { readFileSync, writeFileSync } from "node:fs";

const sources = process.argv[2];
const { Embedder } = await import(`${sources}/embedder.js`);
const { makePatternBits } = await import(`${sources}/payload.js`);
const { importSealKey, sealPatternBits } = await import(`${sources}/seal.js`);

const answers = [];
for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  const { sampleRate, strengthDb, phaseFrames, notice, nChannels, sealKey, firstSeal } = job;
  const bytes = readFileSync(job.from);
  const sound = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const n = sound.length / nChannels;
  const channels = Array.from({ length: nChannels }, (_, i) => sound.subarray(i * n, (i + 1) * n));
  const marked = channels.map(() => new Float32Array(n));
  const bits = makePatternBits(notice);
  const isSealed = sealKey !== undefined;
  const embedder = new Embedder({ sampleRate, bits, strengthDb, phaseFrames, isSealed });
  const key = isSealed ? await importSealKey(Buffer.from(sealKey, "hex")) : null;
  const sizes = job.sizes ?? [128];
  let known = -1;
  let micros = 0;
  for (let begin = 0, i = 0; begin < n; i++) {
    while (isSealed && known < embedder.superframe + 1) {
      known += 1;
      embedder.pattern.setSuperframe(known, await sealPatternBits(bits, key, firstSeal + known));
    }
    // As many blocks between two looks at the clock as one superframe holds at most.
    const stop = Math.min(begin + sampleRate, n);
    const before = process.cpuUsage();
    for (; begin < stop; i++) {
      const end = Math.min(begin + sizes[i % sizes.length], n);
      embedder.process(
        channels.map((one) => one.subarray(begin, end)),
        marked.map((one) => one.subarray(begin, end)),
      );
      begin = end;
    }
    micros += process.cpuUsage(before).user;
  }
  const whole = new Float32Array(nChannels * n);
  marked.forEach((one, i) => whole.set(one, i * n));
  writeFileSync(job.to, whole);
  const { delay, blocks, unmarked, reason, repaired, limitedS, unsealedS } = embedder;
  const counters = { delay, blocks, unmarked, reason, repaired, limitedS, unsealedS };
  answers.push({ ...counters, processorS: micros / 1e6 });
}
console.log(JSON.stringify(answers));
