// Draws on a canvas at the screen's own resolution, with axes, in the page's colours.

const LEFT = 52;
const BOTTOM = 22;
const TOP = 8;
const RIGHT = 12;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const HEATS = ["--heat-0", "--heat-1", "--heat-2", "--heat-3", "--heat-4"];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Returns 256 colours as [red, green, blue] from the quietest to the loudest.
export function makeScale() {
  const stops = HEATS.map((name) => [1, 3, 5].map((at) => parseInt(colour(name).slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * (stops.length - 1);
    const below = Math.min(Math.floor(at), stops.length - 2);
    return stops[below].map((one, i) => Math.round(one + (at - below) * (stops[below + 1][i] - one)));
  });
}

// Calls `draw` with a cleared plot now, and whenever width, resolution or theme change.
export function plotOn(canvas, draw) {
  const redraw = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return; // hidden; the observer tells when it is not
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    const context = canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    Object.assign(context, { font: "12px system-ui, sans-serif", fillStyle: colour("--soft"), strokeStyle: colour("--line") });
    draw(new Plot(context, width, height));
  };
  new ResizeObserver(redraw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

class Plot {
  constructor(context, width, height) {
    this.context = context;
    this.left = LEFT;
    this.top = TOP;
    this.width = width - LEFT - RIGHT;
    this.height = height - TOP - BOTTOM;
  }

  // `ticks` are [share of the height from the bottom, label].
  labelY(ticks) {
    Object.assign(this.context, { textAlign: "right", textBaseline: "middle" });
    for (const [share, label] of ticks) {
      const y = this.top + this.height * (1 - share);
      this.context.fillText(label, this.left - 8, y);
      this.context.fillRect(this.left - 4, y, 4, 1);
    }
  }

  // Round times, as many as there is room for.
  labelTime(duration, format) {
    const most = this.width / 70;
    const step = STEPS.find((one) => duration / one <= most) ?? duration;
    Object.assign(this.context, { textAlign: "center", textBaseline: "top" });
    for (let number = 0; number * step <= duration * 1.0001; number++) {
      const x = this.left + (number * step * this.width) / duration;
      this.context.fillText(format(number * step), Math.min(x, this.left + this.width - 8), this.top + this.height + 6);
      this.context.fillRect(x, this.top + this.height, 1, 4);
    }
  }

  // Vertical lines from the lowest to the highest of the columns that share a pixel.
  drawPeaks(peaks, nColumns, most) {
    const middle = this.top + this.height / 2;
    this.context.fillStyle = colour("--accent");
    const width = this.width / nColumns;
    for (let column = 0; column < nColumns; column++) {
      const [low, high] = [peaks[2 * column], peaks[2 * column + 1]].map((one) => (one / most) * (this.height / 2));
      this.context.fillRect(this.left + column * width, middle - high, Math.max(width, 0.5), Math.max(high - low, 0.5));
    }
    this.context.fillStyle = colour("--soft");
  }

  // `levels` holds a column after the other, each from the bottom upwards.
  drawLevels(levels, nColumns, nRows, scale) {
    const image = new ImageData(nColumns, nRows);
    for (let column = 0; column < nColumns; column++) {
      for (let row = 0; row < nRows; row++) {
        const at = 4 * ((nRows - 1 - row) * nColumns + column);
        image.data.set(scale[levels[column * nRows + row]], at);
        image.data[at + 3] = 255;
      }
    }
    const whole = new OffscreenCanvas(nColumns, nRows);
    whole.getContext("2d").putImageData(image, 0, 0);
    this.context.imageSmoothingEnabled = this.width * devicePixelRatio < nColumns; // else it blurs
    this.context.drawImage(whole, this.left, this.top, this.width, this.height);
  }
}
