"""`Listener`: a detector, and how much sound went into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.listening import Detector

if TYPE_CHECKING:
    from sottovoce.core.detection import Detection

__all__ = ["Listener"]

_STEP_S = 0.1
_SOUNDING = 1e-4
"""Amplitude, 80 dB under full scale, from which a stretch of 0.1 s counts as sound."""
_LOUD = 3e-3
"""50 dB under full scale: softer speech may lie under the noise of a codec."""


class Listener:
    """Look for marks in audio as it comes, and measure how much of it sounds.

    Parameters
    ----------
    sr : int
        Sampling rate, in Hz.
    max_fpr : float
        As in `sottovoce.detect`.
    thorough : bool
        As in `sottovoce.detect`.
    seal_key : bytes or None
        As in `sottovoce.detect`.

    Attributes
    ----------
    n_samples : int
        Samples of each channel so far.
    """

    def __init__(self, *, sr: int, **options: Any) -> None:  # noqa: ANN401 - handed on to `Detector`
        self._sr = sr
        self._detector = Detector(sr=sr, **options)
        self._n_sounding = 0
        self._n_loud = 0
        self._n_channels = 1
        self.n_samples = 0

    def listen(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Take a block of shape (channels, n)."""
        self._detector.process(block)
        self._n_channels = len(block)
        self.n_samples += block.shape[1]
        step = max(1, round(_STEP_S * self._sr))
        peak = np.abs(block).max(axis=0)
        peaks = np.maximum.reduceat(peak, np.arange(0, len(peak), step))
        n_most = len(peak)
        self._n_sounding += min(step * int(np.count_nonzero(peaks >= _SOUNDING)), n_most)
        self._n_loud += min(step * int(np.count_nonzero(peaks >= _LOUD)), n_most)

    def finish(self) -> Detection:
        """Return what was found; nothing can be taken in after that."""
        self._detector.process(np.empty((self._n_channels, 0), dtype=np.float32), last=True)
        return self._detector.detection()

    @property
    def detection(self) -> Detection:
        """What was found so far."""
        return self._detector.detection()

    @property
    def duration_s(self) -> float:
        """Length so far, in seconds."""
        return self.n_samples / self._sr

    @property
    def sounding_s(self) -> float:
        """Seconds that are not silent."""
        return self._n_sounding / self._sr

    @property
    def loud_s(self) -> float:
        """Seconds in which a mark must be found if it is there."""
        return self._n_loud / self._sr
