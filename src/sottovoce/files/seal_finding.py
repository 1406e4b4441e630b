"""Look for the seals of keys in a file, track by track, with no help from the public mark."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.core.results import unite_segments
from sottovoce.core.seal_search import SealSearch
from sottovoce.files.reading import open_parts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from sottovoce.core.seal import SealMatch

__all__ = ["FoundSeal", "find_seals"]

_BLOCK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeal:
    """The best that a key has in a track.

    Attributes
    ----------
    owner_id : int
        Whose key it is.
    track : str
        As `CheckedPart.name`.
    match : SealMatch
        Its p-value pays for all tracks of the file, and for all keys.
    """

    owner_id: int
    track: str
    match: SealMatch


def find_seals(
    path: str | os.PathLike[str],
    keys: Mapping[int, bytes],
    *,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[FoundSeal, ...]:
    """Look for seals in each track of a file.

    Parameters
    ----------
    path : path-like
        Audio, or the recording of a call.
    keys : mapping of int to bytes
        Seal keys by owner ids.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.
    progress : callable or None
        Called with the completed share, 0 to 1, if the length is known.

    Returns
    -------
    found : tuple of FoundSeal
        Those with p at most 1e-6, likeliest first; whether they hold is for `SealMatch.holds`.

    Raises
    ------
    NoSoundError
        If it is a film without a sound track.
    AudioFileError
        If the file cannot be read to its end.
    MissingExtraError
        If the format needs PyAV, which is not installed.
    """
    found: list[FoundSeal] = []
    owners = list(keys)
    for number, file in enumerate(open_parts(path, partial=partial)):
        file.check_whole()
        n_parts = len(file.parts)
        total_s = file.info.n_frames / file.info.sr
        tell = None
        if progress and total_s:
            tell = functools.partial(_tell, progress, number, n_parts, total_s)
        search = SealSearch(sr=file.info.sr, keys=list(keys.values()), tell=tell)
        for block in file.blocks(_BLOCK_S):
            search.process(block)
        search.finish()
        paid = [
            dataclasses.replace(one, log10_p=min(one.log10_p + math.log10(n_parts), 0.0))
            for one in search.matches()
        ]
        found += [
            FoundSeal(owner_id=owners[one.key_number], track=file.parts[number].name, match=one)
            for one in _join(paid)
        ]
    return tuple(sorted(found, key=lambda one: one.match.log10_p))


def _join(matches: Sequence[SealMatch]) -> list[SealMatch]:
    """Return the best match of each key that chance does not explain, with all of its segments."""
    joined = []
    for number in dict.fromkeys(one.key_number for one in matches):
        likely = [one for one in matches if one.key_number == number and one.is_likely]
        own = [one for one in likely if one.holds] or likely
        if own:
            best = min(own, key=lambda one: one.log10_p)
            segments = unite_segments([each for one in own for each in one.segments_s])
            joined.append(dataclasses.replace(best, segments_s=tuple(segments)))
    return joined


def _tell(
    progress: Callable[[float], None], part: int, n_parts: int, total_s: float, done_s: float
) -> None:
    progress((part + min(done_s / total_s, 1.0)) / n_parts)
