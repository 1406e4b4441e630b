// Reads the file of an identity, as the command and the page make it (`sottovoce.rights.identity`).

import { scrypt } from "@noble/hashes/scrypt.js";

import { toHex } from "../shared/bytes.js";
import { decodeBase64 } from "../signal/bits.js";

const FORMATS = ["sottovoce-identity-1", "sottovoce-identity-2"];
const OWNER_COST = { N: 1 << 16, r: 8, p: 1, dkLen: 6 };
const PUBLIC_BYTES = 32;
const text = (words) => new TextEncoder().encode(words);

/**
 * @param {string} content of the file.
 * @returns {Promise<{id: string, seal: string}>} the owner id, derived again from the key; and the key
 *   of the seal, empty if the private key is not in the file.
 * @throws {Error} if it is not such a file, or damaged.
 */
export async function readIdentity(content) {
  const fields = JSON.parse(content);
  if (!FORMATS.includes(fields.format)) throw new Error(`unknown format ${fields.format}`);
  const publicKey = decodeBase64(fields.public_key);
  if (publicKey.length !== PUBLIC_BYTES) throw new Error("the public key has another length");
  const id = toHex(scrypt(publicKey, text("sottovoce-owner-id-v1"), OWNER_COST));
  if (fields.owner.trim().replaceAll("-", "").toLowerCase() !== id) {
    throw new Error("the owner id does not belong to the key");
  }
  const isSelfContained = fields.format === FORMATS[0];
  return { id, seal: isSelfContained ? await deriveSeal(fields.private_key, publicKey) : "" };
}

async function deriveSeal(pem, publicKey) {
  const der = decodeBase64(pem.replace(/-----[A-Z ]+-----/g, ""));
  const key = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
  const { d, x } = await crypto.subtle.exportKey("jwk", key);
  if (toHex(fromUrlBase64(x)) !== toHex(publicKey)) throw new Error("the keys do not belong together");
  const secret = await crypto.subtle.importKey("raw", fromUrlBase64(d), "HKDF", false, ["deriveBits"]);
  const salt = text("sottovoce-seal-v1");
  const info = text("seal");
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, secret, 256);
  return toHex(new Uint8Array(bits));
}

const fromUrlBase64 = (value) => decodeBase64(value.replaceAll("-", "+").replaceAll("_", "/"));
