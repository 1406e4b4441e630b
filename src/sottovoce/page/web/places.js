// Places in a recording: a slider of them, and the words for the one that it shows.

import { element } from "./elements.js";
import { say } from "./texts.js";
import { formatTime } from "./time.js";

export const sayPlace = (place, length) => say("place", { place: formatTime(place), length: formatTime(length) });

// Without a length in seconds, the slider gets its end later.
export function makeSlider({ length, step }) {
  const slider = element("input");
  Object.assign(slider, { type: "range", min: 0, step, value: 0, ...(length !== undefined && { max: length }) });
  slider.setAttribute("aria-label", say("position"));
  return slider;
}

export function showPlace({ place: slider, time }, place, words) {
  slider.value = place;
  time.textContent = words;
  slider.setAttribute("aria-valuetext", words);
}
