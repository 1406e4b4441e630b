"""Identities in the page: made and opened by `sottovoce.rights`, kept by nobody here.

The page has no seed to keep, so that an identity made in it has its private key in its file.  It
signs nothing, so that it also opens those whose key is made from a seed elsewhere.  Recovery words
that are made here name no key until the first statement is signed, elsewhere, for which they are
typed.

`hashlib` has no scrypt in WebAssembly.  JavaScript's (``web/keys.js``) takes its place, so that the
package derives owner ids as it does everywhere.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.days import present_day
from sottovoce.rights.identity import is_reserved, load_identity, make_identity
from sottovoce.rights.seal_keys import derive_seal_key

if TYPE_CHECKING:
    from sottovoce.rights.identity import Identity

__all__ = ["make", "make_words", "read", "read_grant"]

_MOST_NAME = 64
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")
_START = re.compile(r"^[^A-Za-z0-9]+")


def make(name: str) -> dict[str, Any]:
    """Make an identity.

    Parameters
    ----------
    name : str
        As for `sottovoce.rights.make_identity`.

    Returns
    -------
    fields : dict
        ``name``, ``owner_id``, ``owner`` and the ``text`` of its file, and ``seal``, the key of its
        seal in hexadecimal, empty if its private key is elsewhere; or ``error``: ``"name"`` if no
        identity may have this name.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = make_identity(name, folder=Path(folder) / "identities", self_contained=True)
        except ParameterError:
            return {"error": "name"}
        return _describe(made, made.path.read_text(encoding="utf-8"))


def read(text: str, file_name: str) -> dict[str, Any]:
    """Read the file of an identity, and derive its owner id again.

    Parameters
    ----------
    text : str
        Its content.
    file_name : str
        What it is called; browsers add to names of files that they save twice.

    Returns
    -------
    fields : dict
        As for `make`; or ``error``: ``"damaged"`` if it is not such a file, or damaged.
    """
    name = _START.sub("", _FOREIGN.sub("-", file_name.removesuffix(".json")))
    name = name[:_MOST_NAME].rstrip("-") or "identity"
    if is_reserved(name):
        name = f"identity-{name}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{name}.json").write_text(text, encoding="utf-8", newline="")
        try:
            identity = load_identity(name, folder=Path(folder), verify=True)
        except (StatementError, RecursionError):
            return {"error": "damaged"}
    return _describe(identity, text)


def make_words(name: str, owner_id: int) -> dict[str, Any]:
    """Make recovery words for an identity; nothing of them is kept.

    Parameters
    ----------
    name : str
        What the identity is called.
    owner_id : int
        Its owner id.

    Returns
    -------
    fields : dict
        The ``words``, a list of 24, and the ``page`` to print, in SVG.
    """
    from sottovoce.rights.keys.recovery import RecoveryWords
    from sottovoce.rights.keys.recovery_page import make_svg

    words = RecoveryWords.generate()
    page = make_svg(words, [(name, owner_id)], date=present_day().isoformat())
    return {"words": words.words, "page": page}


def read_grant(text: str) -> dict[str, Any]:
    """Read whose marks a grant is about; it is not verified, and permits nothing here.

    Parameters
    ----------
    text : str
        Content of a ``.grant`` file.

    Returns
    -------
    fields : dict
        The ``owner`` as people write it, and the ``notices`` to look for; or ``error``:
        ``"grant"`` if it is not such a file, or does not say what the marks carry.
    """
    from sottovoce.rights.grants.grant_file import find_notices, parse_grant_file

    try:
        notices = find_notices(parse_grant_file(text.encode("utf-8", "replace")))
    except StatementError:
        return {"error": "grant"}
    return {
        "owner": format_owner_id(notices[0].owner_id),
        "notices": [notice.to_dict() for notice in notices],
    }


def _describe(identity: Identity, text: str) -> dict[str, Any]:
    fields = identity.to_dict()
    seal = derive_seal_key(identity).hex() if identity.stored_key is not None else ""
    named = {name: fields[name] for name in ("name", "owner_id", "owner")}
    return {**named, "text": text, "seal": seal}


def _scrypt(
    password: bytes,
    *,
    salt: bytes,
    n: int,
    r: int,
    p: int,
    maxmem: int = 0,
    dklen: int = 64,
) -> bytes:
    """Stand in for `hashlib.scrypt`."""
    import noble  # type: ignore[import-not-found]  # registered by the worker
    from pyodide.ffi import to_js  # type: ignore[import-not-found]  # of Python in a browser

    derived: bytes = noble.scrypt(to_js(password), to_js(salt), n, r, p, dklen).to_bytes()
    return derived


if not hasattr(hashlib, "scrypt"):
    hashlib.scrypt = _scrypt  # type: ignore[assignment]
