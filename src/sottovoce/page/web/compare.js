// Original and marked, one after the other in the same ears.

import { element, isUnchanged, makeButton } from "./elements.js";
import { makePair } from "./pair.js";
import { makeSlider, sayPlace, showPlace } from "./places.js";
import { takeTurn } from "./playing.js";
import { say } from "./texts.js";

const MOST_BYTES = 300e6; // as files; decoded they are several times as large
let nextGroup = 1;

class Player {
  #files;
  #parts;
  #context = null;
  #pair = null;
  #length;
  #startedAt = 0;
  #place = 0;
  #timer = 0;
  #turn = 0; // counts what was asked for: who waited finds out whether it still holds

  constructor(files, length, parts) {
    this.#files = files;
    this.#length = length;
    this.#parts = parts;
    this.#show(0);
    parts.play.onclick = () => (this.#timer ? this.pause() : this.#play());
    for (const [number, radio] of parts.radios.entries()) radio.onchange = () => this.#pair?.hear(number);
    parts.place.oninput = () => this.#seek(Number(parts.place.value));
  }

  async #load() {
    this.#parts.play.disabled = true;
    this.#context = new AudioContext();
    const buffers = [];
    for (const file of this.#files) buffers.push(await this.#context.decodeAudioData(await file.arrayBuffer()));
    this.#length = buffers[0].duration;
    this.#parts.place.max = this.#length;
    this.#show(this.#place);
    this.#pair = makePair(this.#context, buffers);
    this.#pair.heard = this.#parts.radios.findIndex((radio) => radio.checked);
    this.#parts.play.disabled = false;
  }

  async #play() {
    const turn = ++this.#turn;
    takeTurn(this);
    try {
      if (!this.#pair) await this.#load();
    } catch {
      // Some browsers decode no AIFF, for example.
      this.#parts.say(say((await isUnchanged(this.#files[0])) ? "compare.failed" : "error.changed"));
      return;
    }
    await this.#context.resume();
    if (turn !== this.#turn) return;
    if (this.#place >= this.#length) this.#place = 0;
    this.#startedAt = this.#context.currentTime + 0.01 - this.#place;
    this.#pair.start(this.#place, this.#startedAt + this.#place).onended = () => {
      this.pause();
      this.#place = 0;
      this.#show(0);
    };
    this.#timer = setInterval(() => this.#show(this.#now()), 100);
    this.#parts.play.textContent = say("pause");
  }

  #show(place) {
    showPlace(this.#parts, place, sayPlace(place, this.#length));
  }

  #now() {
    return Math.min(Math.max(this.#context.currentTime - this.#startedAt, 0), this.#length);
  }

  pause() {
    this.#turn++;
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#place = this.#now();
    this.#pair.stop();
    this.#parts.play.textContent = say("play");
  }

  #seek(place) {
    const wasPlaying = this.#timer !== 0;
    this.pause();
    this.#place = place;
    this.#show(place);
    if (wasPlaying) this.#play();
  }
}

// Returns the controls that let a person compare two files of a length in seconds by ear; null if
// they are too large.
export function makeComparison(original, marked, length) {
  if (original.size + marked.size > MOST_BYTES) return null;
  const group = element("fieldset", "", "compare");
  const name = `compare-${nextGroup++}`;
  const play = makeButton(say("play"));
  const place = makeSlider({ length, step: 0.01 });
  const bar = element("div", "", "row");
  bar.append(play);
  const radios = ["original", "marked"].map((which, number) => {
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name, checked: number === 0 });
    const label = document.createElement("label");
    label.append(radio, ` ${say(`compare.${which}`)}`);
    bar.append(label);
    return radio;
  });
  const said = element("p", say("compare.hint"), "hint");
  const time = element("p", "", "time");
  group.append(element("legend", say("compare")), bar, place, time, said);
  new Player([original, marked], length, {
    play,
    radios,
    place,
    time,
    say: (text) => {
      said.textContent = text;
    },
  });
  return group;
}
