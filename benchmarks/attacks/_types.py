"""The types that all attacks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Attack", "Audio", "Effect", "chain"]

Audio = npt.NDArray[np.float32]  # (n,) or (channels, n)
Effect = Callable[[Audio, int, np.random.Generator], tuple[Audio, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """An effect with a fixed name and strength.

    Attributes
    ----------
    name : str
        Key in tables and results, such as `opus_16`.
    group : str
        What it stands for: `everyday`, `pipeline`, `resynthesis`, `time_pitch` or `several`.
    strength : str
        Its setting in words with units.
    apply : callable
        ``(y, sr, rng) -> (y, sr)``.
    loses_s : float
        Seconds by which it may shorten the audio; benchmarks start with so much more.
    stereo : bool
        Whether it means something for two channels only; benchmarks then make two of one.
    stretches : bool
        Whether it changes speed or tempo so much that only a thorough search can find the mark.
    slow : bool
        Whether it takes so long that figures are made of fewer clips.
    """

    name: str
    group: str
    strength: str
    apply: Effect
    loses_s: float = 0.0
    stereo: bool = False
    stretches: bool = False
    slow: bool = False

    def __call__(self, y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        """Apply the attack: float32 in the shape (n,) or (channels, n), and its rate in Hz."""
        out, out_sr = self.apply(np.asarray(y, dtype=np.float32), sr, rng)
        return np.ascontiguousarray(out, dtype=np.float32), out_sr


def chain(*effects: Effect) -> Effect:
    """Return effects one after the other."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        for each in effects:
            y, sr = each(y, sr, rng)
        return y, sr

    return effect
