// What Python for WebAssembly lacks for identities; see cryptography/ and identities.py.

import { ed25519 } from "@noble/curves/ed25519.js";
import { scrypt } from "@noble/hashes/scrypt.js";

export const noble = {
  publicKey: (seed) => ed25519.getPublicKey(seed),
  scrypt: (password, salt, N, r, p, dkLen) => scrypt(password, salt, { N, r, p, dkLen }),
};
