"""The outcome of a protected file, in the same words on its line, the last line and the receipt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sottovoce.cli._words import format_path
from sottovoce.files.receipts.outcomes import is_left
from sottovoce.files.times import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.files import Protected
    from sottovoce.files.protected import ProtectedTrack

__all__ = ["list_tracks", "say_done", "say_tracks"]


def say_done(protected: Protected, *, in_place: bool) -> str:
    """Return the outcome of a file, for its line."""
    path = format_path(protected.path)
    if protected.status != "marked":
        left = is_left(protected.source, protected.path, in_place=in_place)
        bare = " without a mark" if protected.status == "silent" else ""
        place = "left as it is" if left else f"copied{bare} as {path}"
        if len(protected.tracks) > 1:
            said = say_tracks(protected.tracks)
        elif protected.status == "silent":
            return f"no sound to mark, {place}"
        else:
            said = "already carries your mark"
        hint = " (--remark marks it again)" if protected.status == "already" else ""
        return f"{said}, {place}{hint}"
    limited = ""
    if protected.limited_s > 0:
        limited = f"; mark attenuated for {protected.limited_s:.2f} s to avoid clipping"
    return f"{_say_marked(protected)}, as {path}{limited}"


def _say_marked(protected: Protected) -> str:
    if len(protected.tracks) == 1 and not protected.tracks[0].name:
        return _say_found(protected)
    if len(protected.tracks) == 1:
        (track,) = protected.tracks
        return f"{format_path(track.name)} {_say_found(track)}"
    return say_tracks(protected.tracks)


def _say_found(result: Protected | ProtectedTrack) -> str:
    length = format_seconds(result.duration_s)
    if result.marked_s == 0:
        return f"marked, {length} s"
    return f"marked, mark found in {format_seconds(result.marked_s)} of {length} s"


def list_tracks(tracks: Sequence[ProtectedTrack]) -> list[str]:
    """Return the outcome of each track with its name; nothing for a single one."""
    words = {"already": "carried your mark already", "silent": "silent"}
    if len(tracks) == 1:
        return []
    return [
        f"{format_path(track.name)}: {words.get(track.status) or _say_found(track)}"
        for track in tracks
    ]


def say_tracks(tracks: Sequence[ProtectedTrack]) -> str:
    """Return the outcomes of the tracks of a file, as numbers that add up to all of them.

    Examples
    --------
    >>> from sottovoce.files.protected import ProtectedTrack
    >>> statuses = ["marked", "already", "silent"]
    >>> say_tracks(
    ...     [
    ...         ProtectedTrack(number=n, name=f"track {n}", status=status, duration_s=9.0)
    ...         for n, status in enumerate(statuses, start=1)
    ...     ]
    ... )
    '1 of 3 tracks marked, 1 carried your mark already, 1 is silent'
    """
    counts = Counter(track.status for track in tracks)
    if len(tracks) == 1:
        words = {"marked": "marked", "already": "carried your mark already", "silent": "is silent"}
        return f"{format_path(tracks[0].name)} {words[tracks[0].status]}"
    parts = []
    if n := counts["marked"]:
        parts.append(f"{n} of {len(tracks)} tracks marked")
    if n := counts["already"]:
        parts.append(f"{n} carried your mark already")
    if n := counts["silent"]:
        parts.append(f"{n} {'is' if n == 1 else 'are'} silent")
    if not counts["marked"]:
        parts[0] = parts[0].replace(" ", f" of {len(tracks)} tracks ", 1)
    return ", ".join(parts)
