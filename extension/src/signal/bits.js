// Bits as bytes and as signs, the least significant bit first; a 0 is +1 and a 1 is -1.

/**
 * @param {string} text base64; white space in it is ignored.
 * @returns {Uint8Array}
 */
export function decodeBase64(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

/**
 * @param {Uint8Array} bits packed.
 * @param {Int8Array} signs filled with +1 and -1, as many as it holds.
 * @returns {Int8Array} `signs`.
 */
export function unpackSigns(bits, signs) {
  for (let i = 0; i < signs.length; i++) signs[i] = 1 - 2 * ((bits[i >> 3] >> (i & 7)) & 1);
  return signs;
}

/**
 * @param {Int8Array} signs +1 and -1.
 * @returns {Uint8Array} packed, the last byte filled up with zeros.
 */
export function packSigns(signs) {
  const bits = new Uint8Array(Math.ceil(signs.length / 8));
  signs.forEach((sign, i) => {
    if (sign < 0) bits[i >> 3] |= 1 << (i & 7);
  });
  return bits;
}
