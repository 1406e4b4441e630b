"""What this machine knows of the keys on paper: their thumbprints, one file for each rotation.

Statements name the thumbprint of the key that may take over.  It is stored when the words are at
hand, so that they need not be typed again for the first statement.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.keys.key_files import configuration_folder, write_key
from sottovoce.rights.public_keys import thumbprint

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.keys.recovery import RecoveryWords

__all__ = ["Commitment", "commit", "known_words", "load_commitment"]

_FORMAT = "sottovoce-recovery-1"
_MOST_BYTES = 1 << 12
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_CHECK = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """The keys on paper that an identity has named, by their thumbprints.

    Attributes
    ----------
    owner_id : int
        Whose.
    n : int
        Number of the rotation that the next key is for, from 1.
    next_thumbprint : str
        Of the public key that takes over at that rotation; RFC 7638, base64url.
    recovery_thumbprint : str
        Of the public key that takes over when the next key cannot.
    words : str
        `RecoveryWords.check` of the words that these come from.
    """

    owner_id: int
    n: int
    next_thumbprint: str
    recovery_thumbprint: str
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of its file."""
        return {
            "format": _FORMAT,
            "owner": format_owner_id(self.owner_id),
            "n": self.n,
            "next_thumbprint": self.next_thumbprint,
            "recovery_thumbprint": self.recovery_thumbprint,
            "words": self.words,
        }


def commit(
    words: RecoveryWords, owner_id: int, *, n: int = 1, folder: Path | None = None
) -> Commitment:
    """Store the thumbprints of an identity's next key and recovery key.

    Parameters
    ----------
    words : RecoveryWords
        Where the keys come from; neither words nor keys are stored.
    owner_id : int
        Whose keys.
    n : int
        Number of the rotation that the next key is for.
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    commitment : Commitment
        What was stored.  It is no error if the same was stored before.

    Raises
    ------
    ParameterError
        If `owner_id` or `n` is out of range, or other words were named for this rotation before.
    StatementError
        If it cannot be stored.
    """
    made = Commitment(
        owner_id=owner_id,
        n=n,
        next_thumbprint=thumbprint(words.next_key(owner_id, n)),
        recovery_thumbprint=thumbprint(words.recovery_key(owner_id)),
        words=words.check,
    )
    path = _folder(folder) / f"{owner_id:012x}-{n}.json"
    try:
        write_key(path, made.to_dict())
    except OSError as err:
        if not path.exists():
            raise StatementError(
                f"{path}: cannot be stored: {err.strerror or err}",
                remedy="Make the folder writable.",
            ) from err
        if _read(path) != made:
            raise ParameterError(
                f"{format_owner_id(owner_id)} has other recovery words already",
                remedy="Use the words that it has.  Marks and statements go on to name their keys.",
            ) from err
    return made


def load_commitment(owner_id: int, *, folder: Path | None = None) -> Commitment | None:
    """Return what an identity has named last; None if it has no recovery words.

    Parameters
    ----------
    owner_id : int
        Whose.
    folder : Path or None
        As for `commit`.

    Returns
    -------
    commitment : Commitment or None
        That of the highest rotation.

    Raises
    ------
    StatementError
        If its file is damaged.
    """
    paths = _folder(folder).glob(f"{owner_id:012x}-*.json")
    numbered = {path.stem.rpartition("-")[2]: path for path in paths}
    numbers = [int(text) for text in numbered if text.isascii() and text.isdigit()]
    if not numbers:
        return None
    path = numbered[str(max(numbers))]
    stored = _read(path)
    if (stored.owner_id, stored.n) != (owner_id, max(numbers)):
        raise _damaged(path)
    return stored


def known_words(*, folder: Path | None = None) -> set[str]:
    """Return `RecoveryWords.check` of all words that identities on this machine have named.

    Parameters
    ----------
    folder : Path or None
        As for `commit`.

    Returns
    -------
    checks : set of str
        Empty if there are no words yet; more than one if the user has several papers.

    Raises
    ------
    StatementError
        If a file is damaged.
    """
    return {_read(path).words for path in _folder(folder).glob("[0-9a-f]*.json")}


def _folder(folder: Path | None) -> Path:
    return (folder or configuration_folder()) / "recovery"


def _read(path: Path) -> Commitment:
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(_MOST_BYTES))
        stored = Commitment(
            owner_id=parse_owner_id(fields["owner"]),
            **{
                name: fields[name]
                for name in ("n", "next_thumbprint", "recovery_thumbprint", "words")
            },
        )
        thumbprints = (stored.next_thumbprint, stored.recovery_thumbprint)
        is_sound = (
            fields["format"] == _FORMAT
            and type(stored.n) is int
            and all(_THUMBPRINT.fullmatch(each) for each in thumbprints)
            and _CHECK.fullmatch(stored.words) is not None
        )
    except OSError as err:
        raise StatementError(f"{path}: {err.strerror or err}") from err
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as err:
        raise _damaged(path) from err
    if not is_sound:
        raise _damaged(path)
    return stored


def _damaged(path: Path) -> StatementError:
    return StatementError(
        f"{path}: the thumbprints of the recovery words are damaged",
        remedy="Move the file away; it is made again from the recovery words, or restored from a"
        " backup.",
    )
