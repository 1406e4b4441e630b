"""Write the vectors of keys made from secrets, by a second implementation: `hmac` and the curve."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mnemonic import Mnemonic

FOLDER = Path(__file__).parent / "keys1"
SECRET = bytes(range(32))
INFO = bytes(range(16))
OWNER = "4f2a-91c0-77de"
WORDS_SALT = b"sottovoce-recovery-v1"


def derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Return the first block of HKDF-SHA256, RFC 5869."""
    extracted = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def public(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(raw: bytes) -> str:
    text = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(raw)}"}}'
    return encode(hashlib.sha256(text.encode()).digest())


def main() -> None:
    owner = bytes.fromhex(OWNER.replace("-", ""))
    infos = [b"next-key" + owner + n.to_bytes(4, "big") for n in (1, 2)]
    following = [public(derive(SECRET, WORDS_SALT, info)) for info in infos]
    recovery = public(derive(SECRET, WORDS_SALT, b"recovery-key" + owner))
    backup_key = derive(SECRET, WORDS_SALT, b"backup-key")
    fields = {
        "seed": SECRET.hex(),
        "info": INFO.hex(),
        "identity_public_key": public(derive(SECRET, b"sottovoce-seed-v1", INFO)).hex(),
        "entropy": SECRET.hex(),
        "words": Mnemonic("english").to_mnemonic(SECRET),
        "owner": OWNER,
        "next_public_keys": [each.hex() for each in following],
        "next_thumbprints": [thumbprint(each) for each in following],
        "recovery_public_key": recovery.hex(),
        "recovery_thumbprint": thumbprint(recovery),
        "backup_key": backup_key.hex(),
        "check": derive(SECRET, WORDS_SALT, b"check")[:16].hex(),
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "keys.json").write_text(json.dumps(fields, indent=2) + "\n")
    head, nonce = b"sottovoce-backup-1\n", bytes(range(12))
    files = {"statements/a b.jws": base64.b64encode(b"x").decode()}
    content = json.dumps({"format": "sottovoce-backup-1", "made": "2026-11-28", "files": files})
    sealed = AESGCM(backup_key).encrypt(nonce, content.encode(), head)
    (FOLDER / "one.backup").write_bytes(head + nonce + sealed)


if __name__ == "__main__":
    main()
