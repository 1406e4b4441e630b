"""What happens to speech on its way to a data set, as functions that can be measured.

An attack is a function ``(y, sr, rng) -> (y, sr)``: `y` is float32 of shape (n,) or (channels, n),
`sr` its rate in Hz, `rng` the only source of chance.  It may change the rate, as a telephone does;
nothing is resampled back, because detection works at any rate.  `ATTACKS` holds them under fixed
names, with fixed strengths, for figures; `TRAINING_ATTACKS` with random strengths, for the weights
of the score.  Figures and training hear different backgrounds (`benchmarks.data.speech`).
"""

from benchmarks.attacks._types import Attack, Audio, Effect
from benchmarks.attacks.battery import ATTACKS, EVERYDAY, GROUPS
from benchmarks.attacks.timing import random_crop
from benchmarks.attacks.training import TRAINING_ATTACKS

__all__ = [
    "ATTACKS",
    "EVERYDAY",
    "GROUPS",
    "TRAINING_ATTACKS",
    "Attack",
    "Audio",
    "Effect",
    "random_crop",
]
