// The signs that a microphone's mark is written with: the key of the seal stays here.

import { makePatternBits } from "../signal/payload.js";
import { SUPERFRAME_S, drawStart, importSealKey, sealPatternBits } from "../signal/seal.js";
import { STRENGTHS_DB } from "../signal/tables.js";
import { fromHex, toBase64 } from "../shared/bytes.js";
import { readOwner, readSettings } from "../shared/settings.js";

const AHEAD = 6;

export class SignSource {
  #bits = null;
  #key = null;
  #firstSeal = 0;
  #n = 0;
  #beganMs = 0;

  /** @returns {Promise<object>} what the processor is made with; bytes as base64. */
  async begin() {
    const { policy, strength } = await readSettings();
    const { owner } = await readOwner();
    this.#bits = makePatternBits({ ownerId: owner?.id ?? "0", policy });
    this.#key = owner?.seal ? await importSealKey(fromHex(owner.seal)) : null;
    const { phaseFrames, firstSeal } = drawStart();
    this.#firstSeal = firstSeal;
    this.#n = 0;
    this.#beganMs = Date.now();
    return {
      bits: toBase64(this.#bits),
      strengthDb: STRENGTHS_DB[strength],
      phaseFrames,
      isSealed: this.#key !== null,
    };
  }

  /**
   * @returns {Promise<string>} the signs of the next superframe, as base64.
   * @throws {Error} if there is no seal, or it is asked for sooner than sound can pass: signs that
   *   were known beforehand could be written into other sound.
   */
  async nextSeal() {
    const nPassed = (Date.now() - this.#beganMs) / 1_000 / SUPERFRAME_S;
    if (!this.#key || this.#n > nPassed + AHEAD) throw new Error("no seal");
    const number = this.#firstSeal + this.#n;
    this.#n += 1;
    return toBase64(await sealPatternBits(this.#bits, this.#key, number));
  }
}
