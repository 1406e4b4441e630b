// A complex Fourier transform whose memory is all made beforehand: Stockham's, which needs no
// reordering, with butterflies of 2, 3, 4 and 5.  Those are the factors of every length that PocketFFT
// calls fast, so lengths are the ones that the Python core uses.

const RADICES = [4, 2, 3, 5];
const SIN_60 = Math.sqrt(3) / 2;
const COS_72 = Math.cos((2 * Math.PI) / 5);
const COS_144 = Math.cos((4 * Math.PI) / 5);
const SIN_72 = Math.sin((2 * Math.PI) / 5);
const SIN_144 = Math.sin((4 * Math.PI) / 5);

/**
 * @param {number} n a length, at least 1.
 * @returns {number} the smallest product of twos, threes and fives that is at least `n`.
 */
export function nextFastLength(n) {
  for (let length = n; ; length++) {
    let rest = length;
    for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
    if (rest === 1) return length;
  }
}

/**
 * A transform of one length.  Write `re` and `im`, call `transform`, read `re` and `im` again: they
 * are other arrays afterwards.  To transform back, exchange the parts before and after, and divide by
 * the length.
 */
export class Fft {
  /** @param {number} n length, from `nextFastLength`. */
  constructor(n) {
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.n = n;
    this.#spareRe = new Float64Array(n);
    this.#spareIm = new Float64Array(n);
    this.#cos = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
    this.#sin = Float64Array.from({ length: n }, (_, k) => -Math.sin((2 * Math.PI * k) / n));
    let rest = n;
    for (const radix of RADICES) {
      while (rest % radix === 0) {
        this.#radices.push(radix);
        rest /= radix;
      }
    }
  }

  #spareRe;
  #spareIm;
  #cos;
  #sin;
  #radices = [];

  /** Exchange the real and the imaginary parts, which turns the transform around. */
  exchange() {
    const re = this.re;
    this.re = this.im;
    this.im = re;
  }

  /** Transform `re` and `im`, with the exponent -2 pi i / n. */
  transform() {
    let stride = 1;
    let length = this.n;
    for (let i = 0; i < this.#radices.length; i++) {
      const radix = this.#radices[i];
      const m = length / radix;
      if (radix === 4) this.#passOf4(m, stride);
      else if (radix === 2) this.#passOf2(m, stride);
      else if (radix === 3) this.#passOf3(m, stride);
      else this.#passOf5(m, stride);
      const re = this.re;
      const im = this.im;
      this.re = this.#spareRe;
      this.im = this.#spareIm;
      this.#spareRe = re;
      this.#spareIm = im;
      length = m;
      stride *= radix;
    }
  }

  // In each pass, element j of a butterfly lies at q + stride * (p + m * j), and result k goes to
  // q + stride * (radix * p + k), times the root of unity with the exponent p * k * stride.

  #passOf2(m, stride) {
    const { re, im } = this;
    const outRe = this.#spareRe;
    const outIm = this.#spareIm;
    const step = stride * m;
    for (let p = 0; p < m; p++) {
      const c = this.#cos[p * stride];
      const s = this.#sin[p * stride];
      for (let q = 0; q < stride; q++) {
        const a = q + stride * p;
        const b = a + step;
        const to = q + stride * 2 * p;
        const dRe = re[a] - re[b];
        const dIm = im[a] - im[b];
        outRe[to] = re[a] + re[b];
        outIm[to] = im[a] + im[b];
        outRe[to + stride] = dRe * c - dIm * s;
        outIm[to + stride] = dRe * s + dIm * c;
      }
    }
  }

  #passOf3(m, stride) {
    const { re, im } = this;
    const outRe = this.#spareRe;
    const outIm = this.#spareIm;
    const step = stride * m;
    for (let p = 0; p < m; p++) {
      const c1 = this.#cos[p * stride];
      const s1 = this.#sin[p * stride];
      const c2 = this.#cos[2 * p * stride];
      const s2 = this.#sin[2 * p * stride];
      for (let q = 0; q < stride; q++) {
        const a = q + stride * p;
        const b = a + step;
        const c = b + step;
        const to = q + stride * 3 * p;
        const sumRe = re[b] + re[c];
        const sumIm = im[b] + im[c];
        const midRe = re[a] - 0.5 * sumRe;
        const midIm = im[a] - 0.5 * sumIm;
        const turnRe = SIN_60 * (im[b] - im[c]);
        const turnIm = -SIN_60 * (re[b] - re[c]);
        outRe[to] = re[a] + sumRe;
        outIm[to] = im[a] + sumIm;
        const x1 = midRe + turnRe;
        const y1 = midIm + turnIm;
        outRe[to + stride] = x1 * c1 - y1 * s1;
        outIm[to + stride] = x1 * s1 + y1 * c1;
        const x2 = midRe - turnRe;
        const y2 = midIm - turnIm;
        outRe[to + 2 * stride] = x2 * c2 - y2 * s2;
        outIm[to + 2 * stride] = x2 * s2 + y2 * c2;
      }
    }
  }

  #passOf4(m, stride) {
    const { re, im } = this;
    const outRe = this.#spareRe;
    const outIm = this.#spareIm;
    const step = stride * m;
    for (let p = 0; p < m; p++) {
      const c1 = this.#cos[p * stride];
      const s1 = this.#sin[p * stride];
      const c2 = this.#cos[2 * p * stride];
      const s2 = this.#sin[2 * p * stride];
      const c3 = this.#cos[3 * p * stride];
      const s3 = this.#sin[3 * p * stride];
      for (let q = 0; q < stride; q++) {
        const a = q + stride * p;
        const b = a + step;
        const c = b + step;
        const d = c + step;
        const to = q + stride * 4 * p;
        const acRe = re[a] + re[c];
        const acIm = im[a] + im[c];
        const bdRe = re[b] + re[d];
        const bdIm = im[b] + im[d];
        const acTurnRe = re[a] - re[c];
        const acTurnIm = im[a] - im[c];
        const bdTurnRe = im[b] - im[d];
        const bdTurnIm = re[d] - re[b];
        outRe[to] = acRe + bdRe;
        outIm[to] = acIm + bdIm;
        const x1 = acTurnRe + bdTurnRe;
        const y1 = acTurnIm + bdTurnIm;
        outRe[to + stride] = x1 * c1 - y1 * s1;
        outIm[to + stride] = x1 * s1 + y1 * c1;
        const x2 = acRe - bdRe;
        const y2 = acIm - bdIm;
        outRe[to + 2 * stride] = x2 * c2 - y2 * s2;
        outIm[to + 2 * stride] = x2 * s2 + y2 * c2;
        const x3 = acTurnRe - bdTurnRe;
        const y3 = acTurnIm - bdTurnIm;
        outRe[to + 3 * stride] = x3 * c3 - y3 * s3;
        outIm[to + 3 * stride] = x3 * s3 + y3 * c3;
      }
    }
  }

  #passOf5(m, stride) {
    const { re, im } = this;
    const outRe = this.#spareRe;
    const outIm = this.#spareIm;
    const step = stride * m;
    for (let p = 0; p < m; p++) {
      const root = p * stride;
      for (let q = 0; q < stride; q++) {
        const a = q + stride * p;
        const b = a + step;
        const c = b + step;
        const d = c + step;
        const e = d + step;
        const to = q + stride * 5 * p;
        const beRe = re[b] + re[e];
        const beIm = im[b] + im[e];
        const cdRe = re[c] + re[d];
        const cdIm = im[c] + im[d];
        const beTurnRe = im[b] - im[e];
        const beTurnIm = re[e] - re[b];
        const cdTurnRe = im[c] - im[d];
        const cdTurnIm = re[d] - re[c];
        outRe[to] = re[a] + beRe + cdRe;
        outIm[to] = im[a] + beIm + cdIm;
        const nearRe = re[a] + COS_72 * beRe + COS_144 * cdRe;
        const nearIm = im[a] + COS_72 * beIm + COS_144 * cdIm;
        const farRe = re[a] + COS_144 * beRe + COS_72 * cdRe;
        const farIm = im[a] + COS_144 * beIm + COS_72 * cdIm;
        const nearTurnRe = SIN_72 * beTurnRe + SIN_144 * cdTurnRe;
        const nearTurnIm = SIN_72 * beTurnIm + SIN_144 * cdTurnIm;
        const farTurnRe = SIN_144 * beTurnRe - SIN_72 * cdTurnRe;
        const farTurnIm = SIN_144 * beTurnIm - SIN_72 * cdTurnIm;
        this.#turn(to + stride, root, nearRe + nearTurnRe, nearIm + nearTurnIm);
        this.#turn(to + 2 * stride, 2 * root, farRe + farTurnRe, farIm + farTurnIm);
        this.#turn(to + 3 * stride, 3 * root, farRe - farTurnRe, farIm - farTurnIm);
        this.#turn(to + 4 * stride, 4 * root, nearRe - nearTurnRe, nearIm - nearTurnIm);
      }
    }
  }

  #turn(to, root, x, y) {
    const c = this.#cos[root];
    const s = this.#sin[root];
    this.#spareRe[to] = x * c - y * s;
    this.#spareIm[to] = x * s + y * c;
  }
}
