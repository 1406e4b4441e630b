"""Rotation: the key on paper takes over, and the one after it is named.

The owner id stays.  A statement that is signed by the new key announces the change; this module
makes and keeps the keys for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.keys.commitments import commit, load_commitment
from sottovoce.rights.keys.key_files import configuration_folder, write_key
from sottovoce.rights.keys.secret_files import make_content, read_secret
from sottovoce.rights.public_keys import check_thumbprint, thumbprint

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.identity import Identity
    from sottovoce.rights.keys.recovery import RecoveryWords
    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = [
    "Rotation",
    "keep_rotation",
    "list_rotated_keys",
    "prepare_rotation",
    "signing_key",
]

_KIND = "sottovoce-key-1"
_MOST_ROTATIONS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A key that takes over, and what its first statement must name.

    Attributes
    ----------
    owner_id : int
        Whose; a rotation does not change it.
    n : int
        Number of the rotation, from 1.
    key : Ed25519PrivateKey
        The new key, which signs the statement; not shown by `repr`.
    thumbprint : str
        Of the new key.
    next_thumbprint : str
        Of the key for rotation `n` + 1, to be named in the statement.
    recovery_thumbprint : str
        Of the recovery key, to be named in the statement; it stays the same.
    """

    owner_id: int
    n: int
    key: Ed25519PrivateKey = field(repr=False, compare=False)
    thumbprint: str
    next_thumbprint: str
    recovery_thumbprint: str


def prepare_rotation(
    owner: Identity | int,
    words: RecoveryWords,
    *,
    next_thumbprint: str = "",
    folder: Path | None = None,
) -> Rotation:
    """Return the key that takes over from the present one; store nothing.

    Parameters
    ----------
    owner : Identity or int
        The identity, or its owner id where the machine that had it is lost.
    words : RecoveryWords
        The words that its keys come from.
    next_thumbprint : str
        What the newest statement names as the next key.  Empty takes what this machine has stored.
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    rotation : Rotation
        The same each time, until `keep_rotation` has stored it.

    Raises
    ------
    ParameterError
        If the words do not make the named key: they are those of another identity.
    StatementError
        If no next key was ever named.

    Notes
    -----
    Tries the first 256 rotations; 0.1 ms each.
    """
    owner_id = owner if isinstance(owner, int) else owner.owner_id
    if not next_thumbprint:
        stored = load_commitment(owner_id, folder=folder)
        if stored is None:
            raise StatementError(
                f"{format_owner_id(owner_id)} has no recovery words: no key can take over",
                remedy="A key on paper must be named before it is needed.  The marks go on to"
                " refuse.",
            )
        next_thumbprint = stored.next_thumbprint
    check_thumbprint(next_thumbprint)
    for n in range(1, _MOST_ROTATIONS + 1):
        key = words.next_key(owner_id, n)
        if thumbprint(key) == next_thumbprint:
            return Rotation(
                owner_id=owner_id,
                n=n,
                key=key,
                thumbprint=next_thumbprint,
                next_thumbprint=thumbprint(words.next_key(owner_id, n + 1)),
                recovery_thumbprint=thumbprint(words.recovery_key(owner_id)),
            )
    raise ParameterError(
        f"these are not the recovery words of {format_owner_id(owner_id)}",
        remedy="Type the words from the paper that names this owner id.",
    )


def keep_rotation(
    rotation: Rotation,
    words: RecoveryWords,
    *,
    passphrase: str = "",
    folder: Path | None = None,
) -> Path:
    """Store the new key on this machine, and the thumbprint of the one after it.

    Parameters
    ----------
    rotation : Rotation
        What `prepare_rotation` returned.
    words : RecoveryWords
        The same words.
    passphrase : str
        Seals the file of the key; empty leaves it to the permissions of the file.
    folder : Path or None
        As for `prepare_rotation`.

    Returns
    -------
    path : Path
        The file of the new key.  It is no error if it was there.

    Raises
    ------
    ParameterError
        If other words were named for the rotation after it.
    StatementError
        If it cannot be stored, or the file that is there has another passphrase or is damaged.
    """
    path = _key_path(rotation.owner_id, rotation.n, folder)
    secret = rotation.key.private_bytes_raw()
    try:
        write_key(path, make_content(secret, kind=_KIND, passphrase=passphrase))
    except FileExistsError:
        _check_stored(path, secret, passphrase)
    except OSError as err:
        raise StatementError(
            f"{path}: the new key cannot be stored: {err.strerror or err}",
            remedy="Make the folder writable.",
        ) from err
    commit(words, rotation.owner_id, n=rotation.n + 1, folder=folder)
    return path


def _check_stored(path: Path, secret: bytes, passphrase: str) -> None:
    """Refuse the file of an attempt that was cut short, unless it opens to the same key."""
    try:
        stored = read_secret(path, kind=_KIND, ask=lambda _: passphrase)
    except (OSError, StatementError):
        stored = b""
    if stored != secret:
        raise StatementError(
            f"{path}: is there from an earlier attempt, damaged or with another passphrase",
            remedy="Move it away, and try again: the recovery words make the same key again.",
        )


def signing_key(
    identity: Identity,
    *,
    wanted: str = "",
    ask: AskPassphrase | None = None,
    folder: Path | None = None,
) -> Ed25519PrivateKey:
    """Return the key that signs for an identity.

    Parameters
    ----------
    identity : Identity
        Who signs.
    wanted : str
        Thumbprint of the key that the newest statement names as the present one.  Empty takes the
        key of the last rotation, or the first key if there was none.
    ask : callable or None
        Given the path of a sealed file, returns its passphrase; None refuses those.
    folder : Path or None
        The program's folder in the user's configuration; None is the one above the identity's.

    Returns
    -------
    key : Ed25519PrivateKey
        For signing.

    Raises
    ------
    StatementError
        If the key is not on this machine, cannot be opened, or others may read it.
    """
    folder = folder or identity.path.parent.parent
    if wanted == thumbprint(identity.public_key):
        return identity.open_key(ask=ask)
    for path in list_rotated_keys(identity.owner_id, folder=folder):
        try:
            key = Ed25519PrivateKey.from_private_bytes(read_secret(path, kind=_KIND, ask=ask))
        except OSError as err:
            raise StatementError(f"{path}: {err.strerror or err}") from err
        if wanted in {"", thumbprint(key)}:
            return key
    if wanted:
        raise StatementError(
            f"the present key of {format_owner_id(identity.owner_id)} is not on this machine",
            remedy="Restore a backup that was made after the last rotation, or rotate again with"
            " the recovery words.",
        )
    return identity.open_key(ask=ask)


def list_rotated_keys(owner_id: int, *, folder: Path | None = None) -> list[Path]:
    """Return the files of the keys that took over at rotations.

    Parameters
    ----------
    owner_id : int
        Whose.
    folder : Path or None
        As for `prepare_rotation`.

    Returns
    -------
    paths : list of Path
        That of the last rotation first; empty if there was none on this machine.
    """
    names = (folder or configuration_folder()).glob(f"keys/{owner_id:012x}-*.json")
    ends = {path: path.stem.rpartition("-")[2] for path in names}
    numbers = {path: int(end) for path, end in ends.items() if end.isascii() and end.isdigit()}
    return sorted(numbers, key=lambda path: numbers[path], reverse=True)


def _key_path(owner_id: int, n: int, folder: Path | None) -> Path:
    return (folder or configuration_folder()) / "keys" / f"{owner_id:012x}-{n}.json"
