"""`SpeechOnset`: how long somebody has been speaking, and how long finding the mark took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SILENCE_DBFS", "SpeechOnset"]

SILENCE_DBFS = -60.0
"""Level below which sound does not count as speech, in dB relative to full scale."""

_PAUSE_S = 2.0
"""Longer than the pauses between the sentences of one talk."""


class SpeechOnset:
    """Count the sound since somebody began to speak.

    A talk begins with the first block over -60 dBFS, at the start or after 2 s below it, and lasts
    until the next one begins.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.

    Attributes
    ----------
    n_samples : int
        Samples since it began, including pauses; 0 before the first.
    latency_s : float or None
        `n_samples` in seconds when its mark was first found, None before that.
    """

    def __init__(self, *, sr: float) -> None:
        self._sr = sr
        self.reset()

    def reset(self) -> None:
        """Start over, in silence."""
        self._n_quiet = round(_PAUSE_S * self._sr)
        self.n_samples = 0
        self.latency_s: float | None = None

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Advance by a block; its length limits the precision of the latency.

        Parameters
        ----------
        block : np.ndarray, shape=(n,), dtype=float32
            Audio.
        """
        power = float(np.mean(block**2, dtype=np.float64))
        if 10.0 * np.log10(power + 1e-12) > SILENCE_DBFS:
            if self._n_quiet >= _PAUSE_S * self._sr:
                self.n_samples, self.latency_s = 0, None
            self._n_quiet = 0
        else:
            self._n_quiet += len(block)
        if self.n_samples or not self._n_quiet:
            self.n_samples += len(block)

    def mark_found(self) -> None:
        """Record that its mark has been found; only the first call counts."""
        if self.latency_s is None and self.n_samples:
            self.latency_s = self.n_samples / self._sr
