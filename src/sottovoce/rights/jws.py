"""Signed texts: compact JWS with Ed25519 and nothing else, after RFC 7515, 7638 and 9864.

A token is ``header.payload.signature``.  The header names the algorithm, the kind of text and the
thumbprint of the key; all three must be the expected ones, and every part must have the one
spelling that `sign_token` gives it.  So a token that was accepted once has no second form under the
same signature, and a text of one kind cannot be passed off as another.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError, ParameterError, SignatureError
from sottovoce.rights.public_keys import (
    ALGORITHM,
    check_thumbprint,
    decode_base64url,
    encode_base64url,
    public_jwk,
    thumbprint_of,
)
from sottovoce.rights.strict_json import MOST_BYTES, parse_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "digest_token",
    "format_digest",
    "open_token",
    "peek_kid",
    "peek_payload",
    "sign_token",
]

# A signature has 64 bytes, a thumbprint 32.
_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_HEADER_KEYS = {"alg", "kid", "typ"}


def sign_token(payload: Mapping[str, Any], *, kind: str, key: Ed25519PrivateKey) -> str:
    """Sign a text.

    Parameters
    ----------
    payload : mapping
        What is signed, as `write_json` takes it.
    kind : str
        Kind of the text, for the header.
    key : Ed25519PrivateKey
        Signs it.

    Returns
    -------
    token : str
        ASCII, without spaces.

    Raises
    ------
    ParameterError
        If the text is too long, or holds what JSON cannot.
    MissingExtraError
        If joserfc is not installed.
    """
    jose = _import_jose()
    public = public_jwk(key)
    secret = key.private_bytes_raw()
    try:
        data = write_json(payload)
        parse_json(data)
    except ValueError as err:
        raise ParameterError(
            f"the text cannot be signed: {err}", remedy="Shorten it, or leave out odd characters."
        ) from err
    header = {"alg": ALGORITHM, "kid": thumbprint_of(public), "typ": kind}
    signer = jose.jwk.OKPKey.import_key({**public, "d": encode_base64url(secret)})
    return str(jose.jws.serialize_compact(header, data, signer, algorithms=[ALGORITHM]))


def open_token(token: str, *, kind: str, jwk: Mapping[str, str]) -> dict[str, Any]:
    """Verify a token and return what was signed.

    Parameters
    ----------
    token : str
        External text.
    kind : str
        The kind that it must be of.
    jwk : mapping
        The public key that must have signed it.

    Returns
    -------
    payload : dict
        Signed by that key.

    Raises
    ------
    SignatureError
        If it is anything else; with one message, so that no forger learns how far they came.
    MissingExtraError
        If joserfc is not installed.
    """
    jose = _import_jose()
    try:
        header, payload = _split(token)
        expected = {"alg": ALGORITHM, "kid": thumbprint_of(jwk), "typ": kind}
        if parse_json(header) != expected:
            raise ValueError("another header")  # noqa: TRY301 - one place for all refusals
        opened = jose.jws.deserialize_compact(
            token, jose.jwk.OKPKey.import_key(dict(jwk)), algorithms=[ALGORITHM]
        )
        if opened.payload != payload:
            raise ValueError("another payload")  # noqa: TRY301
        return parse_json(payload)
    except (ValueError, TypeError, LookupError, jose.errors.JoseError) as err:
        raise _forged() from err


def peek_kid(token: str) -> str:
    """Return which key a token says it is signed by; nothing is verified.

    Parameters
    ----------
    token : str
        External text.

    Returns
    -------
    kid : str
        A thumbprint.

    Raises
    ------
    SignatureError
        If it is not a token.
    """
    try:
        header = parse_json(_split(token)[0])
        if header.keys() != _HEADER_KEYS or not isinstance(header["kid"], str):
            raise ValueError("another header")  # noqa: TRY301
        return check_thumbprint(header["kid"])
    except (ValueError, TypeError) as err:
        raise _forged() from err


def peek_payload(token: str) -> dict[str, Any]:
    """Return what a token says; nothing is verified.

    Parameters
    ----------
    token : str
        External text.

    Returns
    -------
    payload : dict
        Anything; to find the key with which `open_token` verifies it.

    Raises
    ------
    SignatureError
        If it is not a token.
    """
    try:
        return parse_json(_split(token)[1])
    except (ValueError, TypeError) as err:
        raise _forged() from err


def digest_token(token: str) -> str:
    """Return the digest by which other texts refer to a token: ``sha-256:`` and base64url."""
    return format_digest(hashlib.sha256(token.encode("utf-8", "replace")).digest())


def format_digest(sha256: bytes) -> str:
    """Return a SHA-256 as statements and grants write it."""
    return "sha-256:" + encode_base64url(sha256)


def _split(token: str) -> tuple[bytes, bytes]:
    """Return the bytes of header and payload."""
    if len(token) > 2 * MOST_BYTES:
        raise ValueError("too large")
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise ValueError("not a token")
    header, payload, _ = (decode_base64url(part) for part in parts.groups())
    return header, payload


def _forged() -> SignatureError:
    return SignatureError(
        "the signature is not valid: the text was changed, or another key signed it",
        remedy="Ask the owner for the file again.",
    )


def _import_jose() -> ModuleType:
    """Import the library of signatures, which only signing and verifying need."""
    try:
        import joserfc
        import joserfc.errors
        import joserfc.jwk
        import joserfc.jws
    except ImportError as err:
        raise MissingExtraError(
            "joserfc", extra="rights", purpose="sign and verify statements and grants"
        ) from err
    return joserfc
