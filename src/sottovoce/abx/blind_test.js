// A blind listening test.  In each trial A is the original, B the marked version, and X one of the
// two; who hears no difference is right half of the time.

import { InStep } from "./in_step.js";

const LETTERS = ["a", "b", "x"];
const HEARD = 0.05;

// At the rate of the sounds, if the browser can: else it resamples.
export function makeContext(sr) {
  try {
    return new AudioContext({ sampleRate: sr });
  } catch {
    return new AudioContext();
  }
}

export class BlindTest {
  #context;
  #load;
  #tell;
  #sounds = null;
  #offset = 0;
  #startedAt = 0;
  answers;
  trial = 0;
  heard = "x";
  choice = null;
  length = 0;
  isPlaying = false;
  isDone = false;

  // `load` promises the three buffers of a trial.  `tell.show` is called whenever something has
  // changed, `tell.played` before anything sounds, `tell.done` after the last answer, and
  // `tell.failed` with what kept a trial from being loaded.
  constructor(context, nTrials, load, tell) {
    this.#context = context;
    this.#load = load;
    this.#tell = tell;
    this.answers = new Array(nTrials).fill(null);
  }

  get isReady() {
    return this.#sounds !== null;
  }

  get place() {
    const place = this.isPlaying ? this.#offset + this.#context.currentTime - this.#startedAt : this.#offset;
    return this.length ? Math.max(place, 0) % this.length : 0;
  }

  async begin() {
    this.pause();
    Object.assign(this, { choice: null, heard: "x" });
    this.#sounds = null;
    this.#offset = 0;
    this.#tell.show();
    const own = this.trial;
    let buffers;
    try {
      buffers = await this.#load(own);
    } catch (err) {
      this.#tell.failed(err);
      return;
    }
    if (own !== this.trial || this.isDone) return;
    this.length = buffers[0].duration;
    this.#sounds = new InStep(this.#context, buffers, { loop: true });
    this.#sounds.heard = LETTERS.indexOf(this.heard);
    if (own > 0) this.play();
    else this.#tell.show();
  }

  play() {
    if (!this.isReady || this.isPlaying) return;
    this.#tell.played?.();
    this.#context.resume();
    this.#startedAt = this.#context.currentTime + 0.02;
    this.#sounds.start(this.#offset, this.#startedAt);
    this.isPlaying = true;
    this.#tick();
  }

  pause() {
    if (!this.isPlaying) return;
    this.#offset = this.place;
    this.isPlaying = false;
    this.#sounds.stop();
    this.#tell.show();
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  seek(place) {
    if (!this.isReady) return;
    const again = this.isPlaying;
    this.pause();
    this.#offset = Math.min(Math.max(place, 0), this.length - 0.05);
    this.#tell.show();
    if (again) this.play();
  }

  hear(letter) {
    this.heard = letter;
    this.#sounds?.hear(LETTERS.indexOf(letter));
    this.#tell.show();
  }

  choose(letter) {
    this.choice = letter;
    this.#tell.show();
  }

  confirm() {
    if (!this.choice || this.isDone) return;
    this.answers[this.trial] = this.choice;
    if (this.trial + 1 < this.answers.length) {
      this.trial += 1;
      this.begin();
      return;
    }
    this.pause();
    this.isDone = true;
    this.#tell.done();
  }

  #tick() {
    this.#tell.show();
    if (this.isPlaying) requestAnimationFrame(() => this.#tick());
  }

  // The keys of both pages; a focused button keeps its own.
  onKey(event) {
    if (this.isDone || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
    const onButton = event.target instanceof HTMLButtonElement;
    const act = {
      a: () => this.hear("a"), b: () => this.hear("b"), x: () => this.hear("x"),
      1: () => this.choose("A"), 2: () => this.choose("B"),
      home: () => this.seek(0),
      " ": onButton ? null : () => this.toggle(),
      enter: onButton ? null : () => this.confirm(),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

// Returns the exact binomial probability of at least k of n right by guessing.
export function guess(k, n) {
  let total = 0;
  let log = -n * Math.LN2;
  for (let i = 0; i <= n; i += 1) {
    if (i >= k) total += Math.exp(log);
    log += Math.log((n - i) / (i + 1));
  }
  return Math.min(total, 1);
}

export function judge(answers, key) {
  const nRight = answers.filter((letter, i) => letter === key[i]).length;
  const p = guess(nRight, key.length);
  return { n: key.length, nRight, p, isHeard: p < HEARD };
}

// What `sottovoce abx --score` reads.
export function makeAnswers({ file, strength_db, pack }, answers, key) {
  return new Blob([JSON.stringify({ file, strength_db, pack, answers, key }, null, 1)], { type: "application/json" });
}
