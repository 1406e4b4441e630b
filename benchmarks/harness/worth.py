"""Is attacked speech still worth having?  Otherwise the attack counts for nothing.

What keeps the waveform is judged by PESQ against what went in; what makes a new one by the speaker
that a voice encoder hears in it and by DNSMOS, which needs no reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import librosa
import numpy as np
from scipy import signal

from benchmarks.attacks.timing import resample
from benchmarks.harness.judges import dnsmos_ovrl, pesq_wb, speaker_likeness

if TYPE_CHECKING:
    from benchmarks.attacks import Audio

__all__ = ["LIMITS", "dnsmos_drop", "in_budget", "likeness", "pesq_after_alignment"]

LIMITS = {"pesq": 2.5, "likeness": 0.80, "dnsmos_drop": 0.5}
_SR = 16_000
_MOST_LAG_S = 0.5


def _mono(y: Audio, sr: int) -> Audio:
    mono = resample(librosa.to_mono(y), sr, _SR)
    return mono / np.float32(max(1.0, float(np.abs(mono).max())))


def pesq_after_alignment(reference: Audio, sr: int, processed: Audio, new_sr: int) -> float:
    """Return wide-band PESQ of attacked speech whose delay is found by cross-correlation."""
    a, b = _mono(reference, sr), _mono(processed, new_sr)
    n = min(len(a), len(b))
    likeness = signal.correlate(b[:n], a[:n], method="fft")
    reach = min(round(_MOST_LAG_S * _SR), n - 1)
    lag = int(np.abs(likeness[n - 1 - reach : n + reach]).argmax()) - reach
    a, b = a[max(-lag, 0) :], b[max(lag, 0) :]
    n = min(len(a), len(b))
    return pesq_wb(a[:n], b[:n], _SR)


def likeness(reference: Audio, sr: int, processed: Audio, new_sr: int) -> float:
    """Return how alike the speakers sound: 0 to 1; the two need not be equally long."""
    return speaker_likeness(_mono(reference, sr), _mono(processed, new_sr), _SR)


def dnsmos_drop(reference: Audio, sr: int, processed: Audio, new_sr: int) -> float:
    """Return by how much the overall DNSMOS falls."""
    return dnsmos_ovrl(_mono(reference, sr), _SR) - dnsmos_ovrl(_mono(processed, new_sr), _SR)


def in_budget(worth: dict[str, float]) -> bool:
    """Say whether medians of the judges' verdicts leave the speech worth having."""
    if "pesq" in worth:
        return worth["pesq"] >= LIMITS["pesq"]
    return worth["likeness"] >= LIMITS["likeness"] and worth["dnsmos_drop"] <= LIMITS["dnsmos_drop"]
