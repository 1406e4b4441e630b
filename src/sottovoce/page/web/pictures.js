// Waveforms and spectrograms of an original, its marked version and what differs.

import { element } from "./elements.js";
import { makeScale, plotOn } from "./plot.js";
import { makeProof } from "./proof.js";
import { language, say } from "./texts.js";
import { formatTime } from "./time.js";

const SHORT_S = 60;
const HALF_DB = 20 * Math.log10(2);
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const NAMES = ["original", "marked", "difference"];

const sayTime = (duration) => (place) => (duration < SHORT_S ? `${tenths.format(place)} s` : formatTime(place));

function figure(caption, words, draw, classes = "") {
  const made = element("figure");
  const canvas = element("canvas", "", classes);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
  made.append(element("figcaption", caption), canvas);
  plotOn(canvas, draw);
  return made;
}

function drawWave(peaks, answer, most) {
  const top = 20 * Math.log10(most);
  return (plot) => {
    plot.drawPeaks(peaks, answer.n_columns, most);
    plot.labelY([0.5, 0.75, 1].map((share, i) => [share, i ? `${whole.format(top - (2 - i) * HALF_DB)} dB` : "−∞"]));
    plot.labelTime(answer.duration_s, sayTime(answer.duration_s));
  };
}

function drawSpectrogram(levels, answer) {
  return (plot) => {
    plot.drawLevels(levels, answer.n_columns, answer.n_rows, makeScale());
    const step = answer.top_hz > 5000 ? 2 : 1;
    const ticks = [];
    for (let khz = 0; 1000 * khz <= answer.top_hz; khz += step) ticks.push([(1000 * khz) / answer.top_hz, `${khz} kHz`]);
    plot.labelY(ticks);
    plot.labelTime(answer.duration_s, sayTime(answer.duration_s));
  };
}

function drawLegend(range) {
  return (plot) => {
    plot.drawLevels(Uint8Array.from({ length: 256 }, (_, i) => i), 256, 1, makeScale());
    plot.labelTime(range, (place) => `${whole.format(place - range)} dB`);
  };
}

function show(answer, bytes) {
  const { n_columns: nColumns, n_rows: nRows } = answer;
  const peaks = new Float32Array(bytes, 0, 4 * nColumns);
  const levels = new Uint8Array(bytes, peaks.byteLength);
  const most = peaks.reduce((highest, one) => Math.max(highest, Math.abs(one)), 0) || 1;
  const difference =
    answer.difference_db === null
      ? say("pictures.same")
      : say("pictures.level", { db: whole.format(-answer.difference_db) });
  const shown = [element("p", difference)];
  for (const [number, name] of NAMES.slice(0, 2).entries()) {
    const own = peaks.subarray(2 * number * nColumns, 2 * (number + 1) * nColumns);
    const caption = say("pictures.wave", { which: say(`pictures.${name}`) });
    shown.push(figure(caption, caption, drawWave(own, answer, most)));
  }
  for (const [number, name] of NAMES.entries()) {
    const own = levels.subarray(number * nColumns * nRows, (number + 1) * nColumns * nRows);
    const caption = say("pictures.spectrum", { which: say(`pictures.${name}`) });
    const words = name === "difference" ? `${caption}. ${difference}` : caption;
    shown.push(figure(caption, words, drawSpectrogram(own, answer), "tall"));
  }
  const legend = say("pictures.scale", { range: whole.format(answer.range_db) });
  shown.push(figure(legend, legend, drawLegend(answer.range_db), "legend"));
  return shown;
}

// Returns pictures that are drawn when they are asked for.
export function makePictures(files) {
  return makeProof(files, "pictures", "draw", {}, show);
}
