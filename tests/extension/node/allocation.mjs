// Count the bytes that a block takes from the heap, once everything is compiled: node --expose-gc.

const sources = process.argv[2];
const { Embedder } = await import(`${sources}/embedder.js`);
const { makePatternBits } = await import(`${sources}/payload.js`);

const N_BLOCKS = 10_000;
const bits = makePatternBits({ year: 2026 });
const answers = [];
for (const sampleRate of [16000, 44100, 48000]) {
  const embedder = new Embedder({ sampleRate, bits, strengthDb: 1.6, phaseFrames: 0 });
  const input = [0, 1].map((k) => Float32Array.from({ length: 128 }, (_, i) => 0.9 * Math.sin(i + k)));
  const output = [new Float32Array(128), new Float32Array(128)];
  const run = () => {
    for (let i = 0; i < N_BLOCKS; i++) embedder.process(input, output);
  };
  for (let i = 0; i < 3; i++) run();
  gc();
  const before = process.memoryUsage();
  run();
  const after = process.memoryUsage();
  answers.push({
    heap: (after.heapUsed - before.heapUsed) / N_BLOCKS,
    buffers: after.arrayBuffers - before.arrayBuffers,
  });
}
console.log(JSON.stringify(answers));
