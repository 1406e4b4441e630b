"""Attacks of random strength for the training of the score.

They hear only what training may hear: backgrounds are permissively licensed clips of the tune half
and synthetic music.  None moves a sample by more than about 8 ms, so that the sign of a cell is
still known afterwards.  Vocoders with learned weights are left out on purpose: the score must meet
them for the first time in the figures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.attacks import codecs, filters, noise, resynthesis, rooms, timing
from benchmarks.attacks._types import Audio, Effect

__all__ = ["TRAINING_ATTACKS"]

_BACKGROUND = noise.Background("tune", permissive=True)

# Draws the strength, then gives the effect of that strength.
_Draw = Callable[[np.random.Generator], Effect]


def _drawn(draw: _Draw) -> Effect:
    """Return the effect that draws its strength afresh for each call."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return draw(rng)(y, sr, rng)

    return effect


def _none(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Leave the audio alone: the most important case."""
    return y, sr


def _kbps(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a bit rate in kilobits per second, evenly in octaves."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _mp3(rng: np.random.Generator) -> Effect:
    # The rates of MPEG-1 and MPEG-2 layer III have no steps between.
    return codecs.through("mp3", float(rng.choice((24, 32, 40, 48, 64))))


def _band(rng: np.random.Generator) -> Effect:
    kind = rng.integers(3)
    low = float(rng.uniform(100, 500)) if kind != 1 else None
    high = float(rng.uniform(3_000, 7_000)) if kind != 0 else None
    return filters.pass_band(low, high)


def _rates(rng: np.random.Generator) -> Effect:
    there = int(rng.choice((8_000, 11_025, 22_050, 24_000, 44_100)))

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return timing.resample(timing.resample(y, sr, there), there, sr), sr

    return effect if rng.random() < 0.5 else timing.to_rate(there)


def _tempo_and_back(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Change the tempo and undo it: what stretching does to sound, without moving it in time."""
    factor = float(rng.uniform(0.9, 1.12))
    there, _ = timing.tempo(factor)(y, sr, rng)
    return timing.tempo(1.0 / factor)(there, sr, rng)


def _call(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Do what a call does: a room or noise, noise suppression, level control, Opus with losses."""
    before = ("room", "noise_real", "babble", "none")
    y, sr = _SINGLE[str(rng.choice(before))](y, sr, rng)
    y, sr = filters.wiener(rng.uniform(-20, -8))(y, sr, rng)
    y, sr = filters.compressor(rng.uniform(2, 5), threshold_db=rng.uniform(-30, -12))(y, sr, rng)
    return codecs.opus(_kbps(rng, 12, 32), loss=rng.uniform(0, 0.08))(y, sr, rng)


def _telephone(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Apply a band of 300 to 3400 Hz and one of the codecs of telephony."""
    y, sr = filters.pass_band(300, 3_400)(y, sr, rng)
    choices = (codecs.gsm, codecs.through("mulaw"), codecs.through("amr", 12.2))
    return choices[int(rng.integers(len(choices)))](y, sr, rng)


_SINGLE: dict[str, Effect] = {
    "none": _none,
    "noise_white": _drawn(lambda rng: noise.coloured(rng.uniform(-2, 25))),
    "noise_coloured": _drawn(
        lambda rng: noise.coloured(rng.uniform(-2, 20), tilt=rng.uniform(0.5, 2))
    ),
    "noise_real": _drawn(lambda rng: noise.recorded_noise(rng.uniform(0, 20), _BACKGROUND)),
    "babble": _drawn(
        lambda rng: noise.babble(rng.uniform(0, 20), _BACKGROUND, n_talkers=int(rng.integers(1, 7)))
    ),
    "talkers": _drawn(
        lambda rng: noise.babble(rng.uniform(-4, 4), _BACKGROUND, n_talkers=int(rng.integers(1, 3)))
    ),
    "music": _drawn(
        lambda rng: (
            noise.synthetic_music(rng.uniform(0, 20))
            if rng.random() < 0.7
            else noise.music(rng.uniform(0, 20), _BACKGROUND)
        )
    ),
    "room": _drawn(lambda rng: rooms.reverberation(rng.uniform(0.2, 0.9), rng.uniform(-2, 8))),
    "opus": _drawn(lambda rng: codecs.opus(_kbps(rng, 6, 32))),
    "opus_loss": _drawn(lambda rng: codecs.opus(_kbps(rng, 12, 32), loss=rng.uniform(0.01, 0.1))),
    "mp3": _drawn(_mp3),
    "aac": _drawn(lambda rng: codecs.through("aac", _kbps(rng, 20, 64))),
    "mulaw": codecs.through("mulaw"),
    "gsm": codecs.gsm,
    "telephone": _telephone,
    "griffin_lim_mel": _drawn(
        lambda rng: (
            lambda y, sr, rng: resynthesis.griffin_lim_mel(
                y, sr, rng, n_mels=int(rng.choice((64, 80, 100))), n_iter=int(rng.integers(16, 33))
            )
        )
    ),
    "denoise_gate": _drawn(
        lambda rng: filters.spectral_gate(rng.uniform(0.3, 0.9), threshold_db=rng.uniform(3, 10))
    ),
    "denoise_wiener": _drawn(lambda rng: filters.wiener(rng.uniform(-20, -8))),
    "equaliser": _drawn(lambda rng: filters.equaliser(rng.uniform(2, 10))),
    "pass_band": _drawn(_band),
    "compressor": _drawn(
        lambda rng: filters.compressor(rng.uniform(2, 8), threshold_db=rng.uniform(-24, -6))
    ),
    "resample": _drawn(_rates),
    "requantise": _drawn(lambda rng: filters.requantise(int(rng.integers(8, 13)))),
    "overdrive": _drawn(lambda rng: filters.gain(rng.uniform(6, 15))),
    "wow": timing.wow,
    "world": resynthesis.world,
    "tempo_and_back": _tempo_and_back,
}

# What a chain begins with (the room and the people in it) and what it ends with (the channel).
_FIRST = ("noise_white", "noise_coloured", "noise_real", "babble", "music", "room", "equaliser")
_SECOND = (
    "opus",
    "mp3",
    "aac",
    "gsm",
    "mulaw",
    "denoise_gate",
    "denoise_wiener",
    "compressor",
    "resample",
    "noise_white",
)


def _chain(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Apply one of the first kind, then one of the second, as in a real recording."""
    for names in (_FIRST, _SECOND):
        y, sr = _SINGLE[str(rng.choice(names))](y, sr, rng)
    return y, sr


TRAINING_ATTACKS: dict[str, Effect] = {**_SINGLE, "chain": _chain, "call": _call}
