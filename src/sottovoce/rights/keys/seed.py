"""The daily seed: one secret on this machine, from which the keys of all identities are made.

Each identity has 16 random bytes of its own beside its public key.  HKDF of the seed with them is
its private key, so keys and owner ids have nothing in common for anyone without the seed.

A machine has one seed that makes new keys, in ``seed.json``.  Backups of another machine may add
others (``seed-….json``), which only open the keys that came with them.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.keys.derivation import derive_key
from sottovoce.rights.keys.key_files import configuration_folder, write_key
from sottovoce.rights.keys.secret_files import SECRET_BYTES, is_sealed, make_content, read_secret
from sottovoce.rights.public_keys import raw_public_key

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = [
    "INFO_BYTES",
    "derive_identity_key",
    "find_identity_key",
    "list_seeds",
    "make_seed",
    "needs_passphrase",
    "open_seed",
    "seed_path",
]

INFO_BYTES = 16
_KIND = "sottovoce-seed-1"
_SALT = b"sottovoce-seed-v1"


def seed_path(*, folder: Path | None = None) -> Path:
    """Return the file of the seed that makes new keys; it may not exist.

    Parameters
    ----------
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    path : Path
        ``seed.json`` in that folder.
    """
    return (folder or configuration_folder()) / "seed.json"


def list_seeds(*, folder: Path | None = None) -> list[Path]:
    """Return the files of all seeds: the one that makes new keys first, then restored ones.

    Parameters
    ----------
    folder : Path or None
        As for `seed_path`.

    Returns
    -------
    paths : list of Path
        Empty if there is none yet.
    """
    own = seed_path(folder=folder)
    others = sorted(own.parent.glob("seed-*.json"))
    return [path for path in (own, *others) if path.is_file()]


def needs_passphrase(*, folder: Path | None = None) -> bool:
    """Return whether new keys need a passphrase.

    Parameters
    ----------
    folder : Path or None
        As for `seed_path`.

    Returns
    -------
    sealed : bool
        False if there is no seed yet.
    """
    return is_sealed(seed_path(folder=folder))


def make_seed(*, folder: Path | None = None, passphrase: str = "") -> Path:
    """Make the seed of this machine.

    Parameters
    ----------
    folder : Path or None
        As for `seed_path`.
    passphrase : str
        Seals it; every signature will ask for it.  Empty leaves it to the permissions of the file.

    Returns
    -------
    path : Path
        The new file.

    Raises
    ------
    ParameterError
        If there is one: a seed is never replaced, since every key made from it would be lost.
    StatementError
        If it cannot be stored.
    """
    path = seed_path(folder=folder)
    content = make_content(secrets.token_bytes(SECRET_BYTES), kind=_KIND, passphrase=passphrase)
    try:
        write_key(path, content)
    except OSError as err:
        if path.exists():
            raise ParameterError(
                f"{path}: there is a seed already, and it is never replaced",
                remedy="New identities are made from it as it is.",
            ) from err
        raise StatementError(
            f"{path}: the new seed cannot be stored: {err.strerror or err}",
            remedy="Make the folder writable.",
        ) from err
    return path


def open_seed(*, folder: Path | None = None, ask: AskPassphrase | None = None) -> bytes:
    """Return the seed that makes new keys; make one, without a passphrase, if there is none.

    Parameters
    ----------
    folder : Path or None
        As for `seed_path`.
    ask : callable or None
        Asks for the passphrase of a sealed one; None refuses those.

    Returns
    -------
    seed : bytes, length 32
        The secret.

    Raises
    ------
    StatementError
        If it cannot be opened or stored, or others may read its file.
    """
    path = seed_path(folder=folder)
    if not path.exists():
        with suppress(ParameterError):  # another process was quicker
            make_seed(folder=folder)
    return _read(path, ask)


def derive_identity_key(seed: bytes, info: bytes) -> Ed25519PrivateKey:
    """Return the private key of an identity.

    Parameters
    ----------
    seed : bytes, length 32
        The secret of the machine.
    info : bytes, length 16
        The identity's own random bytes; not secret.

    Returns
    -------
    key : Ed25519PrivateKey
        Part of the format: always the same for the same arguments.
    """
    return derive_key(seed, salt=_SALT, info=info)


def find_identity_key(
    public_key: bytes, info: bytes, *, folder: Path | None = None, ask: AskPassphrase | None = None
) -> Ed25519PrivateKey:
    """Return the private key of an identity from whichever seed it was made.

    Parameters
    ----------
    public_key : bytes, length 32
        The identity's.
    info : bytes, length 16
        Its own random bytes.
    folder : Path or None
        As for `seed_path`.
    ask : callable or None
        As for `open_seed`.

    Returns
    -------
    key : Ed25519PrivateKey
        The one that belongs to `public_key`.

    Raises
    ------
    StatementError
        If no seed of this machine makes it, or none could be opened.
    """
    problem: StatementError | None = None
    # Those without a passphrase first: one that need not be asked for is not asked for.
    for path in sorted(list_seeds(folder=folder), key=is_sealed):
        try:
            key = derive_identity_key(_read(path, ask), info)
        except StatementError as err:
            problem = err
            continue
        if raw_public_key(key) == public_key:
            return key
    if problem is not None:
        raise problem
    raise StatementError(
        f"{seed_path(folder=folder).parent}: no seed in this folder makes this identity's key",
        remedy="Sign on the computer where the identity was made, or restore a backup of it here."
        "  Marking needs no key.",
    )


def _read(path: Path, ask: AskPassphrase | None) -> bytes:
    try:
        return read_secret(path, kind=_KIND, ask=ask)
    except OSError as err:
        raise StatementError(f"{path}: {err.strerror or err}") from err
