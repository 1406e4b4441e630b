// The keyed seal of a superframe: HMAC-SHA-256 under the owner's key, by the browser itself.
//
// An AudioWorklet has no such thing, and must not: the page that it belongs to could reach the key
// there.  Only signs of superframes to come are sent to it, and they tell nothing about others.

import { N_SUPERFRAME_FRAMES } from "./pattern_source.js";
import { SEAL, readRoles } from "./payload.js";
import { FRAME_S, N_BANDS, N_CELLS, N_SEAL_BITS, N_SEAL_STARTS, N_SUPERFRAME_CELLS } from "./tables.js";

const KEY_BYTES = 32;
const BLOCK_BYTES = 32;
const LABEL = new TextEncoder().encode("sottovoce 1 seal");

/** Length of a superframe, in seconds: how often the embedder needs another one. */
export const SUPERFRAME_S = N_SUPERFRAME_FRAMES * FRAME_S;

/**
 * @param {Uint8Array} bytes 32 secret bytes.
 * @returns {Promise<CryptoKey>} a key that no script can read back.
 * @throws {RangeError} if the length is another.
 */
export async function importSealKey(bytes) {
  if (bytes.length !== KEY_BYTES) {
    throw new RangeError(`a seal key has ${KEY_BYTES} bytes, not ${bytes.length}`);
  }
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/**
 * @param {CryptoKey} key from `importSealKey`.
 * @param {number} number of the superframe for the seal, a whole number from 0.
 * @returns {Promise<Uint8Array>} 100 bytes: the bits of its 800 seal cells in the order of the cells,
 *   the least significant first.
 */
export async function makeSealBits(key, number) {
  const message = new Uint8Array(LABEL.length + 12);
  message.set(LABEL);
  const view = new DataView(message.buffer);
  view.setBigUint64(LABEL.length, BigInt(number));
  const bits = new Uint8Array(N_SEAL_BITS / 8);
  for (let block = 0; block * BLOCK_BYTES < bits.length; block++) {
    view.setUint32(LABEL.length + 8, block);
    const stream = new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
    const begin = block * BLOCK_BYTES;
    bits.set(stream.subarray(0, Math.min(BLOCK_BYTES, bits.length - begin)), begin);
  }
  return bits;
}

/**
 * @param {Uint8Array} patternBits 800 bytes, from `makePatternBits`.
 * @param {CryptoKey} key from `importSealKey`.
 * @param {number} number as for `makeSealBits`.
 * @returns {Promise<Uint8Array>} 800 bytes: the pattern with the seal in its seal cells.
 */
export async function sealPatternBits(patternBits, key, number) {
  const seal = await makeSealBits(key, number);
  const roles = readRoles();
  const bits = patternBits.slice();
  let n = 0;
  for (let i = 0; i < N_SUPERFRAME_CELLS; i++) {
    if (roles[i % (N_CELLS * N_BANDS)] !== SEAL) continue;
    const bit = (seal[n >> 3] >> (n & 7)) & 1;
    bits[i >> 3] = (bits[i >> 3] & ~(1 << (i & 7))) | (bit << (i & 7));
    n += 1;
  }
  return bits;
}

/**
 * Draw where a session begins: its place in the pattern, and the number of its first seal.
 *
 * Two tracks that begin together do not coincide then, and recordings of one owner do not line up to
 * be averaged.
 *
 * @returns {{phaseFrames: number, firstSeal: number}}
 */
export function drawStart() {
  const [phase, seal] = crypto.getRandomValues(new Uint32Array(2));
  // 2^32 is not a multiple of 1,280, which prefers some places by less than one in three million.
  return { phaseFrames: phase % N_SUPERFRAME_FRAMES, firstSeal: seal % N_SEAL_STARTS };
}
