"""`Listener`: a detector, and a measure of how much sound went into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.detector import Detector

if TYPE_CHECKING:
    from sottovoce.core.results import Detection

__all__ = ["Listener", "Loudness"]

_STEP_S = 0.1
_SOUNDING = 1e-4
"""Amplitude, -80 dBFS, from which a stretch of 0.1 s counts as sound."""
_LOUD = 3e-3
"""-50 dBFS: softer speech may lie below the noise of a codec."""
_EDGES = _SOUNDING * 10.0 ** (np.arange(81) / 20.0)
"""Amplitudes between the levels that are stored: 1 dB apart, from -80 dBFS on."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The loudness of audio over time, in 36 kB per hour.

    Attributes
    ----------
    levels : bytes
        One for each step: 0 for silence, else dB above -81 dBFS, rounded down.
    step_s : float
        About 0.1 s.
    """

    levels: bytes
    step_s: float

    def sounding_s(self, begin_s: float, end_s: float, *, floor_dbfs: float) -> float:
        """Return for how many seconds of a stretch the peaks are above a level.

        Parameters
        ----------
        begin_s, end_s : float
            The stretch.
        floor_dbfs : float
            The level, in dBFS (20*log10 of amplitude), at least -80.
        """
        first, last = round(begin_s / self.step_s), round(end_s / self.step_s)
        steps = np.frombuffer(self.levels, np.uint8)[max(first, 0) : last]
        return self.step_s * int(np.count_nonzero(steps >= floor_dbfs + 81.0))

    def loudest_dbfs(self, share: float) -> float:
        """Return the level below which a share of the steps with sound lies, in dBFS."""
        steps = np.frombuffer(self.levels, np.uint8)
        sounding = steps[steps > 0]
        return float(np.quantile(sounding, share)) - 81.0 if len(sounding) else -81.0


class Listener:
    """Detect marks in a stream of audio, and measure how much of it is sound.

    Parameters
    ----------
    sr : int
        Sampling rate, in Hz.
    max_fpr : float
        As in `sottovoce.detect`.
    thorough : bool
        As in `sottovoce.detect`.
    seal_key : bytes, mapping of int to bytes, or None
        As in `sottovoce.detect`.
    known : sequence of Notice
        As in `sottovoce.detect`.
    keep_cells : bool
        As in `sottovoce.detect`.

    Attributes
    ----------
    n_samples : int
        Samples of each channel so far.
    """

    def __init__(self, *, sr: int, **options: Any) -> None:  # noqa: ANN401 - passed to `Detector`
        self._sr = sr
        self._detector = Detector(sr=sr, **options)
        self._step = max(1, round(_STEP_S * sr))
        self._rest: npt.NDArray[np.floating[Any]] = np.empty(0, dtype=np.float32)
        self._levels = bytearray()
        self._n_sounding = 0
        self._n_loud = 0
        self._n_channels = 1
        self.n_samples = 0

    def listen(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Process a block of shape (channels, n)."""
        self._detector.process(block)
        self._n_channels = len(block)
        self.n_samples += block.shape[1]
        peak = np.concatenate([self._rest, np.abs(block).max(axis=0)])
        n_whole = len(peak) // self._step
        self._rest = peak[n_whole * self._step :]
        self._take(peak[: n_whole * self._step].reshape(n_whole, self._step).max(axis=1))

    def _take(self, peaks: npt.NDArray[np.floating[Any]]) -> None:
        self._levels += np.searchsorted(_EDGES, peaks, side="right").astype(np.uint8).tobytes()
        self._n_sounding += int(np.count_nonzero(peaks >= _SOUNDING))
        self._n_loud += int(np.count_nonzero(peaks >= _LOUD))

    def finish(self) -> Detection:
        """Return the result; no block can be added after that."""
        if len(self._rest):
            self._take(self._rest.max(keepdims=True))
            self._rest = self._rest[:0]
        self._detector.process(np.empty((self._n_channels, 0), dtype=np.float32), last=True)
        return self._detector.detection()

    @property
    def detection(self) -> Detection:
        """The result so far."""
        return self._detector.detection()

    @property
    def duration_s(self) -> float:
        """Length so far, in seconds."""
        return self.n_samples / self._sr

    @property
    def sounding_s(self) -> float:
        """Seconds that are not silent; complete when finished."""
        return min(self._n_sounding * self._step, self.n_samples) / self._sr

    @property
    def loud_s(self) -> float:
        """Seconds in which a mark must be found if it is present; complete when finished."""
        return min(self._n_loud * self._step, self.n_samples) / self._sr

    @property
    def loudness(self) -> Loudness:
        """Its loudness over time; complete when finished."""
        return Loudness(bytes(self._levels), self._step / self._sr)
