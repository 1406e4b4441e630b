"""HKDF and thumbprints: the standards' own examples."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.rights.keys.derivation import derive, derive_key
from sottovoce.rights.public_keys import raw_public_key, thumbprint


def test_the_first_vector_of_rfc_5869():
    """Appendix A.1."""
    derived = derive(
        bytes([0x0B] * 22), salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), n_bytes=42
    )
    assert derived.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_the_second_vector_of_rfc_5869():
    """Appendix A.2: long inputs."""
    secret, salt, info = (bytes(range(first, first + 80)) for first in (0x00, 0x60, 0xB0))
    assert derive(secret, salt=salt, info=info, n_bytes=82).hex() == (
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
        "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
    )


def test_the_thumbprint_of_rfc_8037():
    """Appendix A.3, of the key in A.1."""
    secret = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    expected = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert thumbprint(key) == thumbprint(raw_public_key(key)) == expected


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.binary(max_size=40))
def test_other_uses_of_a_secret_give_other_keys(secret, one, other):
    first, second = (derive_key(secret, salt=b"s", info=info) for info in (one, other))
    assert (raw_public_key(first) == raw_public_key(second)) == (one == other)
