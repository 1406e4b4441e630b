"""Search a recording for the seal of a key, with no help from the public mark.

Whoever removes the public mark leaves the seal: its signs are secret.  They are known to the owner,
who tries every number that the first superframe may have had, at every place where it may begin.
For each superframe of the recording that is one matrix product, of the scores of its seal cells at
every offset and the signs of every number; products of consecutive superframes, with consecutive
numbers, are added.  Every other offset of the fine grid comes first, and then its neighbours where
it is highest: its scores are smooth, and half of it loses a sixth at most.

The bound.  For audio that was made without the key, the sum of seal cells times signs over the root
of their energy is a weighted sum of independent fair signs, as in `core.evidence`; every number,
every offset of the fine grid, every window, every stretch and every key is paid for.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.evidence import log10_p_value
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.pattern import seal_cells
from sottovoce.core.seal import SealMatch
from sottovoce.core.seal_signs import N_STARTS, check_seal, list_signs
from sottovoce.core.stretch import Stretch
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sottovoce.core.seal_signs import ShownSeal

__all__ = ["USUAL_STRETCHES", "SealSearch", "find_first_number"]

_USUAL_SPEEDS = (0.9, 0.95, 24 / 25, 0.97, 0.98, 0.99, 1.01, 1.02, 1.03, 25 / 24, 1.05, 1.1)
USUAL_STRETCHES = (
    Stretch(),
    *(Stretch(speed, pitch) for speed in _USUAL_SPEEDS for pitch in (1.0, speed)),
)
"""The sound's own speed, and changes that editors offer and films undergo, with and without pitch.

The signs of two superframes bear an error of the speed of 0.02 %: to search at every speed takes a
thousand times as long as at one.
"""
_STEP = 2
"""Half frames between the offsets of the first search."""
_NEAR = 2
"""Half frames around an offset of the first search in which the best is sought."""
_LENGTH = 2 * FORMAT_1.n_superframe_frames
"""Half frames of a superframe."""
_LEAD = 2
"""Half frames: frame g sits on the cell that begins one frame earlier."""
_NUMBERS_AT_ONCE = 1 << 11
_WINDOWS = (2, 6)
"""Superframes whose evidence is added, besides that of a whole stretch: 20 s and a minute."""
_MOST_CHUNKS = 32
"""Superframes of a stretch, 5.5 min, in which memory is bounded."""
_OVERLAP = 1
_LEAST_ENERGY = 1e-3
"""Of cell scores whose unit is about 1: less is digital silence."""
_LOCAL_SCORE = 3.0
"""Score of two superframes from which the seal counts as present there, once it was found."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Peak:
    """The best of a window: its score, hypothesis, and the superframes that were added."""

    score: float
    number: int
    offset: int
    begin: int
    end: int


class _Cells:
    """Scores of the seal cells of a stretch, for every superframe at an offset."""

    def __init__(self, chunks: Sequence[Floats]) -> None:
        sound = np.concatenate(chunks)
        n_bands = sound.shape[1]
        n_cells = FORMAT_1.n_periods * FORMAT_1.n_cells
        cell, band = np.nonzero(seal_cells().reshape(n_cells, -1))
        # Bands above what the rate can carry have no scores; their signs are left out.
        self.kept = np.flatnonzero(band < n_bands)
        self._row = cell[self.kept] * FORMAT_1.n_cell_frames * 2
        self._band = band[self.kept]
        self.n_superframes = -(-len(sound) // _LENGTH) + 1
        padding = ((_LENGTH, (self.n_superframes + 1) * _LENGTH - len(sound)), (0, 0))
        self._padded = np.pad(sound, padding)

    def at(self, offsets: npt.NDArray[np.int64], superframe: int) -> Floats:
        """Return the scores of a superframe, shape (n_offsets, n_cells).

        An offset counts half frames from the beginning of the sound, and is not positive.
        """
        first = offsets + (superframe + 1) * _LENGTH
        values: Floats = self._padded[first[:, None] + self._row, self._band]
        return values


def find_first_number(match: SealMatch) -> int:
    """Return the number of the superframe in which the recording begins.

    Parameters
    ----------
    match : SealMatch
        As `SealSearch.matches` returns it.

    Returns
    -------
    number : int
        Negative if the first superframe that ever was begins later.
    """
    half_frames = round(match.offset_s * match.speed / (0.5 * FORMAT_1.frame_s)) + _LEAD
    return match.first_number - math.ceil(half_frames / _LENGTH)


class SealSearch:
    """Search a stream of audio for the seals of some keys.

    Parameters
    ----------
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    keys : sequence of bytes, each of length 32, or ShownSeal
        Seal keys of one owner or several, or what their owners show instead; each is paid for.
    stretch : Stretch
        Assumed speed and pitch of the recording.
    n_stretches : int
        How many stretches are tried in all.
    starts : range
        Numbers that the first superframe of the recording may have.
    n_starts : int or None
        How many of these are paid for; None is all of `starts`.  More, if somebody else chose
        `starts` among them.
    tell : callable or None
        Called with the seconds of sound that have been searched.

    Notes
    -----
    Takes a quarter to a third of the length of the sound for each key, and 400 MB.
    """

    def __init__(
        self,
        *,
        sr: float,
        keys: Sequence[bytes | ShownSeal],
        stretch: Stretch | None = None,
        n_stretches: int = 1,
        starts: range = range(N_STARTS),
        n_starts: int | None = None,
        tell: Callable[[float], None] | None = None,
    ) -> None:
        for key in keys:
            check_seal(key)
        self._stretch = stretch or Stretch()
        self._front_end = FrontEnd(sr=sr, speed=self._stretch.speed, pitch=self._stretch.pitch)
        self._keys = tuple(keys)
        self._n_stretches = n_stretches
        self._starts = starts
        self._n_starts = len(starts) if n_starts is None else n_starts
        self._tell = tell or (lambda _: None)
        self._chunks: list[Floats] = []
        self._n_channels = 1
        self._first_chunk = 0
        self._next = 0
        self._n_windows = 0
        self._peaks: list[tuple[int, int, _Peak, float, tuple[tuple[int, int], ...]]] = []

    def process(self, block: npt.NDArray[np.floating[Any]], last: bool = False) -> None:  # noqa: FBT001, FBT002 - a twin of every stream API
        """Search one block.

        Parameters
        ----------
        block : np.ndarray, shape=(n,) or (channels, n)
            Audio; n may be 0.
        last : bool
            Whether the audio ends with this block.
        """
        sound = np.atleast_2d(block)
        self._n_channels = len(sound)
        self._front_end.push(sound)
        if last:
            self._front_end.finish()
        while self._next < self._front_end.n_chunks(ended=last):
            plain = self._front_end.scores(self._next)
            self._chunks.append(self._front_end.fine_scores(self._next, plain))
            self._front_end.forget(self._next)
            self._next += 1
            if len(self._chunks) == _MOST_CHUNKS:
                self._search()
        if last and len(self._chunks) > (_OVERLAP if self._first_chunk else 0):
            self._search()

    def finish(self) -> None:
        """Search the rest: the audio has ended."""
        if self._front_end.n_samples:
            self.process(np.zeros((self._n_channels, 0), dtype=np.float32), last=True)

    def matches(self) -> list[SealMatch]:
        """Return the best hypothesis of each key and stretch of audio, likeliest first."""
        n_hypotheses = self._n_starts * _LENGTH * self._n_windows
        n_hypotheses *= len(self._keys) * self._n_stretches
        scale = 0.5 * FORMAT_1.frame_s / self._stretch.speed
        found = []
        for key_number, first_chunk, peak, share, segments in self._peaks:
            start = first_chunk * _LENGTH
            end_s = self._front_end.n_samples / self._front_end.sr
            found.append(
                SealMatch(
                    key_number=key_number,
                    log10_p=float(log10_p_value(peak.score, n_hypotheses=n_hypotheses)),
                    score=peak.score,
                    first_number=peak.number,
                    n_superframes=peak.end - peak.begin,
                    offset_s=(start + peak.offset - _LEAD) * scale,
                    segments_s=tuple(
                        (max(0.0, (start + a) * scale), min((start + b) * scale, end_s))
                        for a, b in segments
                    ),
                    agreement=share,
                    speed=self._stretch.speed,
                    pitch=self._stretch.pitch,
                )
            )
        return sorted(found, key=lambda one: one.log10_p)

    def _search(self) -> None:
        cells = _Cells(self._chunks)
        n_kinds = sum(1 for n in _WINDOWS if n < cells.n_superframes)
        self._n_windows += 1 + n_kinds * (cells.n_superframes - 1)
        for number, key in enumerate(self._keys):
            tell = functools.partial(self._tell_share, number)
            # A later stretch has the numbers that follow.
            first = self._starts.start + self._first_chunk
            best = _find_best(cells, key, range(first, first + len(self._starts)), tell)
            peak, agreement, segments = _refine(best, cells, key)
            self._peaks.append((number, self._first_chunk, peak, agreement, segments))
        self._first_chunk += len(self._chunks) - _OVERLAP
        del self._chunks[:-_OVERLAP]

    def _tell_share(self, key_number: int, share: float) -> None:
        """Report what is done with a stretch of audio, given the share for one of the keys."""
        done = (key_number + share) / len(self._keys)
        scale = FORMAT_1.superframe_s / self._stretch.speed
        self._tell((self._first_chunk + done * len(self._chunks)) * scale)


def _find_best(
    cells: _Cells, key: bytes | ShownSeal, starts: range, tell: Callable[[float], None]
) -> _Peak:
    """Return the best window of a stretch, over all numbers and a coarse grid of offsets."""
    n = cells.n_superframes
    offsets = np.arange(1 - _LENGTH, 1, _STEP)
    values = [cells.at(offsets, i) for i in range(n)]
    energies = np.array([np.einsum("oc,oc->o", one, one) for one in values])
    bits = list_signs(key, range(starts.start, starts.stop + n))[:, cells.kept]
    best = _Peak(0.0, starts.start, 0, 0, n)
    for first in range(0, len(starts), _NUMBERS_AT_ONCE):
        n_numbers = min(_NUMBERS_AT_ONCE, len(starts) - first)
        signs = bits[first : first + n_numbers + n].astype(np.float32)
        for begin, end, sums in _add_windows(values, signs, n_numbers):
            energy = energies[begin:end].sum(axis=0)
            tops = sums.max(axis=1) / np.sqrt(np.maximum(energy, 1e-30))
            row = int(tops.argmax())
            if tops[row] > best.score:
                number = starts.start + first + int(sums[row].argmax()) + begin
                best = _Peak(float(tops[row]), number, int(offsets[row]), begin, end)
        tell((first + n_numbers) / len(starts))
    return best


def _add_windows(
    values: Sequence[Floats], signs: Floats, n_numbers: int
) -> Iterator[tuple[int, int, Floats]]:
    """Yield windows of superframes, and their sums for each offset and first number."""
    n = len(values)
    whole = np.zeros((len(values[0]), n_numbers), dtype=np.float32)
    kinds = [length for length in _WINDOWS if length < n]
    recent: deque[Floats] = deque(maxlen=max(kinds, default=0) + 1)
    totals = {length: np.zeros_like(whole) for length in kinds}
    for i, part in enumerate(values):
        product = part @ signs[i : i + n_numbers].T
        whole += product
        recent.append(product)
        for length, total in totals.items():
            total += product
            if i >= length:
                total -= recent[-1 - length]
            if i >= length - 1:
                yield i + 1 - length, i + 1, total
    yield 0, n, whole


def _refine(
    best: _Peak, cells: _Cells, key: bytes | ShownSeal
) -> tuple[_Peak, float, tuple[tuple[int, int], ...]]:
    """Return the best place nearby, its agreement, and where the seal is present.

    The offset is then that of the first superframe of the window.
    """
    start = best.number - best.begin
    bits = list_signs(key, range(start, start + cells.n_superframes))
    signs = bits[:, cells.kept].astype(np.float32)
    offsets = np.clip(best.offset + np.arange(-_NEAR, _NEAR + 1), 1 - _LENGTH, 0)
    parts = [cells.at(offsets, i) for i in range(cells.n_superframes)]
    sums = np.array([part @ sign for part, sign in zip(parts, signs, strict=True)])
    energies = np.array([np.einsum("oc,oc->o", part, part) for part in parts])
    window = slice(best.begin, best.end)
    total, energy = sums[window].sum(axis=0), energies[window].sum(axis=0) + 1e-30
    row = int((total / np.sqrt(energy)).argmax())
    offset, score = int(offsets[row]), float(total[row] / np.sqrt(energy[row]))
    segments = _find_segments(sums[:, row], energies[:, row], offset, best)
    place = offset + best.begin * _LENGTH
    peak = _Peak(score, best.number, place, best.begin, best.end)
    agreement = float(total[row] / energy[row]) if energy[row] > _LEAST_ENERGY else 0.0
    return peak, agreement, segments


def _find_segments(
    sums: Floats, energies: Floats, offset: int, window: _Peak
) -> tuple[tuple[int, int], ...]:
    """Return where two superframes together agree, in half frames; at least the window itself."""
    pairs = (sums[1:] + sums[:-1]) / np.sqrt(np.maximum(energies[1:] + energies[:-1], 1e-30))
    present = np.zeros(len(sums), dtype=bool)
    for i in np.flatnonzero(pairs >= _LOCAL_SCORE):
        present[i : i + 2] = True
    if not present.any():
        present[window.begin : window.end] = True
    edges = np.flatnonzero(np.diff(present, prepend=False, append=False))
    return tuple(
        (offset + int(a) * _LENGTH, offset + int(b) * _LENGTH) for a, b in edges.reshape(-1, 2)
    )
