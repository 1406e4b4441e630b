"""Search the sound tracks that the browser decoded, and tell what the file proves to be missing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.errors import IncompleteAudioError, MissingExtraError
from sottovoce.files.checking import CheckedPart, detect_parts, pay_for_parts
from sottovoce.files.decoding import matroska, mpegts
from sottovoce.files.decoding.adts import walk_adts
from sottovoce.files.decoding.boxes import walk_boxes
from sottovoce.files.decoding.decoder import Traits
from sottovoce.files.decoding.joins import find_joins
from sottovoce.files.decoding.ogg import walk_ogg
from sottovoce.files.decoding.raw import Raw
from sottovoce.files.decoding.shortfall import say_readable, say_shortfall
from sottovoce.files.sniffing import HEAD_BYTES, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_tracks"]

_REMEDY = "Get a complete copy."
_SLACK_S = 0.2
"""Codecs keep back or add a frame at both ends."""
_COUNTED = {"mp4"}
"""Containers that list every sample, so that a track shorter than its list is damaged."""
_JOINED = {"mp4", "matroska", "transport"}


@dataclass(frozen=True, slots=True)
class _Structure:
    """What the structure of a container says: its kind, what is missing, and what is odd."""

    kind: str
    missing: str = ""
    notes: tuple[str, ...] = ()


def check_tracks(
    source: str,
    tracks: Sequence[dict[str, Any]],
    *,
    thorough: bool,
    tell: Callable[[float], None],
) -> tuple[CheckedPart, ...]:
    """Search the decoded tracks of a file, like `detect_parts`.

    Parameters
    ----------
    source : str
        The file.
    tracks : sequence of dict
        Of each decoded track: ``path`` of its samples; ``seconds`` of them, ``promised`` seconds,
        seconds ``undecoded``, ``gaps`` and their ``silent`` seconds, and to what its kind
        ``changes``.
    thorough : bool
        As in `detect_parts`.
    tell : callable
        Called with the completed share, 0 to 1.

    Returns
    -------
    parts : tuple of CheckedPart
        One for each track.

    Raises
    ------
    IncompleteAudioError
        If the file proves that something of it is missing.
    MissingExtraError
        If several files were joined into one, which the browser does not see.
    """
    structure = _read_structure(source)
    if not tracks:
        if structure.missing:
            raise IncompleteAudioError(structure.missing, path=source, remedy=_REMEDY)
        raise MissingExtraError("PyAV", extra="", purpose="read this kind of file")
    parts = []
    for number, track in enumerate(tracks):

        def tell_share(share: float, number: int = number) -> None:
            tell((number + share) / len(tracks))

        _check_whole(source, structure, track)
        checked = detect_parts(
            track["path"],
            max_fpr=FOUND_FPR / len(tracks),
            thorough=thorough,
            progress=tell_share,
        )[0]
        detection = pay_for_parts(checked.detection, len(tracks))
        notes = (*structure.notes, *_describe(track))
        parts.append(dataclasses.replace(checked, detection=detection, notes=notes))
    return tuple(parts)


def _read_structure(source: str) -> _Structure:
    """Walk through a container, as the package does before it is decoded."""
    raw = Raw(source)
    kind = kind_of(head := raw.head(HEAD_BYTES))
    if kind in _JOINED and len(find_joins(raw, kind, head, start=0)) > 1:
        raise MissingExtraError("PyAV", extra="", purpose="read joined files")
    with raw.open() as file:
        if kind == "mp4":
            n_missing = walk_boxes(file, end=raw.n_bytes).n_missing
            cut = f"is cut short: {n_missing:,} bytes of its last box are missing"
            return _Structure(kind, cut if n_missing else "")
        if kind == "matroska":
            missing, note = matroska.find_damage(file, end=raw.n_bytes)
            return _Structure(kind, missing, (note,) if note else ())
        if kind == "transport":
            return _Structure(kind, "", tuple(mpegts.describe_damage(file, end=raw.n_bytes)))
        if kind == "adts":
            runs, n_unknown = walk_adts(file, start=0, end=raw.n_bytes)
            if len(runs) > 1:
                raise MissingExtraError("PyAV", extra="", purpose="read joined files")
            odd = f"has {n_unknown:,} invalid bytes between its frames"
            return _Structure(kind, "", (odd,) if n_unknown else ())
        if kind == "ogg":
            links = walk_ogg(file, end=raw.n_bytes)
            if len(links) > 1:
                raise MissingExtraError("PyAV", extra="", purpose="read joined files")
            return _Structure(kind, links[0].missing, tuple(links[0].notes))
    return _Structure(kind)


def _check_whole(source: str, structure: _Structure, track: dict[str, Any]) -> None:
    """Raise if the file proves that something of a track is missing."""
    held_s, promised_s = float(track["seconds"]), float(track["promised"])
    missing = structure.missing
    if missing:
        traits = Traits(format="", subtype="", sr=1, n_channels=1, notes=[], missing=missing)
        traits.promised_s = promised_s
        missing = say_shortfall(traits, held_s)
    elif track["changes"]:
        missing = f"changes to {track['changes']} after {held_s:.1f} s"
    elif structure.kind in _COUNTED and held_s < promised_s - _SLACK_S:
        missing = say_readable(held_s, promised_s)
    if missing:
        raise IncompleteAudioError(missing, path=source, remedy=_REMEDY)


def _describe(track: dict[str, Any]) -> list[str]:
    notes = []
    if track["undecoded"]:
        notes.append(f"{track['undecoded']:.2f} s of it could not be decoded and became silence")
    if track["gaps"]:
        n = track["gaps"]
        notes.append(
            f"has {'a gap' if n == 1 else f'{n} gaps'} of {track['silent']:.1f} s without sound,"
            " which became silence"
        )
    return notes
