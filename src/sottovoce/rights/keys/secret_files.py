"""A file with one secret of 32 bytes, in the clear or sealed with a passphrase.

A passphrase goes through scrypt, which makes each guess cost 0.4 s and 128 MiB, and seals the
secret with AES-256-GCM: a wrong one and a changed file are both noticed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sottovoce.errors import StatementError
from sottovoce.rights.keys.key_files import explain_exposure

__all__ = ["SECRET_BYTES", "AskPassphrase", "is_sealed", "make_content", "read_secret"]

AskPassphrase = Callable[[Path], str]
"""Asks the user for the passphrase of a file."""

SECRET_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_MOST_BYTES = 1 << 14
_N, _R, _P = 1 << 17, 8, 1
# What a file may ask for: more would let a hostile one use up memory or hours.
_MOST_N, _MOST_R, _MOST_P = 1 << 20, 8, 4
_WAIT_S = 0.05
_N_WAITS = 20


def make_content(secret: bytes, *, kind: str, passphrase: str = "") -> dict[str, Any]:
    """Return the fields of a secret's file.

    Parameters
    ----------
    secret : bytes, length 32
        What to keep.
    kind : str
        The format that the file names, such as "sottovoce-seed-1".
    passphrase : str
        Seals the secret; empty keeps it in the clear.

    Returns
    -------
    content : dict
        For `sottovoce.rights.keys.key_files.write_key`.
    """
    if not passphrase:
        return {"format": kind, "secret": _encode(secret)}
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    fields: dict[str, Any] = {"format": kind, "kdf": "scrypt", "n": _N, "r": _R, "p": _P}
    fields["salt"] = _encode(salt)
    sealing_key = _stretch(passphrase, salt=salt, n=_N, r=_R, p=_P)
    sealed = AESGCM(sealing_key).encrypt(nonce, secret, _bind(fields))
    return fields | {"nonce": _encode(nonce), "sealed": _encode(sealed)}


def read_secret(path: Path, *, kind: str, ask: AskPassphrase | None = None) -> bytes:
    """Read the secret in a file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        The format that it must have.
    ask : callable or None
        Asks for the passphrase of a sealed one; None refuses those.

    Returns
    -------
    secret : bytes, length 32
        What `make_content` was given.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    StatementError
        If others may read the file, it is damaged or of a newer release, its passphrase is wrong,
        or it has one and `ask` is None.
    """
    if warning := explain_exposure(path):
        message, _, command = warning.partition("  Run: ")
        raise StatementError(message, remedy=f"Run: {command}")
    fields = _read_fields(path, kind)
    try:
        secret = _decode(fields["secret"]) if "secret" in fields else None
        seal = None if secret is not None else _Seal(fields)
    except (KeyError, TypeError, ValueError) as err:
        raise _damaged(path) from err
    if seal is not None:
        if ask is None:
            raise StatementError(
                f"{path}: the secret is sealed with a passphrase",
                remedy="Run the command in a terminal, which asks for it.",
            )
        secret = seal.open(ask(path), path)
    if secret is None or len(secret) != SECRET_BYTES:
        raise _damaged(path)
    return secret


def is_sealed(path: Path) -> bool:
    """Return whether a file says that its secret needs a passphrase."""
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "sealed" in fields


class _Seal:
    """What a sealed file needs to be opened, with bounds on what that may cost."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.n, self.r, self.p = (fields[name] for name in "nrp")
        limits = ((self.n, _MOST_N), (self.r, _MOST_R), (self.p, _MOST_P))
        for number, most in limits:
            if type(number) is not int or not 1 <= number <= most:
                raise ValueError("a cost of scrypt is out of range")
        if fields["kdf"] != "scrypt" or self.n < 2 or self.n & (self.n - 1):
            raise ValueError("unknown way from a passphrase to a key")
        self.salt, self.nonce = _decode(fields["salt"]), _decode(fields["nonce"])
        self.sealed = _decode(fields["sealed"])
        if len(self.salt) != _SALT_BYTES or len(self.nonce) != _NONCE_BYTES:
            raise ValueError("a salt or nonce of another length")
        self.bound = _bind({name: fields[name] for name in fields if name not in _UNBOUND})

    def open(self, passphrase: str, path: Path) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = _stretch(passphrase, salt=self.salt, n=self.n, r=self.r, p=self.p)
        try:
            return AESGCM(key).decrypt(self.nonce, self.sealed, self.bound)
        except InvalidTag:
            raise StatementError(
                f"{path}: the passphrase is wrong, or the file was changed",
                remedy="Try again.  If the passphrase is lost, the recovery words can still replace"
                " the key.",
            ) from None


_UNBOUND = ("nonce", "sealed")


def _read_fields(path: Path, kind: str) -> dict[str, Any]:
    # Where there are no links, another process claims the name by an empty file before it has the
    # content there.
    data = b""
    for _ in range(_N_WAITS):
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if data:
            break
        time.sleep(_WAIT_S)
    try:
        fields = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError) as err:
        raise _damaged(path) from err
    if not isinstance(fields, dict):
        raise _damaged(path)
    found = fields.get("format")
    if found != kind:
        if isinstance(found, str) and found.startswith(kind.rstrip("0123456789")):
            raise StatementError(
                f"{path}: the file was made by a newer release", remedy="Update sottovoce."
            )
        raise _damaged(path)
    return fields


def _stretch(passphrase: str, *, salt: bytes, n: int, r: int, p: int) -> bytes:
    # One passphrase can be typed as several strings of Unicode.
    typed = unicodedata.normalize("NFKD", passphrase).encode("utf-8")
    memory = 2 * 128 * r * (n + p)
    return hashlib.scrypt(typed, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=SECRET_BYTES)


def _bind(fields: dict[str, Any]) -> bytes:
    """Return the fields that the seal vouches for, in one form."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _damaged(path: Path) -> StatementError:
    return StatementError(
        f"{path}: the secret in this file is damaged",
        remedy="Move the file away, and restore it from a backup.",
    )
