"""What stands in for `cryptography` writes and reads the same keys."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sottovoce.page.cryptography import ed25519 as own_ed25519
from sottovoce.page.cryptography import serialization as own

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
SEED = bytes(range(32))


def test_it_writes_what_the_library_writes() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    written = key.private_bytes(PEM, PKCS8, serialization.NoEncryption())
    own_key = own_ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    arguments = own.Encoding.PEM, own.PrivateFormat.PKCS8, own.NoEncryption()
    assert own_key.private_bytes(*arguments) == written
    assert own.load_pem_private_key(written, None).private_bytes(*arguments) == written
    spaced = b"\n" + written.replace(b"\n", b"\r\n") + b" "
    assert own.load_pem_private_key(spaced, None).private_bytes(*arguments) == written


def test_it_refuses_what_is_no_such_key() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    good = key.private_bytes(PEM, PKCS8, serialization.NoEncryption())
    locked = key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"x"))
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        PEM, PKCS8, serialization.NoEncryption()
    )
    for bad in (locked, other, b"", good[:-40], good.replace(b"MC4", b"MD4"), good + good):
        with pytest.raises(ValueError, match=r"key|Ed25519|base64|padding"):
            own.load_pem_private_key(bad, None)
    for seed in (SEED[:-1], SEED + b"0"):
        with pytest.raises(ValueError, match="32 bytes"):
            own_ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def test_an_identity_needs_no_library_of_signatures() -> None:
    """Rights is packed as a whole, and the browser has none of what signing needs."""
    missing = ("cryptography", "joserfc", "jsonschema", "platformdirs")
    code = (
        "import sys\n"
        "from sottovoce.page.stand_ins import install\n"
        "install()\n"
        f"absent = [one for one in {missing!r} if one not in sys.modules]\n"
        "sys.modules |= dict.fromkeys(absent)\n"
        "import sottovoce.page.identities\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
