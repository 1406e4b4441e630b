// The gain signs of every frame: a superframe's own where they have come in time, else the ones
// without a seal.  Its memory is made beforehand; an audio thread may ask for every frame.

import { unpackSigns } from "./bits.js";
import { CHIP_SIGNS, N_BANDS, N_SUPERFRAME_CELLS } from "./tables.js";

/** For two superframes in the past, which a detector looks at, and some to come. */
const N_SLOTS = 8;

/** Frames of a superframe. */
export const N_SUPERFRAME_FRAMES = (N_SUPERFRAME_CELLS / N_BANDS) * CHIP_SIGNS.length;

export class PatternSource {
  /**
   * @param {Uint8Array} bits 800 bytes, the signs of every superframe that has none of its own.
   * @param {boolean} isSealed whether every superframe should have signs of its own.
   * @throws {RangeError} if there are not so many bytes.
   */
  constructor(bits, isSealed) {
    checkLength(bits);
    this.#plain = unpackSigns(bits, new Int8Array(N_SUPERFRAME_CELLS));
    this.#isSealed = isSealed;
    for (let i = 0; i < N_SLOTS; i++) {
      this.#slots.push({ index: -1, signs: new Int8Array(N_SUPERFRAME_CELLS) });
    }
  }

  /** Frames so far that went out without the seal that they should have had. */
  unsealedFrames = 0;
  #plain;
  #isSealed;
  #slots = [];

  /**
   * Set the signs of one superframe; those of the eighth before it are forgotten.
   *
   * @param {number} index of the superframe.
   * @param {Uint8Array} bits 800 bytes.
   * @throws {RangeError} if they are not so many.
   */
  setSuperframe(index, bits) {
    checkLength(bits);
    const slot = this.#slots[index % N_SLOTS];
    unpackSigns(bits, slot.signs);
    slot.index = index;
  }

  /**
   * @param {number} index of the superframe.
   * @returns {Int8Array | null} its own signs, if they have come and are still kept.
   */
  ownSigns(index) {
    const slot = this.#slots[index % N_SLOTS];
    return slot.index === index ? slot.signs : null;
  }

  /** @returns {Int8Array} the signs of superframes that have none of their own. */
  get plainSigns() {
    return this.#plain;
  }

  /**
   * @param {number} frame counted from the start of superframe 0, not negative.
   * @param {Int8Array} signs filled with one sign for each band.
   */
  fillFrame(frame, signs) {
    const own = this.ownSigns(Math.floor(frame / N_SUPERFRAME_FRAMES));
    if (own === null && this.#isSealed) this.unsealedFrames += 1;
    const cells = own ?? this.#plain;
    const inSuperframe = frame % N_SUPERFRAME_FRAMES;
    const chip = CHIP_SIGNS[inSuperframe % CHIP_SIGNS.length];
    const first = Math.floor(inSuperframe / CHIP_SIGNS.length) * N_BANDS;
    for (let band = 0; band < N_BANDS; band++) signs[band] = cells[first + band] * chip;
  }
}

function checkLength(bits) {
  const n = N_SUPERFRAME_CELLS / 8;
  if (bits?.length !== n) throw new RangeError(`signs of a superframe have ${n} bytes, not ${bits?.length}`);
}
