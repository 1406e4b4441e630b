// Print energies and cell scores of the sound in a file: node scores.mjs SOURCES < question

import { readFileSync } from "node:fs";

const sources = process.argv[2];
const { BandEnergies } = await import(`${sources}/energies.js`);
const { CONTEXT_FRAMES, CellScorer } = await import(`${sources}/score.js`);
const { log10PValue } = await import(`${sources}/evidence.js`);

const { from, nChannels, sampleRate, frames, scores } = JSON.parse(readFileSync(0, "utf8"));
const bytes = readFileSync(from);
const sound = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const n = sound.length / nChannels;
const rows = [];
const source = new BandEnergies(sampleRate, 0, (energies) => rows.push(energies.slice()));
for (let begin = 0; begin < n; begin += 1000) {
  const end = Math.min(begin + 1000, n);
  source.push(Array.from({ length: nChannels }, (_, i) => sound.subarray(i * n + begin, i * n + end)));
}
const { nBands } = source;
// As the core does with a whole clip of at most one superframe: its ends stand for what is beyond.
const nScored = Math.min(rows.length, 1280) & ~1;
const padded = new Float32Array((nScored + 2 * CONTEXT_FRAMES) * nBands);
for (let i = 0; i < nScored + 2 * CONTEXT_FRAMES; i++) {
  padded.set(rows[Math.min(Math.max(i - CONTEXT_FRAMES, 0), rows.length - 1)], i * nBands);
}
const scorer = new CellScorer(nBands, nScored + 2 * CONTEXT_FRAMES);
const all = new Float32Array(nScored * nBands);
scorer.score(padded, nScored, nScored, all);
console.log(JSON.stringify({
  nBands,
  energies: rows.slice(...frames).map((one) => [...one]),
  scores: Array.from({ length: frames[1] - frames[0] }, (_, i) =>
    [...all.subarray((frames[0] + i) * nBands, (frames[0] + i + 1) * nBands)]),
  logs: scores.map(([z, nHypotheses]) => log10PValue(z, nHypotheses)),
}));
