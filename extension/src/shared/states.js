// One word for how a microphone goes out, and why, from its readings.

const FRESH_MS = 12_000;
const LEAST_DBFS = -60;

/**
 * @typedef {object} Readings
 * @property {boolean} isOff whether this site is switched off.
 * @property {string} failure why the voice goes out unmarked; empty if it does not.
 * @property {boolean} isMuted
 * @property {number} levelDbfs root mean square of what goes out.
 * @property {number} delayMs that marking adds.
 * @property {string} choices what the mark was made of, as `readChoices` says it.
 * @property {number | null} foundMs when the mark was last found in what goes out.
 * @property {boolean} isMissing whether there was enough sound to find it, and it was not found.
 *
 * @param {Readings} readings
 * @param {number} nowMs
 * @returns {{word: string, reason: string, choices: string, level: number, delay: number,
 *   ago: number | null}} `word` is *marked*, *ready* (not enough sound yet), *unheard*, *unmarked*, *muted* or *off*.
 */
export function describe(readings, nowMs) {
  const ago = readings.foundMs === null ? null : (nowMs - readings.foundMs) / 1_000;
  return {
    word: chooseWord(readings, nowMs),
    reason: readings.failure,
    choices: readings.choices,
    level: Math.max(readings.levelDbfs, LEAST_DBFS),
    delay: readings.delayMs,
    ago,
  };
}

function chooseWord({ isOff, failure, isMuted, foundMs, isMissing }, nowMs) {
  if (isOff) return "off";
  if (isMuted) return "muted";
  if (failure) return "unmarked";
  if (isMissing) return "unheard";
  return foundMs !== null && nowMs - foundMs <= FRESH_MS ? "marked" : "ready";
}

const ORDER = ["unmarked", "unheard", "older", "ready", "marked", "muted", "off"];

/** Return the state of the microphone that the person has to know about first. */
export function worst(states) {
  const [first] = states.toSorted((one, other) => ORDER.indexOf(one.word) - ORDER.indexOf(other.word));
  return first ?? { word: "idle", reason: "" };
}
