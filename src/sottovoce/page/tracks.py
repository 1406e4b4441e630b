"""Search the sound tracks that the browser decoded, and tell what the file proves to be missing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.errors import IncompleteAudioError, MissingExtraError
from sottovoce.files.checked import CheckedFile
from sottovoce.files.checking import combine, detect_nothing, detect_parts, pay_for_parts
from sottovoce.files.decoding import matroska, mpegts
from sottovoce.files.decoding.adts import adts_length, walk_adts
from sottovoce.files.decoding.boxes import walk_boxes
from sottovoce.files.decoding.dispatch import look_into
from sottovoce.files.decoding.layout import unreadable
from sottovoce.files.decoding.ogg import walk_ogg
from sottovoce.files.decoding.raw import Raw
from sottovoce.files.decoding.shortfall import say_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from sottovoce.core.payload import Notice
    from sottovoce.core.seal import SealKeys
    from sottovoce.errors import SottovoceError

__all__ = ["check_tracks"]

_REMEDY = "Get a complete copy."
_SLACK_S = 0.2
"""Codecs keep back or add a frame at both ends."""
_LOST_S = 0.02
"""What is whole is never shorter than its list, which may lack the last packet's length."""
_COUNTED = {"mp4"}
"""Containers that list every sample, so that a track shorter than its list is damaged."""
_JOINED = {"mp4", "matroska", "transport"}
_KNOWN = {"mp4", "matroska", "transport", "adts", "ogg"}
_UNLISTED = {"ogg", "transport"}
"""Containers of which the page lists only tracks of codecs that it knows: others may be there."""
_STREAMED = {"adts", "transport"}
"""Containers that say nothing of their length, so that an end at damage would not be seen."""
_MOST_ADTS_BYTES = 8191
_REST = "; the rest was read"
"""Of which the browser cannot be sure."""


@dataclass(frozen=True, slots=True)
class _Container:
    """What the structure of a container says: its kind, what is missing, and what is odd."""

    kind: str
    missing: str = ""
    notes: tuple[str, ...] = ()


def check_tracks(
    source: str,
    tracks: Sequence[dict[str, Any]] | None,
    *,
    thorough: bool,
    tell: Callable[[float], None],
    known: Sequence[Notice] = (),
    seal_keys: SealKeys = None,
) -> CheckedFile:
    """Search the decoded tracks of a file, like `sottovoce.files.checked.check_file`.

    Parameters
    ----------
    source : str
        The file.
    tracks : sequence of dict or None
        Of each decoded track: its ``number`` among all of the file; ``path`` of its samples;
        ``seconds`` of them; the seconds that its packets have as ``listed``, and that the container
        has ``promised``; seconds ``undecoded``; ``gaps`` and their ``silent`` seconds; and to what
        its kind ``changes``.  None if the container cannot be read.
    thorough : bool
        As in `detect_parts`.
    tell : callable
        Called with the completed share, 0 to 1.
    known : sequence of Notice
        As in `detect_parts`.
    seal_keys : bytes, mapping of int to bytes, or None
        As `seal_key` in `detect_parts`.

    Returns
    -------
    checked : CheckedFile
        The result.

    Raises
    ------
    IncompleteAudioError
        If the file proves that something of it is missing.
    UnreadableAudioError
        If it is too damaged to be read.
    MissingExtraError
        If the browser does not know its kind, or several files were joined into one.
    """
    structure = _read_structure(source)
    if not tracks:
        if tracks is not None and structure.kind in _UNLISTED:
            raise _not_here()
        if tracks is None or structure.missing:
            raise _explain_nothing(source, structure)
        return CheckedFile(parts=(), detection=detect_nothing())
    is_alone = [track["number"] for track in tracks] == [1]
    parts = []
    for n_done, track in enumerate(tracks):

        def tell_share(share: float, n_done: int = n_done) -> None:
            tell((n_done + share) / len(tracks))

        _check_whole(source, structure, track)
        checked = detect_parts(
            track["path"],
            max_fpr=FOUND_FPR / len(tracks),
            thorough=thorough,
            known=known,
            seal_key=seal_keys,
            progress=tell_share,
        )[0]
        detection = pay_for_parts(checked.detection, len(tracks))
        notes = (*structure.notes, *_describe(structure, track))
        name = "" if is_alone else f"track {track['number']}"
        parts.append(
            # Tracks sound at once, whereas what lies in a file of its own would follow another.
            dataclasses.replace(
                checked, name=name, detection=detection, notes=notes, is_joined=False
            )
        )
    return CheckedFile(parts=tuple(parts), detection=combine(parts))


def _explain_nothing(source: str, structure: _Container) -> SottovoceError:
    """Return why there is no track."""
    if structure.missing:
        return IncompleteAudioError(structure.missing, path=source, remedy=_REMEDY)
    return unreadable(source) if structure.kind in _KNOWN else _not_here()


def _not_here() -> MissingExtraError:
    return MissingExtraError("PyAV", extra="", purpose="read this kind of file")


def _read_structure(source: str) -> _Container:
    """Walk through a container, as the package does before it is decoded."""
    raw = Raw(source)
    kind, starts = look_into(raw)
    if kind in _JOINED and len(starts) > 1:
        raise _not_here()
    with raw.open() as file:
        if kind == "mp4":
            n_missing = walk_boxes(file, end=raw.n_bytes).n_missing
            cut = f"is cut short: {n_missing:,} bytes of its last box are missing"
            return _Container(kind, cut if n_missing else "")
        if kind == "matroska":
            missing, note = matroska.find_damage(file, end=raw.n_bytes)
            return _Container(kind, missing, (note,) if note else ())
        if kind == "transport":
            notes = mpegts.describe_damage(file, end=raw.n_bytes)
            return _Container(kind, "", tuple(note.removesuffix(_REST) for note in notes))
        if kind == "adts":
            return _read_adts(file, starts[0], raw.n_bytes)
        if kind == "ogg":
            links = walk_ogg(file, end=raw.n_bytes)
            if len(links) > 1:
                raise _not_here()
            return _Container(kind, links[0].missing, tuple(links[0].notes))
    return _Container(kind)


def _read_adts(file: BinaryIO, start: int, end: int) -> _Container:
    runs, n_unknown = walk_adts(file, start=start, end=end)
    if len(runs) > 1:
        raise _not_here()
    notes = [f"has {n_unknown:,} invalid bytes between its frames"] if n_unknown else []
    if _ends_within_frame(file, end):
        notes.append("ends within a frame, so the rest may be missing")
    return _Container("adts", "", tuple(notes))


def _ends_within_frame(file: BinaryIO, end: int) -> bool:
    """Return whether the last frame of AAC is longer than what is left of the file."""
    start = max(end - _MOST_ADTS_BYTES, 0)
    file.seek(start)
    data = file.read(end - start)
    at = 0
    while at < len(data):
        n_bytes = adts_length(data[at : at + 7])
        follows = at + n_bytes >= len(data) or adts_length(data[at + n_bytes :][:7])
        at += n_bytes if n_bytes and follows else 1
    return at > len(data)


def _check_whole(source: str, structure: _Container, track: dict[str, Any]) -> None:
    """Raise if the file proves that something of a track is missing."""
    held_s, listed_s = float(track["seconds"]), float(track["listed"])
    missing = structure.missing
    if missing:
        # Where it is damaged, the browser may give up earlier than the command.
        whole_s = float(track["promised"])
        if whole_s > held_s + _SLACK_S:
            missing = f"{missing}; {held_s:.1f} of {whole_s:.1f} s can be read here"
    elif track["changes"]:
        missing = f"changes to {track['changes']} after {held_s:.1f} s"
    elif structure.kind in _COUNTED and held_s < listed_s - _SLACK_S:
        missing = say_readable(held_s, listed_s)
    if missing:
        raise IncompleteAudioError(missing, path=source, remedy=_REMEDY)


def _describe(structure: _Container, track: dict[str, Any]) -> list[str]:
    """Return what is odd about a track, one per line."""
    notes = []
    if structure.kind in _STREAMED and structure.notes:
        notes.append(f"{track['seconds']:.1f} s of it can be read here; the command may read more")
    if track["undecoded"]:
        notes.append(f"{track['undecoded']:.2f} s of it could not be decoded and became silence")
    lost_s = float(track["listed"]) - float(track["seconds"])
    if lost_s > _LOST_S and structure.kind not in _STREAMED:
        # Some decoders drop what is damaged, and count on as if it had not been there.
        notes.append(f"at least {lost_s:.2f} s of it could not be decoded and are missing")
    if track["gaps"]:
        n = track["gaps"]
        notes.append(
            f"has {'a gap' if n == 1 else f'{n} gaps'} of {track['silent']:.2f} s without sound,"
            " which became silence"
        )
    return notes
