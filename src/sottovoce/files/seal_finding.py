"""Look for seals in a file, track by track, with no help from the public mark."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.core.results import unite_segments
from sottovoce.core.seal_search import USUAL_STRETCHES, SealSearch
from sottovoce.core.seal_signs import N_STARTS
from sottovoce.errors import ParameterError
from sottovoce.files.reading import open_parts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from sottovoce.core.seal import SealMatch
    from sottovoce.core.seal_signs import ShownSeal
    from sottovoce.core.stretch import Stretch
    from sottovoce.files.reading import OpenAudio

__all__ = ["FoundSeal", "find_seals", "find_shown_seal"]

_BLOCK_S = 10.0
_N_CHOICES = 8
"""What an owner may have chosen besides: other speeds, what to show, and where it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeal:
    """The best hypothesis of a key in a track.

    Attributes
    ----------
    owner_id : int
        Whose key it is.
    track : str
        As `CheckedPart.name`.
    match : SealMatch
        The best of the search.  Its p-value pays for all tracks of the file, for all keys, and for
        all speeds.
    """

    owner_id: int
    track: str
    match: SealMatch


def find_seals(
    path: str | os.PathLike[str],
    keys: Mapping[int, bytes],
    *,
    data: bytes | None = None,
    thorough: bool = False,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[FoundSeal, ...]:
    """Look for seals in each track of a file.

    Parameters
    ----------
    path : path-like
        Audio, or the recording of a call; only a name if `data` is given.
    keys : mapping of int to bytes
        Seal keys by owner ids.
    data : bytes or None
        Its content, if it is not on this computer's disk.
    thorough : bool
        Whether to search at the usual changes of speed too: 25 times as long.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.
    progress : callable or None
        Called with the completed share, 0 to 1, if the length is known.

    Returns
    -------
    found : tuple of FoundSeal
        The best of each owner and track, likeliest first, however unlikely: whether one is likely,
        and whether it holds, is for `SealMatch` to say.

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
    stretches = USUAL_STRETCHES if thorough else USUAL_STRETCHES[:1]
    for number, file in enumerate(open_parts(path, data=data, partial=partial)):
        file.check_whole()
        n_parts = len(file.parts)
        teller = _SearchProgress(progress, file, n_searches=len(stretches), number=number)
        searches = [
            SealSearch(
                sr=file.info.sr,
                keys=tuple(keys.values()),
                stretch=stretch,
                n_stretches=len(stretches) * n_parts,
                tell=teller.of(step),
            )
            for step, stretch in enumerate(stretches)
        ]
        matches = _run(file, searches)
        found += [
            FoundSeal(owner_id=owner_id, track=file.parts[number].name, match=match)
            for owner_id, match in zip(owners, _join(matches, len(owners)), strict=True)
            if match is not None
        ]
    return tuple(sorted(found, key=lambda one: one.match.log10_p))


def find_shown_seal(
    path: str | os.PathLike[str],
    seal: ShownSeal,
    *,
    track: str = "",
    stretch: Stretch = USUAL_STRETCHES[0],
    partial: bool = False,
) -> SealMatch | None:
    """Look for a seal whose owner shows its signs for one track of a file.

    Parameters
    ----------
    path : path-like
        Audio, or the recording of a call.
    seal : ShownSeal
        Its first superframe is the one in which the track begins.
    track : str
        Name of the track, as `FoundSeal.track`.
    stretch : Stretch
        Speed and pitch at which its owner found it, one of `USUAL_STRETCHES`.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.

    Returns
    -------
    match : SealMatch or None
        The best; it pays for all that its owner may have searched.  None if there is no sound in
        it.

    Raises
    ------
    ParameterError
        If nobody searches at that speed and pitch, or there is no such track.
    NoSoundError, AudioFileError, MissingExtraError
        As by `find_seals`.
    """
    if stretch not in USUAL_STRETCHES:
        raise ParameterError(f"no search is made at the speed {stretch.speed:g}")
    n_stretches = 1 if stretch == USUAL_STRETCHES[0] else len(USUAL_STRETCHES)
    for number, file in enumerate(open_parts(path, partial=partial)):
        if file.parts[number].name != track:
            continue
        file.check_whole()
        search = SealSearch(
            sr=file.info.sr,
            keys=(seal,),
            stretch=stretch,
            n_stretches=n_stretches * len(file.parts),
            starts=range(seal.first_number, seal.first_number + 1),
            n_starts=_N_CHOICES * N_STARTS,
        )
        return _join(_run(file, [search]), 1)[0]
    raise ParameterError(
        f"the recording has no track {track!r}", remedy="Name the file that the owner searched."
    )


def _run(file: OpenAudio, searches: Sequence[SealSearch]) -> list[SealMatch]:
    for block in file.blocks(_BLOCK_S):
        for search in searches:
            search.process(block)
    for search in searches:
        search.finish()
    return [match for search in searches for match in search.matches()]


def _join(matches: Sequence[SealMatch], n_keys: int) -> list[SealMatch | None]:
    """Return the best match of each key, with the segments of all that are like it."""
    joined: list[SealMatch | None] = []
    for number in range(n_keys):
        own = [one for one in matches if one.key_number == number]
        likely = [one for one in own if one.is_likely]
        own = [one for one in likely if one.holds] or likely or own
        best = min(own, key=lambda one: one.log10_p, default=None)
        if best is not None and best.is_likely:
            alike = [one for one in own if (one.speed, one.pitch) == (best.speed, best.pitch)]
            segments = unite_segments([each for one in alike for each in one.segments_s])
            best = dataclasses.replace(best, segments_s=tuple(segments))
        joined.append(best)
    return joined


class _SearchProgress:
    """Reports the completed share of a file from the seconds that several searches have done."""

    def __init__(
        self,
        progress: Callable[[float], None] | None,
        file: OpenAudio,
        *,
        n_searches: int,
        number: int,
    ) -> None:
        self._progress = progress
        self._total_s = file.info.n_frames / file.info.sr
        self._n_parts, self._number = len(file.parts), number
        self._done_s = [0.0] * n_searches

    def of(self, search: int) -> Callable[[float], None] | None:
        """Return what one of the searches calls."""
        if self._progress is None or not self._total_s:
            return None
        return functools.partial(self._tell, self._progress, search)

    def _tell(self, progress: Callable[[float], None], search: int, done_s: float) -> None:
        self._done_s[search] = done_s
        share = sum(self._done_s) / (len(self._done_s) * self._total_s)
        progress((self._number + min(share, 1.0)) / self._n_parts)
