// The blind test of a result: the same test that the command writes, on excerpts of both files.

import { BlindTest, judge, makeAnswers, makeContext } from "../../abx/blind_test.js";
import { element, makeButton, offerFile } from "./elements.js";
import { makeSlider, showPlace } from "./places.js";
import { takeTurn } from "./playing.js";
import { makeProof } from "./proof.js";
import { language, say } from "./texts.js";

const N_TRIALS = 16;
const SOUNDS = ["a", "b", "x"];
const seconds = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const digits = new Intl.NumberFormat(language, { maximumSignificantDigits: 2 });

function randomHex(nBytes) {
  const bytes = crypto.getRandomValues(new Uint8Array(nBytes));
  return [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
}

// Returns pairs of buffers: what the package cut, sample for sample.
function makePairs({ sr, n_channels: nChannels, lengths }, bytes) {
  let at = 0;
  return lengths.map((length) =>
    [0, 1].map(() => {
      const buffer = new AudioBuffer({ length, numberOfChannels: nChannels, sampleRate: sr });
      for (let channel = 0; channel < nChannels; channel++) {
        buffer.copyToChannel(new Float32Array(bytes, at, length), channel);
        at += 4 * length;
      }
      return buffer;
    }),
  );
}

function group(label, buttons) {
  const made = element("div", "", "row choice");
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", label);
  made.append(...buttons);
  return made;
}

class View {
  body = element("div", "", "blind-test");
  #about;
  #key;
  #test;
  #parts;

  constructor(name, answer, pairs) {
    this.#about = { file: name, strength_db: answer.strength_db, pack: randomHex(6) };
    this.#key = [...crypto.getRandomValues(new Uint8Array(N_TRIALS))].map((one) => "AB"[one & 1]);
    const load = async (trial) => {
      const [a, b] = pairs[trial % pairs.length];
      return [a, b, this.#key[trial] === "A" ? a : b];
    };
    this.#test = new BlindTest(makeContext(answer.sr), N_TRIALS, load, {
      show: () => this.#show(),
      played: () => takeTurn(this.#test),
      done: () => this.#finish(),
      failed: () => this.body.append(element("p", say("compare.failed"), "bad")),
    });
    this.#build();
    this.body.addEventListener("keydown", (event) => this.#test.onKey(event));
    this.#test.begin();
  }

  #build() {
    const test = this.#test;
    const place = makeSlider({ step: 0.01 });
    place.oninput = () => test.seek(Number(place.value));
    const done = element("progress");
    done.max = N_TRIALS;
    done.setAttribute("aria-label", say("blind.done"));
    this.#parts = {
      where: element("p"),
      done,
      place,
      time: element("span", "", "time"),
      play: makeButton("", () => test.toggle()),
      sounds: SOUNDS.map((letter) => makeButton(say(`blind.${letter}`), () => test.hear(letter))),
      choices: ["A", "B"].map((letter) => makeButton(say("blind.is", { letter }), () => test.choose(letter))),
      confirm: makeButton(say("blind.confirm"), () => test.confirm()),
    };
    const { where, time, play, sounds, choices, confirm } = this.#parts;
    where.setAttribute("aria-live", "polite");
    const bar = element("div", "", "row");
    bar.append(play, place, time);
    const listen = group(say("blind.listen"), sounds);
    listen.classList.add("sounds");
    this.body.append(element("p", say("blind.task")), where, done, listen, bar);
    this.body.append(group(say("blind.answer"), [...choices, confirm]), element("p", say("blind.keys"), "hint"));
  }

  #show() {
    const { where, done, place, play, sounds, choices, confirm } = this.#parts;
    const test = this.#test;
    const said = say("blind.trial", { trial: test.trial + 1, n: N_TRIALS });
    if (where.textContent !== said) where.textContent = said; // else it would be read again
    done.value = test.trial;
    for (const [i, letter] of SOUNDS.entries()) sounds[i].setAttribute("aria-pressed", String(test.heard === letter));
    for (const [i, letter] of ["A", "B"].entries()) choices[i].setAttribute("aria-pressed", String(test.choice === letter));
    // Not `disabled`: that would take the focus away, and the keys with it.
    confirm.setAttribute("aria-disabled", String(!test.choice));
    play.disabled = !test.isReady;
    play.textContent = say(test.isPlaying ? "pause" : "play");
    place.max = test.length;
    const words = { place: seconds.format(test.place), length: seconds.format(test.length) };
    showPlace(this.#parts, test.place, say("blind.place", words));
  }

  pause() {
    this.#test.pause();
  }

  #finish() {
    const { answers } = this.#test;
    const { n, nRight, p, isHeard } = judge(answers, this.#key);
    const score = element("p", say("blind.score", { right: nRight, n }), "score");
    score.tabIndex = -1;
    const save = offerFile(makeAnswers(this.#about, answers, this.#key), "answers.json");
    const chance = say("blind.chance", { percent: digits.format(100 * p), p: digits.format(p) });
    const verdict = say(isHeard ? "blind.heard" : "blind.guessed");
    const hint = element("p", say("blind.command"), "hint");
    this.body.replaceChildren(score, element("p", `${chance} ${verdict}`), this.#makeTable(), save, hint);
    score.focus();
  }

  #makeTable() {
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const key of ["blind.column", "blind.was", "blind.said"]) {
      const cell = element("th", say(key));
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const [i, letter] of this.#test.answers.entries()) {
      const row = body.insertRow();
      const words = say(letter === this.#key[i] ? "blind.right" : "blind.wrong", { letter });
      for (const text of [i + 1, this.#key[i], words]) row.insertCell().textContent = text;
    }
    return table;
  }
}

// Returns a blind test that begins when it is asked for.
export function makeBlindTest(files, strength) {
  let view = null;
  const details = makeProof(files, "blind", "excerpt", { strength }, (answer, bytes) => {
    view = new View(files.file.name, answer, makePairs(answer, bytes));
    return [view.body];
  });
  details.addEventListener("toggle", () => details.open || view?.pause());
  return details;
}
