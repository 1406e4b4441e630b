// Give the embedder what no page should: prints what became of each, as JSON.

const sources = process.argv[2];
const { Embedder } = await import(`${sources}/embedder.js`);
const { Fft } = await import(`${sources}/fft.js`);
const { makePatternBits } = await import(`${sources}/payload.js`);

const RATE = 48000;
const bits = makePatternBits({ year: 2026 });
const make = (options) =>
  new Embedder({ sampleRate: RATE, bits, strengthDb: 1.6, phaseFrames: 0, ...options });
let state = 1;
const noise = () => ((state = (state * 48271) % 2147483647) / 2147483647 - 0.5) * 0.2;
const block = (n = 128) => Float32Array.from({ length: n }, noise);

/** Run blocks through an embedder: [input channels, number of output channels] each. */
function run(embedder, blocks) {
  const heard = [];
  const sent = [];
  for (const [input, nOut] of blocks) {
    const output = Array.from({ length: nOut }, () => new Float32Array(input[0]?.length ?? 128).fill(9));
    const before = input.map((one) => one.slice());
    embedder.process(input, output);
    input.forEach((one, i) => {
      if (one.some((sample, at) => !Object.is(sample, before[i][at]))) throw new Error("input changed");
    });
    heard.push(...(input[0] ?? new Float32Array(128)));
    if (nOut) sent.push(output.map((one) => [...one]));
  }
  const flat = (channel) => sent.flatMap((one) => one[Math.min(channel, one.length - 1)]);
  const { unmarked, reason, repaired, blocks: n, delay } = embedder;
  const isFinite = sent.every((one) => one.every((samples) => samples.every(Number.isFinite)));
  const counters = { unmarked, reason, repaired, n, isFinite, delay };
  return { heard, left: flat(0), right: flat(1), counters };
}

/** Largest difference between what was heard and what was sent later, over a range of samples. */
function differ({ heard, left, counters }, begin, end) {
  let most = 0;
  for (let i = begin; i < end; i++) most = Math.max(most, Math.abs(left[i + counters.delay] - heard[i]));
  return most;
}

const answers = {};
const plain = Array.from({ length: 100 }, () => [[block()], 1]);
answers.plain = differ(run(make(), plain), 2000, 10000);

// Values that are no numbers, in a few blocks; what comes later is marked again.
for (const [name, value] of [["nan", NaN], ["infinity", -Infinity]]) {
  const blocks = plain.map(([input], i) => [[i === 20 ? input[0].slice().fill(value, 3, 9) : input[0]], 1]);
  const ran = run(make(), blocks);
  answers[name] = { ...ran.counters, later: differ(ran, 5000, 10000) };
}

// So loud that a transform overflows: the sound goes out as it is.
const loud = plain.map(([input], i) => [[i === 20 ? input[0].slice().fill(3e38, 0, 60) : input[0]], 1]);
const ranLoud = run(make(), loud);
const around = differ(ranLoud, 2560, 2620);
answers.loud = { ...ranLoud.counters, around, later: differ(ranLoud, 5000, 10000) };

const denormal = plain.map(([input]) => [[input[0].map((one) => one * 1e-44)], 1]);
answers.denormal = run(make(), denormal).counters;
const silence = plain.map(() => [[new Float32Array(128)], 1]);
answers.silence = Math.max(...run(make(), silence).left.map(Math.abs));

// Nothing connected for a while, no output at all, channels that come and go, blocks of no samples.
const gaps = plain.map(([input], i) => (i % 10 === 3 ? [[], 1] : i % 10 === 7 ? [input, 0] : [input, 1]));
answers.gaps = run(make(), gaps).counters;
const stereo = plain.map(([input], i) => (i < 30 || i > 60 ? [input, 1] : [[input[0], input[0]], 2]));
const ranStereo = run(make(), stereo);
answers.stereo = {
  ...ranStereo.counters,
  apart: Math.max(...ranStereo.left.map((one, i) => Math.abs(one - ranStereo.right[i]))),
  later: differ(ranStereo, 2000, 10000),
};
answers.unmixed = run(make(), plain.map(([input]) => [input, 2])).counters;
answers.many = run(make(), plain.map(([input]) => [[input[0], input[0], input[0]], 3])).counters;
answers.empty = run(make(), [[[new Float32Array(0)], 1], ...plain]).counters;
answers.long = differ(run(make(), [[[block(20000)], 1]]), 2000, 10000);

// The transform itself fails for a while.
const { transform } = Fft.prototype;
const failing = make();
run(failing, plain.slice(0, 50));
Fft.prototype.transform = () => {
  throw new Error("broken");
};
const broken = run(failing, plain.slice(50));
Fft.prototype.transform = transform;
const mended = run(failing, plain);
answers.broken = { ...broken.counters, during: differ(broken, 800, 5000), later: differ(mended, 2000, 9000) };

answers.refused = [
  { sampleRate: 7999 },
  { sampleRate: NaN },
  { strengthDb: 0 },
  { strengthDb: 3.1 },
  { phaseFrames: 1280 },
  { bits: bits.subarray(1) },
].map((options) => {
  try {
    make(options);
    return null;
  } catch (error) {
    return error.name;
  }
});
console.log(JSON.stringify(answers));
