// From a notice to the signs of a superframe's cells, as wire format 1 has it (docs/wire-format.md).
//
// A superframe is 4 periods of 80 cells in 20 bands.  Its arrays run over time first and bands last,
// so cell t of period q in band b has the index 20 * (80 * q + t) + b.

import { decodeBase64, packSigns, unpackSigns } from "./bits.js";
import {
  CODED_BITS,
  FIRST_YEAR,
  GENERATORS,
  LAST_YEAR,
  MEMORY,
  N_BANDS,
  N_CELLS,
  N_PAYLOAD_BITS,
  N_SUPERFRAME_CELLS,
  ROLES,
  SCRAMBLING_SIGNS,
  SYNC_SIGNS,
} from "./tables.js";

export const SYNC = 0;
export const DATA = 1;
export const SEAL = 2;

const N_PERIOD_CELLS = N_CELLS * N_BANDS;
const CRC_DOMAIN = [..."sv1"].map((one) => one.charCodeAt(0));
const VERSION = 1n;
/** Of the payload; version, kind, policy and year lie before it. */
const FIRST_OWNER_BIT = 16;

/**
 * A refusal: its owner, the refused uses, and the year.
 *
 * @typedef {object} Notice
 * @property {bigint | string} [ownerId] 48 bits, as a number or as 12 hexadecimal digits; 0, the
 *   default, is an anonymous refusal.
 * @property {number} [policy] the refused uses, 8 bits; by default all seven, 0x7f.
 * @property {number} [year] since which the refusal is known at least, 2026 to 2041; by default the
 *   present one.
 */

/** @returns {Uint8Array} the role of each cell of a period: SYNC, DATA or SEAL. */
export function readRoles() {
  return decodeBase64(ROLES);
}

/** @returns {Int16Array} the coded bit that each cell of a superframe carries; -1 in sync cells. */
export function readCodedBits() {
  const roles = readRoles();
  const places = decodeBase64(CODED_BITS);
  const coded = new Int16Array(N_SUPERFRAME_CELLS).fill(-1);
  let n = 0;
  for (let i = 0; i < N_SUPERFRAME_CELLS; i++) {
    if (roles[i % N_PERIOD_CELLS] === SYNC) continue;
    coded[i] = places[n] | (places[n + 1] << 8);
    n += 2;
  }
  return coded;
}

/**
 * @param {number} number of a coded bit.
 * @returns {boolean} whether it depends on the owner id or the check over it, not on choices alone.
 */
export function dependsOnOwner(number) {
  const newest = Math.floor(number / GENERATORS.length);
  return newest >= FIRST_OWNER_BIT || newest < MEMORY;
}

/** @returns {number} the present year, limited to what a notice can hold. */
export function presentYear() {
  return Math.min(Math.max(new Date().getUTCFullYear(), FIRST_YEAR), LAST_YEAR);
}

/**
 * @param {Notice} notice
 * @returns {Uint8Array} the ten bytes of the payload with its check.
 * @throws {RangeError} if a field does not fit its bits.
 */
export function makePayload({ ownerId = 0n, policy = 0x7f, year = presentYear() } = {}) {
  const owner = typeof ownerId === "string" ? readOwnerId(ownerId) : BigInt(ownerId);
  if (owner < 0n || owner >> 48n) throw new RangeError(`owner id ${owner} does not fit 48 bits`);
  if (!Number.isInteger(policy) || policy < 0 || policy > 0xff) {
    throw new RangeError(`policy ${policy} does not fit 8 bits`);
  }
  if (!Number.isInteger(year) || year < FIRST_YEAR || year > LAST_YEAR) {
    throw new RangeError(`year ${year} is outside ${FIRST_YEAR} to ${LAST_YEAR}`);
  }
  const bytes = new Uint8Array(N_PAYLOAD_BITS / 8);
  const view = new DataView(bytes.buffer);
  const head = (VERSION << 61n) | (BigInt(policy) << 52n) | (BigInt(year - FIRST_YEAR) << 48n);
  view.setBigUint64(0, head | owner);
  view.setUint16(8, crc16Dnp([...CRC_DOMAIN, ...bytes.subarray(0, 8)]));
  return bytes;
}

function readOwnerId(text) {
  if (!/^[0-9a-f]{1,12}$/i.test(text)) throw new RangeError(`owner id "${text}" is not 12 hex digits`);
  return BigInt(`0x${text}`);
}

/**
 * CRC-16/DNP: polynomial 0x3D65 reflected, inverted at the end.
 *
 * @param {Iterable<number>} bytes
 * @returns {number} 16 bits.
 */
export function crc16Dnp(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >> 1) ^ (crc & 1 ? 0xa6bc : 0);
  }
  return crc ^ 0xffff;
}

/**
 * Encode a payload by the tail-biting convolutional code.
 *
 * @param {Uint8Array} payload ten bytes.
 * @returns {Uint8Array} 320 coded bits; four in a row belong to one bit of the payload.
 */
export function encode(payload) {
  const bit = (k) => (payload[k >> 3] >> (7 - (k & 7))) & 1;
  const coded = new Uint8Array(N_PAYLOAD_BITS * GENERATORS.length);
  for (let k = 0; k < N_PAYLOAD_BITS; k++) {
    for (let i = 0; i <= MEMORY; i++) {
      if (!bit((k - i + N_PAYLOAD_BITS) % N_PAYLOAD_BITS)) continue;
      GENERATORS.forEach((generator, g) => {
        coded[k * GENERATORS.length + g] ^= (generator >> i) & 1;
      });
    }
  }
  return coded;
}

/**
 * @param {Notice} notice
 * @returns {Int8Array} +1 and -1 of the 6,400 cells of every superframe without a seal.
 */
export function makePattern(notice) {
  const coded = encode(makePayload(notice));
  const places = readCodedBits();
  const sync = unpackSigns(decodeBase64(SYNC_SIGNS), new Int8Array(N_PERIOD_CELLS));
  const signs = unpackSigns(decodeBase64(SCRAMBLING_SIGNS), new Int8Array(N_SUPERFRAME_CELLS));
  for (let i = 0; i < N_SUPERFRAME_CELLS; i++) {
    if (places[i] < 0) signs[i] = sync[i % N_PERIOD_CELLS];
    else if (coded[places[i]]) signs[i] = -signs[i];
  }
  return signs;
}

/**
 * @param {Notice} notice
 * @returns {Uint8Array} 800 bytes: the bits of `makePattern`, as an embedder takes them.
 */
export function makePatternBits(notice) {
  return packSigns(makePattern(notice));
}
