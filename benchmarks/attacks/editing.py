"""What editors and data-set pipelines cut out of speech, and put together again."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import librosa
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.attacks._types import Audio, Effect

__all__ = ["cut_middle", "remove_silence", "shuffle_cuts", "spectrum_masks"]

_FRAME_S = 0.02


def cut_middle(seconds: float) -> Effect:
    """Return the effect of cutting out `seconds` at a random place and joining the ends."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        n_cut = min(round(seconds * sr), y.shape[-1] // 2)
        start = int(rng.integers(0, y.shape[-1] - n_cut + 1))
        return np.concatenate([y[..., :start], y[..., start + n_cut :]], axis=-1), sr

    return effect


def _speech_frames(mono: Audio, sr: int, under_peak_db: float) -> npt.NDArray[np.bool_]:
    """Say which frames of 20 ms are louder than the 95th percentile less so many dB."""
    n_frame = round(_FRAME_S * sr)
    frames = mono[: len(mono) // n_frame * n_frame].reshape(-1, n_frame)
    level_db = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
    loud = level_db > np.percentile(level_db, 95) - under_peak_db
    # Keep 100 ms around speech, as voice activity detectors do.
    return np.convolve(loud, np.ones(11), "same") > 0


def remove_silence(under_peak_db: float = 35.0) -> Effect:
    """Return the effect of cutting out every frame that is so much under the loud ones."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = librosa.to_mono(y)
        kept = np.repeat(_speech_frames(mono, sr, under_peak_db), round(_FRAME_S * sr))
        return np.ascontiguousarray(mono[: len(kept)][kept]), sr

    return effect


def shuffle_cuts(low_s: float = 2.0, high_s: float = 10.0) -> Effect:
    """Return what pipelines do: silence out, cut to pieces of 2 to 10 s, shuffle, join."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        speech, _ = remove_silence()(y, sr, rng)
        edges = [0]
        while edges[-1] < len(speech):
            edges.append(edges[-1] + round(rng.uniform(low_s, high_s) * sr))
        pieces = [speech[a:b] for a, b in itertools.pairwise(edges)]
        return np.concatenate([pieces[i] for i in rng.permutation(len(pieces))]), sr

    return effect


def spectrum_masks(share: float = 0.15) -> Effect:
    """Return masks in time and frequency after SpecAugment, over so large a share of each axis."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = librosa.to_mono(y)
        spectrum = librosa.stft(mono, n_fft=512, hop_length=128)
        for axis, n_masks in ((0, 2), (1, max(2, int(len(mono) / sr)))):
            n = spectrum.shape[axis]
            for _ in range(n_masks):
                width = int(rng.uniform(0.5, 1.5) * share * n / n_masks)
                start = int(rng.integers(0, max(n - width, 1)))
                span = slice(start, start + width)
                spectrum[(span, slice(None)) if axis == 0 else (slice(None), span)] = 0
        return librosa.istft(spectrum, hop_length=128, length=len(mono)), sr

    return effect
