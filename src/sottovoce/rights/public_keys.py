"""Public keys: as bytes, as JSON Web Keys, as people type them, and their thumbprints.

A key has one spelling in each form, so that two texts are about the same key if they are equal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from sottovoce.errors import ParameterError
from sottovoce.rights.strict_json import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "ALGORITHM",
    "check_public_key",
    "check_thumbprint",
    "decode_base64url",
    "encode_base64url",
    "format_public_key",
    "public_bytes",
    "public_jwk",
    "raw_public_key",
    "thumbprint",
    "thumbprint_of",
]

ALGORITHM = "Ed25519"
# 32 bytes.
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


def raw_public_key(key: Ed25519PrivateKey) -> bytes:
    """Return the public key that belongs to a private one, 32 bytes."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def public_jwk(key: Ed25519PrivateKey | bytes) -> dict[str, str]:
    """Return a public key, raw or of a private one, as a JSON Web Key."""
    raw = key if isinstance(key, bytes) else raw_public_key(key)
    return {"crv": ALGORITHM, "kty": "OKP", "x": encode_base64url(raw)}


def public_bytes(jwk: Mapping[str, str]) -> bytes:
    """Return the 32 bytes of a public key.

    Raises
    ------
    ValueError
        If it is not an Ed25519 key, or spelled in another way than `public_jwk` spells it.
    """
    if dict(jwk).keys() != {"crv", "kty", "x"} or (jwk["crv"], jwk["kty"]) != (ALGORITHM, "OKP"):
        raise ValueError("not an Ed25519 key")
    raw = decode_base64url(jwk["x"])
    if len(raw) != 32:
        raise ValueError("not an Ed25519 key")
    return raw


def thumbprint_of(jwk: Mapping[str, str]) -> str:
    """Return the thumbprint of a public key, after RFC 7638.

    Raises
    ------
    ValueError
        If it is not an Ed25519 key.

    Examples
    --------
    The key and the thumbprint of RFC 8037, appendix A.3.

    >>> x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    >>> thumbprint_of({"crv": "Ed25519", "kty": "OKP", "x": x})
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    public_bytes(jwk)
    return encode_base64url(hashlib.sha256(write_json(dict(jwk))).digest())


def thumbprint(key: Ed25519PrivateKey | bytes) -> str:
    """Return the thumbprint of a public key, after RFC 7638.

    Parameters
    ----------
    key : Ed25519PrivateKey or bytes, length 32
        A raw public key, or the private key that it belongs to.

    Returns
    -------
    thumbprint : str
        43 characters: base64url of the SHA-256 of the canonical JSON Web Key.
    """
    return thumbprint_of(public_jwk(key))


def check_thumbprint(text: str) -> str:
    """Return a thumbprint as typed, without spaces around it.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    typed = text.strip()
    try:
        if _THUMBPRINT.fullmatch(typed) and decode_base64url(typed):
            return typed
    except ValueError:
        pass
    raise ParameterError(
        f"{typed!r} is not the thumbprint of a key",
        remedy="It has 43 letters, digits, '-' and '_'; copy all of it from the contract.",
    )


def check_public_key(text: str) -> dict[str, str]:
    """Return a public key as typed, ``ed25519:`` and 43 characters, as a JSON Web Key.

    Raises
    ------
    ParameterError
        If it is anything else, such as a thumbprint, which has 43 characters as well.
    """
    kind, _, x = text.strip().rpartition(":")
    jwk = {"crv": ALGORITHM, "kty": "OKP", "x": x}
    try:
        if kind != "ed25519":
            raise ValueError("another kind")  # noqa: TRY301 - one message
        public_bytes(jwk)
    except ValueError as err:
        raise ParameterError(
            f"{text!r} is not a public key", remedy="It begins with ed25519: and is no thumbprint."
        ) from err
    return jwk


def format_public_key(raw: bytes) -> str:
    """Return the 32 bytes of a public key as `check_public_key` takes them."""
    return f"ed25519:{encode_base64url(raw)}"


def encode_base64url(data: bytes) -> str:
    """Return bytes in base64url without padding, after RFC 7515."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Return what `encode_base64url` has written.

    Raises
    ------
    ValueError
        If it is anything else, another spelling of the same bytes included.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The last character can have bits that mean nothing.
    if encode_base64url(data) != text:
        raise ValueError("not canonical")
    return data
