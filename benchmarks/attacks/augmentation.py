"""What the library audiomentations does to a training set before a model hears it."""

from __future__ import annotations

import importlib
import random
from typing import TYPE_CHECKING

import librosa
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks._types import Audio, Effect

__all__ = ["CHAIN", "README_CHAIN", "augment"]

_PIECE_S = 10.0

CHAIN = (
    "Gain",
    "AddGaussianSNR",
    "SevenBandParametricEQ",
    "BandPassFilter",
    "ClippingDistortion",
    "TimeMask",
)
README_CHAIN = ("AddGaussianNoise", "TimeStretch", "PitchShift", "Shift")
"""The example with which its README begins."""


def augment(names: Sequence[str]) -> Effect:
    """Return a chain of its transforms at their own settings, each taken half of the time.

    Every ten seconds are drawn again, as the clips of a training set are.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        module = importlib.import_module("audiomentations")
        chain = module.Compose([getattr(module, name)() for name in names])
        # The library draws from the generators of the process and takes no other.
        seed = int(rng.integers(2**32))
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        mono = librosa.to_mono(y)
        n = round(_PIECE_S * sr)
        # Some transforms write into what they are given.
        pieces = [mono[start : start + n].copy() for start in range(0, len(mono), n)]
        return np.concatenate([chain(piece, sample_rate=sr) for piece in pieces]), sr

    return effect
