"""Find the voices that are pieces of one, before and after slips, and decode them together.

Each piece has its own offset, so the search finds each as a separate voice, if it is long enough.
In addition, the mark is followed from piece to piece; along such a path the data cells of all
pieces are summed, and the payload is read from the sum.  Two people whose offsets are close can be
mistaken for a slip, so nothing else is done along a path: voices are found, followed and read as if
there were none, and the payload of a path counts only for voices whose own data cells do not
contradict it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sottovoce.core.slips import HALF_FRAMES_PER_CELL, follow_slips
from sottovoce.core.tracking import HALF_FRAMES_PER_PERIOD, VoiceTrack, circular_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["Pool"]

_MOST_PATHS = 8
_NEAR = HALF_FRAMES_PER_CELL
"""Distance in half frames up to which a voice lies on a path."""
_LEAST_STAY = 16 * HALF_FRAMES_PER_CELL // 2
"""Minimum stay at an offset, in half frames (0.26 s), if only its path gives the owner."""


class Pool:
    """The paths of one search."""

    def __init__(self) -> None:
        self._paths: list[VoiceTrack] = []

    def fork(self, track: VoiceTrack, fine: npt.NDArray[np.float32], first: int) -> None:
        """Start a path where a voice slips in a chunk that has not been added to it yet."""
        if len(self._paths) >= _MOST_PATHS or self._pass(track.offset, first):
            return
        if follow_slips(fine, first, track.offset) is not None:
            self._paths.append(track.fork())

    def start(
        self, track: VoiceTrack, chunks: Sequence[tuple[npt.NDArray[np.float32], int]]
    ) -> None:
        """Start a path where a new voice slips in one of its first chunks."""
        if len(self._paths) >= _MOST_PATHS or self._pass(track.offset, chunks[0][1]):
            return
        if any(follow_slips(fine, first, track.offset) is not None for fine, first in chunks):
            path = VoiceTrack(track.offset, slips=True)
            for fine, first in chunks:
                path.add(fine, first)
            self._paths.append(path)

    def add(self, fine: npt.NDArray[np.float32], first: int) -> None:
        """Add a chunk to every path."""
        for path in self._paths:
            path.add(fine, first)
        # Two paths that have met are one from here on; the first is the older one.
        offsets = [path.offset % HALF_FRAMES_PER_PERIOD for path in self._paths]
        self._paths = [p for n, p in enumerate(self._paths) if offsets[n] not in offsets[:n]]

    def read(self) -> None:
        """Try to decode the payload along each path."""
        for path in self._paths:
            path.read()

    def join(self, tracks: Sequence[VoiceTrack]) -> dict[int, VoiceTrack]:
        """Return which voices are pieces of one.

        Parameters
        ----------
        tracks : sequence of VoiceTrack
            The voices, each with an offset.

        Returns
        -------
        paths : dict of int to VoiceTrack
            The path to which a voice belongs, by the voice's `id`; voices on none are left out.
            For voices at one offset with no conflicting payloads, the first of them is the path.
        """
        paths: dict[int, VoiceTrack] = {}
        for path in self._paths:
            near = [t for t in tracks if id(t) not in paths and _is_on(path, t)]
            for track in near:
                if track.reading is not None:
                    path.adopt(track.reading)
            if path.reading is not None:
                own = [t for t in near if _may_say(t, path)]
            else:
                own = [] if _returns(path) else [t for t in near if t.reading is None]
            paths |= {id(t): path for t in own}
        for number, track in enumerate(tracks):
            if track.reading is None and id(track) not in paths:
                for other in tracks[:number]:
                    if _is_at(other, track) and not _contradict(track, other):
                        paths[id(track)] = paths.setdefault(id(other), other)
                        break
        return paths

    def _pass(self, offset: int, since: int) -> bool:
        """Return whether a path has been at an offset since a half frame of the audio."""
        return any(
            abs(circular_distance(offset, at)) <= _NEAR // 2
            for path in self._paths
            for at in _visited(path, since)
        )


def _visited(path: VoiceTrack, since: int) -> list[int]:
    ends = [begin for begin, _ in path.runs[1:]]
    last = [offset for (_, offset), end in zip(path.runs, ends, strict=False) if end > since]
    return [*last, path.offset]


def _is_on(path: VoiceTrack, track: VoiceTrack) -> bool:
    places = {track.first_offset, track.offset}
    return any(abs(circular_distance(p, at)) <= _NEAR for _, at in path.runs for p in places)


def _is_at(one: VoiceTrack, other: VoiceTrack) -> bool:
    """Return whether two voices have the same offset, within a frame."""
    return abs(circular_distance(one.offset, other.offset)) <= 2


def _contradict(track: VoiceTrack, other: VoiceTrack) -> bool:
    return other.reading is not None and track.contradicts(other.reading)


def _may_say(track: VoiceTrack, path: VoiceTrack) -> bool:
    """Return whether a voice's data agree with its path, or are too few to tell."""
    if track.reading is not None and path.reading is not None:
        return track.reading.notice == path.reading.notice
    return path.reading is not None and not track.contradicts(path.reading)


def _returns(path: VoiceTrack) -> bool:
    """Return whether a path was at some offset twice or hardly at all: alternating voices."""
    runs = path.runs
    stays = [b - a for (a, _), (b, _) in itertools.pairwise(runs)]
    again = any(
        abs(circular_distance(one, other)) <= 1
        for number, (_, one) in enumerate(runs)
        for _, other in runs[number + 2 :]
    )
    return again or min(stays, default=_LEAST_STAY) < _LEAST_STAY
