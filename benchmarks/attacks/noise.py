"""Sounds that are added: white and coloured noise, other people, music.

Levels are relative to the level of *active* speech, so that pauses in a clip do not make its noise
quieter.  Noise covers the whole band of the clip: at 48 kHz a third as much of it lies where the
mark is as at 16 kHz.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import librosa
import numpy as np

from benchmarks.attacks.timing import resample
from benchmarks.data.speech import Clip, Half, load_clips

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.attacks._types import Audio, Effect

__all__ = [
    "Background",
    "active_rms",
    "add_at_snr",
    "babble",
    "coloured",
    "music",
    "recorded_noise",
    "synthetic_music",
]


def active_rms(y: Audio, sr: int) -> float:
    """Return the root mean square over the 20 ms frames within 25 dB of the loud ones."""
    mono = librosa.to_mono(y)
    length = max(1, round(0.02 * sr))
    n = mono.size // length
    if n == 0:
        return float(np.sqrt(np.mean(np.square(mono)) + 1e-20))
    power = np.mean(np.square(mono[: n * length].reshape(n, length)), axis=1)
    loud = float(np.percentile(power, 95))
    return float(np.sqrt(np.mean(power[power >= loud * 10**-2.5]) + 1e-20))


def add_at_snr(y: Audio, noise: Audio, sr: int, snr_db: float) -> Audio:
    """Add `noise` so that active speech lies `snr_db` (10*log10 of power) above its mean."""
    level = float(np.sqrt(np.mean(np.square(noise)) + 1e-20))
    gain = active_rms(y, sr) / level * 10 ** (-snr_db / 20)
    return (y + np.float32(gain) * noise).astype(np.float32, copy=False)


def _coloured_noise(shape: tuple[int, ...], tilt: float, rng: np.random.Generator) -> Audio:
    """Draw noise whose power falls as frequency to the power `tilt`: 0 white, 1 pink, 2 brown."""
    white = rng.standard_normal(shape, dtype=np.float32)
    if tilt == 0:
        return white
    spectrum = np.fft.rfft(white)
    spectrum *= np.maximum(np.arange(spectrum.shape[-1]), 1.0) ** (-tilt / 2)
    return np.fft.irfft(spectrum, shape[-1]).astype(np.float32)


def coloured(snr_db: float, *, tilt: float = 0.0) -> Effect:
    """Return noise at a level in dB under active speech; `tilt` 0 is white, 1 pink, 2 brown."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return add_at_snr(y, _coloured_noise(y.shape, tilt, rng), sr, snr_db), sr

    return effect


class Background:
    """Excerpts of other clips as a bed under speech.

    Parameters
    ----------
    half : {"tune", "report"}
        Whose backgrounds; training and figures never share them.
    permissive : bool or None
        As in `benchmarks.data.speech.load_clips`.
    """

    def __init__(self, half: Half, *, permissive: bool | None = None) -> None:
        self.half: Half = half
        self.permissive = permissive

    @functools.cached_property
    def talkers(self) -> list[Clip]:
        """Clips of speech of 3 s or more."""
        return load_clips(self.half, kind="speech", permissive=self.permissive, min_s=3.0)

    @functools.cached_property
    def music(self) -> list[Clip]:
        """Clips of music."""
        return load_clips(self.half, kind="music", permissive=self.permissive)

    @functools.cached_property
    def noises(self) -> list[Clip]:
        """Clips of noise."""
        return load_clips(self.half, kind="noise", permissive=self.permissive)

    def excerpt(self, clips: list[Clip], n: int, sr: int, rng: np.random.Generator) -> Audio:
        """Draw `n` samples at `sr` Hz of one clip, mono, from a random start, going round."""
        clip = clips[int(rng.integers(len(clips)))]
        y = _mono_at(str(clip.path), sr)
        start = int(rng.integers(y.size))
        return np.take(y, np.arange(start, start + n), mode="wrap")


@functools.lru_cache(maxsize=256)
def _mono_at(path: str, sr: int) -> Audio:
    """Load a clip as mono at a rate; kept, because beds are drawn again and again."""
    clip = next(clip for clip in load_clips(kind=None) if str(clip.path) == path)
    y, own_sr = clip.load()
    return resample(librosa.to_mono(y), own_sr, sr)


def _bed_effect(draw: Callable[[int, int, np.random.Generator], Audio], snr_db: float) -> Effect:
    """Return the effect of adding a drawn mono bed to every channel."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return add_at_snr(y, draw(y.shape[-1], sr, rng), sr, snr_db), sr

    return effect


def babble(snr_db: float, background: Background, *, n_talkers: int = 5) -> Effect:
    """Return several other people talking, each at the same active level."""

    def draw(n: int, sr: int, rng: np.random.Generator) -> Audio:
        bed = np.zeros(n, dtype=np.float32)
        for _ in range(n_talkers):
            voice = background.excerpt(background.talkers, n, sr, rng)
            bed += voice / np.float32(active_rms(voice, sr))
        return bed

    return _bed_effect(draw, snr_db)


def music(snr_db: float, background: Background) -> Effect:
    """Return recorded music under the voice."""

    def draw(n: int, sr: int, rng: np.random.Generator) -> Audio:
        return background.excerpt(background.music, n, sr, rng)

    return _bed_effect(draw, snr_db)


def recorded_noise(snr_db: float, background: Background) -> Effect:
    """Return recorded noise (street, rain, dishes) under the voice."""

    def draw(n: int, sr: int, rng: np.random.Generator) -> Audio:
        return background.excerpt(background.noises, n, sr, rng)

    return _bed_effect(draw, snr_db)


def synthetic_music(snr_db: float) -> Effect:
    """Return a bed of chords with decaying partials and a beat; nobody's recording."""

    def draw(n: int, sr: int, rng: np.random.Generator) -> Audio:
        beat = rng.uniform(0.25, 0.7)
        length = round(2 * beat * sr)
        t = np.arange(length, dtype=np.float32) / np.float32(sr)
        bed = np.zeros(n + length, dtype=np.float32)
        for start in range(0, n, round(beat * sr)):
            root = 55.0 * 2 ** (rng.integers(0, 30) / 12)
            for step in rng.choice((0, 3, 4, 7, 10, 12), size=3, replace=False):
                bed[start : start + length] += _note(root * 2 ** (step / 12), t, sr, rng)
            hit = rng.standard_normal(length, dtype=np.float32) * np.exp(-t * 60)
            bed[start : start + length] += np.float32(rng.uniform(0, 0.6)) * hit
        return bed[:n]

    return _bed_effect(draw, snr_db)


def _note(f0_hz: float, t: Audio, sr: int, rng: np.random.Generator) -> Audio:
    """Return a plucked note: partials under Nyquist, the high ones weaker and shorter."""
    out = np.zeros_like(t)
    for k in range(1, rng.integers(4, 14)):
        if k * f0_hz >= sr / 2:
            break
        decay = np.exp(-t * np.float32(1.5 + 0.7 * k))
        out += decay * np.sin(np.float32(2 * np.pi * k * f0_hz) * t + rng.uniform(0, 6.3)) / k
    return out.astype(np.float32)
