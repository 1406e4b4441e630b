"""`Protected`: the result for one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.files.times import format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.audio_info import AudioInfo
    from sottovoce.files.marking import Status, Written, WrittenTrack

__all__ = ["Protected", "ProtectedTrack", "report", "report_soundless"]

_SHORT_S = 5.0
_TOLD = 0.8
"""Share of the sound below which the seconds that carry the mark are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedTrack:
    """Result for one audio track of a file.

    Attributes
    ----------
    number : int
        Among the audio tracks of the file, from 1.
    name : str
        Name for the user, with language and title; empty if there is only one.
    status : "marked", "already" or "silent"
        As for a file; a track that is not marked was copied unchanged.
    duration_s : float
        Length, in seconds.
    marked_s : float
        Seconds in which the mark was found: when it was read back, or in the original if it
        already carried the mark.  0 if it is too short or too quiet to tell.
    """

    number: int
    name: str
    status: Status
    duration_s: float
    marked_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Result for one file.

    Attributes
    ----------
    source, path : str
        Paths of the original and of the marked file.
    status : "marked", "already" or "silent"
        *already*: it carries this owner's mark throughout, and was copied unchanged; *silent*: it
        contains no sound to mark, and was copied unchanged.  A file with several tracks is
        *marked* if one of them is; `tracks` has the status of each.
    duration_s : float
        Length, in seconds.
    marked_s : float
        Seconds of the new file in which the mark was found when it was read back, for the track
        with the fewest; 0 if it is too short or too quiet to tell.
    sr, n_channels : int
        As in the original; 0 if it has no sound track.
    format, subtype : str
        As in `AudioInfo`; empty if it has no sound track.
    n_tracks : int
        Audio tracks that were examined; 0 for a film without one, whose length is not given.
    tracks : tuple of ProtectedTrack
        Result for each of them, in the order of the file.
    limited_s : float
        Seconds in which the mark was attenuated to keep peaks below full scale.
    warnings : tuple of str
        One line each, for the user.
    sealed : bool
        Whether the mark in it carries the owner's seal.
    """

    source: str
    path: str
    status: Status
    duration_s: float
    sr: int
    n_channels: int
    format: str
    subtype: str
    marked_s: float = 0.0
    n_tracks: int = 1
    tracks: tuple[ProtectedTrack, ...] = ()
    limited_s: float = 0.0
    warnings: tuple[str, ...] = ()
    sealed: bool = False

    @property
    def tracks_s(self) -> tuple[tuple[float, float], ...]:
        """Seconds that carry the mark, and length, of each track that was marked."""
        return tuple(
            (track.marked_s, round(track.duration_s, 2))
            for track in self.tracks
            if track.status == "marked"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "tracks": [track.to_dict() for track in self.tracks],
            "tracks_s": [list(pair) for pair in self.tracks_s],
            "warnings": list(self.warnings),
        }


def report(
    source: Path, target: Path, written: Written, info: AudioInfo, warnings: list[str]
) -> Protected:
    """Return the result for a file, with warnings for the user."""
    status = written.status
    tracks = tuple(_describe(track) for track in written.tracks)
    marked = [track for track in tracks if track.status == "marked"]
    limited_s = [one.encoded.limited_s for one in written.tracks if one.status == "marked"]
    lines = list(dict.fromkeys(note for one in written.tracks for note in one.encoded.notes))
    if status == "marked":
        lines += [*warnings, *written.warnings]
        for track in written.tracks:
            lines += _warn(track)
    return Protected(
        source=str(source),
        path=str(target),
        status=status,
        duration_s=max(track.duration_s for track in tracks),
        marked_s=min((track.marked_s for track in marked), default=0.0),
        tracks=tracks,
        sr=info.sr,
        n_channels=info.n_channels,
        format=info.format,
        subtype=info.subtype,
        n_tracks=len(tracks),
        limited_s=round(max(limited_s, default=0.0), 3),
        warnings=tuple(lines),
    )


def report_soundless(source: Path, path: Path) -> Protected:
    """Return the result for a film without a sound track."""
    return Protected(
        source=str(source),
        path=str(path),
        status="silent",
        duration_s=0.0,
        sr=0,
        n_channels=0,
        format="",
        subtype="",
        n_tracks=0,
    )


def _describe(track: WrittenTrack) -> ProtectedTrack:
    encoded = track.encoded
    return ProtectedTrack(
        number=encoded.part + 1,
        name=encoded.name,
        status=track.status,
        duration_s=round(encoded.duration_s, 3),
        # Never more than the whole, despite rounding.
        marked_s=min(round(track.marked_s, 2), round(encoded.duration_s, 3)),
    )


def _warn(track: WrittenTrack) -> list[str]:
    """Return the warnings for a track that was marked."""
    if track.status != "marked":
        return []
    encoded = track.encoded
    lines = [track.note] if track.note else []
    lines += _weigh(encoded.duration_s, track.marked_s, encoded.sounding_s)
    return [f"{encoded.name}: {line}" if encoded.name else line for line in lines]


def _weigh(duration_s: float, marked_s: float, sounding_s: float) -> list[str]:
    if duration_s < _SHORT_S and marked_s:
        return [
            f"only {format_seconds(duration_s)} s long: the mark is found now, but its owner may"
            " not be readable, and compression may remove it"
        ]
    if duration_s < _SHORT_S:
        return [
            f"only {format_seconds(duration_s)} s long: a check of this file alone may not find"
            f" the mark, which needs {_SHORT_S:.0f} s of speech"
        ]
    if marked_s < _TOLD * sounding_s:
        found, whole = format_seconds(marked_s), format_seconds(sounding_s)
        return [f"the mark can be found in {found} of {whole} s of sound"]
    return []
