"""What the far end heard of a clip, and whether the machine let it be heard whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
from scipy import signal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SR", "TAKES", "Take", "compare", "is_whole", "load_resampled"]

SR = 48_000
TAKES = 3
_SLACK_S = 1.0
_N_FFT = 1024


@dataclass(frozen=True, kw_only=True)
class Take:
    """What the far end heard of a clip.

    Attributes
    ----------
    y : np.ndarray, shape=(n,)
        Its samples at 48 kHz.
    likeness : float
        Correlation of its log-spectrogram with the clip's.
    n_damaged : int
        Takes before it that were damaged.
    stats : dict
        What the far end said of the call: the codec, and where it counts them, packets lost and
        received and samples concealed.
    """

    y: npt.NDArray[np.float32]
    likeness: float
    n_damaged: int
    stats: dict[str, Any]


def load_resampled(path: Path) -> npt.NDArray[np.float32]:
    """Return a file as one channel at 48 kHz."""
    y, sr = sf.read(path, dtype="float32", always_2d=True)
    common = gcd(sr, SR)
    resampled: npt.NDArray[np.float32]
    resampled = signal.resample_poly(y.mean(axis=1), SR // common, sr // common)
    return resampled


def compare(
    played: npt.NDArray[np.float32], heard: npt.NDArray[np.float32], *, up_to_hz: float = 12_000.0
) -> float:
    """Return the correlation of the two log-spectrograms, once aligned."""
    lags = signal.correlate(heard, played, method="fft")
    shift = int(np.argmax(np.abs(lags))) - (len(played) - 1)
    heard = heard[max(shift, 0) :]
    played = played[max(-shift, 0) :][: len(heard)]
    n_bins = round(up_to_hz * _N_FFT / SR)
    pictures = [
        np.log10(np.abs(signal.stft(y, SR, nperseg=_N_FFT)[2][:n_bins]) + 1e-4)
        for y in (played, heard[: len(played)])
    ]
    return float(np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1])


def is_whole(played: npt.NDArray[np.float32], heard: npt.NDArray[np.float32]) -> bool:
    """Whether a take is about as long as the clip, or longer."""
    return len(heard) > len(played) - _SLACK_S * SR
