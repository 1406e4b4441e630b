"""Find marks in audio whose speed, tempo or pitch was changed.

Two parameters: time scales the rhythm of the pattern, pitch the edges of its bands.  Along three
lines (speed: both together; tempo: time alone; pitch: pitch alone) scores are made for a few
pitches, each folded at many rates: folding at another rate costs next to nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.front_end import CHUNK_FRAMES, MIN_FRAMES, FrontEnd
from sottovoce.core.numerics import sparse_matrix
from sottovoce.core.search import offset_scores
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["MOST_STRETCH", "Stretch", "find_stretches", "n_stretches"]

MOST_STRETCH = 0.125
"""Two semitones."""
_SPEED_STEP = 0.001
"""Over 20 s this leaves at most 5 ms between the grid and the mark at the ends."""
_MOST_SPEED_STEP = 0.002
_NEAR = 0.008
_PITCH_STEP = 0.025
"""A quarter of the width of the narrowest band."""
_FULL_FRAMES = 2 * CHUNK_FRAMES

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A change of time and pitch.

    Attributes
    ----------
    speed : float
        Factor on the rate of time.
    pitch : float
        Factor on frequency.
    """

    speed: float = 1.0
    pitch: float = 1.0

    def is_near(self, other: Stretch) -> bool:
        """Return whether a mark at one of them also shows at the other.

        A wrong pitch costs score but does not hide a mark, so only time distinguishes them.
        """
        return abs(self.speed - other.speed) <= _NEAR


def _grid(step: float) -> list[float]:
    n = round(MOST_STRETCH / step)
    return [round(1.0 + i * step, 6) for i in range(-n, n + 1)]


@functools.cache
def _candidates(speed_step: float) -> dict[float, list[float]]:
    """Return the speeds to try at each pitch."""
    table: dict[float, set[float]] = {pitch: {1.0} for pitch in _grid(_PITCH_STEP)}
    pitches = np.array(list(table))
    for speed in _grid(speed_step):
        nearest = float(pitches[np.abs(pitches - speed).argmin()])
        table[nearest].add(speed)
        table[1.0].add(speed)
    return {pitch: sorted(speeds) for pitch, speeds in table.items()}


def n_stretches(n_frames: int) -> int:
    """Return the number of candidates for audio of `n_frames` frames."""
    return sum(map(len, _candidates(_speed_step(n_frames)).values()))


def find_stretches(audio: Floats, *, sr: float, least: float) -> list[Stretch]:
    """Search a window of audio along the lines of speed, tempo and pitch.

    Parameters
    ----------
    audio : np.ndarray, shape=(channels, n)
        About 20 s.
    sr : float
        Sampling rate, in Hz.
    least : float
        Score from which a candidate is returned.

    Returns
    -------
    stretches : list of Stretch
        Strongest first, without near neighbours and without the unstretched one.
    """
    found: list[tuple[float, Stretch]] = []
    for pitch in _grid(_PITCH_STEP):
        front_end = FrontEnd(sr=sr, pitch=pitch)
        front_end.push(audio)
        front_end.finish()
        n_frames = front_end.n_frames
        if n_frames < MIN_FRAMES:
            return []
        speeds = _candidates(_speed_step(n_frames))[pitch]
        chunks = range(front_end.n_chunks(ended=True))
        scores = np.concatenate([front_end.scores(chunk) for chunk in chunks])
        folded = np.stack([_fold_stretched(scores, speed) for speed in speeds])
        tops = offset_scores(folded).max(axis=1)
        found += [
            (float(top), Stretch(speed, pitch))
            for top, speed in zip(tops, speeds, strict=True)
            if top >= least
        ]
    found.sort(key=lambda pair: -pair[0])
    chosen: list[Stretch] = []
    for _, stretch in found:
        if stretch != Stretch() and not any(stretch.is_near(other) for other in chosen):
            chosen.append(stretch)
    return chosen


def _speed_step(n_frames: int) -> float:
    """Return the coarsest step that keeps the error at the ends no larger than in a full window."""
    return min(_SPEED_STEP * max(1, _FULL_FRAMES // n_frames), _MOST_SPEED_STEP)


def _fold_stretched(scores: Floats, speed: float) -> Floats:
    """Read scores every 1 / speed frames, interpolated linearly, and sum the periods."""
    matrix = _fold_matrix(len(scores), speed)
    folded: Floats
    if matrix is not None:
        folded = matrix @ scores
        return folded
    before, share = _places(len(scores), speed)
    n = FORMAT_1.n_period_frames
    read = np.zeros((-(-len(before) // n) * n, scores.shape[1]), dtype=np.float32)
    own = read[: len(before)]
    np.multiply(scores[before], (1 - share)[:, None], out=own)
    own += scores[before + 1] * share[:, None]
    folded = read.reshape(-1, n, scores.shape[1]).sum(axis=0)
    return folded


def _places(n_frames: int, speed: float) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the frame before each place that is read, and the share of the one after it."""
    at = np.arange(int((n_frames - 1) * speed)) / speed
    before = at.astype(np.int64)
    return before, (at - before).astype(np.float32)


@functools.lru_cache(maxsize=512)
def _fold_matrix(n_frames: int, speed: float) -> Any:  # noqa: ANN401 - SciPy's, or None
    """Return the matrix of `_fold_stretched`, several times as fast, where SciPy is installed."""
    before, share = _places(n_frames, speed)
    return sparse_matrix(
        np.concatenate([1 - share, share]),
        rows=np.tile(np.arange(len(before)) % FORMAT_1.n_period_frames, 2),
        columns=np.concatenate([before, before + 1]),
        shape=(FORMAT_1.n_period_frames, n_frames),
    )
