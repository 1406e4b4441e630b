"""What the user has shown of their seals: found again, it proves nothing any more.

Whoever was given the signs of a recording can write them into other sound.  So each range of
numbers is noted before the signs leave this computer, and compared with every seal that is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.seal_signs import N_STARTS
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.days import parse_day
from sottovoce.rights.own_files import owner_folder, read_bounded, write_once
from sottovoce.rights.strict_json import MOST_BYTES, parse_json, write_json

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from sottovoce.core.seal import SealMatch
    from sottovoce.rights.seal_opening import SealOpening

__all__ = ["ShownRange", "find_shown_range", "list_shown_ranges", "note_shown"]

_FORMAT = "sottovoce-shown-1"
_FOLDER = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRange:
    """Superframes in a row whose signs somebody has been shown.

    Attributes
    ----------
    first, last : int
        Their numbers.
    day : date
        When they were shown first, in UTC.
    file, sha256 : str
        The recording that they were shown for.
    """

    first: int
    last: int
    day: date
    file: str
    sha256: str

    def to_bytes(self) -> bytes:
        """Return the content of its file."""
        fields = {
            "format": _FORMAT,
            "first": self.first,
            "last": self.last,
            "day": self.day.isoformat(),
            "file": self.file,
            "sha256": self.sha256,
        }
        return write_json(fields) + b"\n"


def note_shown(opening: SealOpening, *, day: date, folder: Path | None = None) -> ShownRange:
    """Note what is about to be shown; what was noted for the same file before is kept.

    Parameters
    ----------
    opening : SealOpening
        What will be shown.
    day : date
        The present day, in UTC.
    folder : Path or None
        Configuration folder; None is the user's.

    Returns
    -------
    noted : ShownRange
        As it is stored from now on.

    Raises
    ------
    StatementError
        If it cannot be stored, or an earlier note cannot be read.
    """
    noted = ShownRange(
        first=opening.leaves[0].number,
        last=opening.leaves[-1].number,
        day=day,
        file=opening.file,
        sha256=opening.sha256,
    )
    name = f"{noted.first:06}-{noted.last:06}-{noted.sha256[:16]}.json"
    path = owner_folder(_FOLDER, opening.owner_id, folder=folder) / name
    if path.exists():
        return _read(path)
    write_once(path, noted.to_bytes())
    return noted


def list_shown_ranges(owner_id: int, *, folder: Path | None = None) -> list[ShownRange]:
    """Return what was shown of the seal of an owner id, the earliest first.

    Parameters
    ----------
    owner_id : int
        48 bits.
    folder : Path or None
        Configuration folder; None is the user's.

    Raises
    ------
    StatementError
        If a note cannot be read.
    """
    paths = sorted(owner_folder(_FOLDER, owner_id, folder=folder).glob("*.json"))
    return sorted((_read(path) for path in paths), key=lambda one: (one.day, one.first))


def find_shown_range(match: SealMatch, ranges: list[ShownRange]) -> ShownRange | None:
    """Return the earliest range that has any of the superframes in which a seal was found.

    Parameters
    ----------
    match : SealMatch
        What was found.
    ranges : list of ShownRange
        As `list_shown_ranges` returns them.

    Returns
    -------
    shown : ShownRange or None
        None if nobody was shown any of them.
    """
    first = match.first_number
    last = first + match.n_superframes  # one more: what is cut at the end may reach into it
    return next((one for one in ranges if one.first <= last and first <= one.last), None)


def _read(path: Path) -> ShownRange:
    try:
        data = read_bounded(path, most_bytes=MOST_BYTES)
        return _parse(parse_json(data, canonical=False))
    except (ValueError, LookupError, TypeError, ParameterError) as err:
        raise StatementError(
            f"{path}: does not say which signs of a seal were shown",
            remedy="Restore it from a backup, or move it away: its seal may then count again.",
        ) from err


def _parse(fields: dict[str, Any]) -> ShownRange:
    first, last = fields["first"], fields["last"]
    if fields["format"] != _FORMAT or not 0 <= first <= last < N_STARTS:
        raise ValueError("another format")
    return ShownRange(
        first=first,
        last=last,
        day=parse_day(fields["day"]),
        file=str(fields["file"]),
        sha256=str(fields["sha256"]),
    )
