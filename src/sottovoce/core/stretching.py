"""Find marks in audio whose speed, tempo or pitch was changed.

Two knobs: time scales the rhythm of the pattern, pitch the edges of its bands.  Along three
lines (speed: both together; tempo: time alone; pitch: pitch alone) scores are made for a few
pitches, each folded at many rates: folding at another rate costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sottovoce.core.front_end import MIN_FRAMES, FrontEnd
from sottovoce.core.search import fold, offset_scores
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["N_STRETCH_HYPOTHESES", "Stretch", "find_stretches"]

_MOST = 0.10
_SPEED_STEP = 0.002
"""Over 20 s this leaves at most 20 ms between the grid and the mark at the ends."""
_PITCH_STEP = 0.025
"""A quarter of the width of the narrowest band."""

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
        """Say whether a mark at one of them also shows at the other.

        A wrong pitch costs score but does not hide a mark, so only time tells them apart.
        """
        return abs(self.speed - other.speed) <= 2.5 * _SPEED_STEP


def _grid(step: float) -> list[float]:
    n = round(_MOST / step)
    return [1.0 + i * step for i in range(-n, n + 1)]


def _candidates() -> dict[float, list[float]]:
    """Return the speeds to try at each pitch."""
    table: dict[float, list[float]] = {round(p, 6): [1.0] for p in _grid(_PITCH_STEP)}
    pitches = np.array(list(table))
    for speed in _grid(_SPEED_STEP):
        nearest = float(pitches[np.abs(pitches - speed).argmin()])
        table[nearest].append(speed)
        table[1.0].append(speed)
    return {pitch: sorted(set(speeds)) for pitch, speeds in table.items()}


_CANDIDATES = _candidates()
N_STRETCH_HYPOTHESES = FORMAT_1.n_period_frames * sum(map(len, _CANDIDATES.values()))


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
    for pitch, speeds in _CANDIDATES.items():
        front_end = FrontEnd(sr=sr, pitch=pitch)
        front_end.push(audio)
        front_end.finish()
        if front_end.n_frames < MIN_FRAMES:
            return []
        chunks = range(front_end.n_chunks(ended=True))
        scores = np.concatenate([front_end.scores(chunk) for chunk in chunks])
        for speed in speeds:
            z = offset_scores(fold(_resample_frames(scores, 1.0 / speed))[None])[0]
            top = float(z.max())
            if top >= least:
                found.append((top, Stretch(speed, pitch)))
    found.sort(key=lambda pair: -pair[0])
    chosen: list[Stretch] = []
    for _, stretch in found:
        if stretch != Stretch() and not any(stretch.is_near(other) for other in chosen):
            chosen.append(stretch)
    return chosen


def _resample_frames(scores: Floats, step: float) -> Floats:
    """Read scores at multiples of `step` frames, between two frames by a straight line."""
    if step == 1.0:
        return scores
    at = np.arange(int((len(scores) - 1) / step)) * step
    before = at.astype(np.int64)
    share = (at - before).astype(np.float32)[:, None]
    return scores[before] * (1 - share) + scores[before + 1] * share
