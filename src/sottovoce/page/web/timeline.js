// Where in a recording each marked voice was found, and how it sounds there.

import { element, isUnchanged, makeButton } from "./elements.js";
import { makeSlider, sayPlace, showPlace } from "./places.js";
import { silence, takeTurn } from "./playing.js";
import { say } from "./texts.js";
import { formatTime } from "./time.js";

const MOST_VOICES = 24;
const MOST_TIMES = 40; // as words; the track shows all
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

class Player {
  #file;
  #parts;
  #duration;
  #audio = null;

  constructor(file, duration, parts) {
    this.#file = file;
    this.#duration = duration;
    this.#parts = parts;
    parts.play.onclick = () => (this.#audio && !this.#audio.paused ? silence() : this.playFrom(this.#place));
    parts.place.oninput = () => {
      if (this.#audio) this.#audio.currentTime = this.#place;
      this.#show(this.#place);
    };
    this.#show(0);
  }

  get #place() {
    return Number(this.#parts.place.value);
  }

  // The browser streams the file itself: a long one is never decoded as a whole.
  async playFrom(place) {
    takeTurn(this);
    this.#audio ??= this.#open();
    this.#parts.place.value = place;
    this.#show(place);
    this.#audio.currentTime = place;
    try {
      await this.#audio.play(); // at once: some browsers allow it only in the moment of a click
    } catch (error) {
      if (error.name !== "NotSupportedError") return; // but paused before it began, or to be asked again
      this.pause();
      this.#parts.said.textContent = say((await isUnchanged(this.#file)) ? "timeline.failed" : "error.changed");
    }
  }

  #open() {
    const audio = new Audio(URL.createObjectURL(this.#file));
    audio.onplay = () => {
      this.#parts.play.textContent = say("pause");
    };
    audio.onpause = () => {
      this.#parts.play.textContent = say("play");
    };
    audio.onended = () => this.#show(0);
    audio.ontimeupdate = () => this.#show(audio.currentTime);
    return audio;
  }

  pause() {
    this.#audio?.pause();
  }

  #show(place) {
    showPlace(this.#parts, place, sayPlace(place, this.#duration));
    this.#parts.tracks.style.setProperty("--place", `${(100 * Math.min(place, this.#duration)) / this.#duration}%`);
  }
}

// One stop of the Tab key for all of a voice's segments; arrows go from one to the next.
function rove(buttons) {
  for (const [number, button] of buttons.entries()) {
    button.tabIndex = number ? -1 : 0;
    button.onkeydown = (event) => {
      const next = buttons[number + (STEPS[event.key] ?? 0)];
      if (!next || next === button) return;
      event.preventDefault();
      button.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    };
  }
}

function nameVoice({ track = "" }, number) {
  const voice = say("timeline.voice", { number: number + 1 });
  const [, own] = /^track (\d+)/.exec(track) ?? [];
  return own ? say("timeline.in", { voice, track: own }) : voice;
}

function makeTrack(voice, number, duration, player) {
  const track = element("div", "", `track voice-${number % 4}`);
  track.setAttribute("role", "group");
  track.setAttribute("aria-label", nameVoice(voice, number));
  const buttons = voice.segments_s.map(([start, stop]) => {
    // From the place that was clicked; the keyboard has none, and begins at the start.
    const button = makeButton("", (event) => {
      const { left, width } = button.getBoundingClientRect();
      const share = event.detail ? (event.clientX - left) / width : 0;
      player.playFrom(start + share * (stop - start));
    });
    const words = say("timeline.from", { start: formatTime(start), stop: formatTime(stop) });
    button.title = words;
    button.setAttribute("aria-label", words);
    button.style.left = `${(100 * start) / duration}%`;
    button.style.width = `${(100 * (stop - start)) / duration}%`;
    return button;
  });
  rove(buttons);
  track.append(...buttons);
  return track;
}

function describeTimes({ segments_s: segments }) {
  const spans = segments.slice(0, MOST_TIMES).map(([start, stop]) => `${formatTime(start)}–${formatTime(stop)}`);
  if (segments.length > MOST_TIMES) spans.push("…");
  return say("timeline.times", { times: spans.join(", ") });
}

// Returns what was found where, with `words` for what the mark of each voice says.
export function makeTimeline(file, { voices, duration_s: duration, n_more_voices: more = 0 }, words) {
  const group = element("fieldset", "", "timeline");
  const parts = {
    play: makeButton(say("play")),
    place: makeSlider({ length: duration, step: 0.1 }),
    time: element("span", "", "time"),
    said: element("p", "", "bad"),
    tracks: element("div", "", "tracks"),
  };
  parts.said.setAttribute("role", "status");
  const player = new Player(file, duration, parts);
  for (const [number, voice] of voices.slice(0, MOST_VOICES).entries()) {
    const name = nameVoice(voice, number);
    parts.tracks.append(
      element("p", `${name}: ${words[number]}`),
      makeTrack(voice, number, duration, player),
      element("p", describeTimes(voice), "hint"),
    );
  }
  const bar = element("div", "", "row");
  bar.append(parts.play, parts.time);
  group.append(element("legend", say("timeline")), bar, parts.place, parts.tracks, parts.said);
  const hidden = Math.max(voices.length - MOST_VOICES, 0) + more;
  if (hidden) group.append(element("p", say("timeline.more", { n: hidden })));
  group.append(element("p", say("claim"), "hint"));
  return group;
}
