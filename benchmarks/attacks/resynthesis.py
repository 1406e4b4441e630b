"""Effects that throw the waveform away and make a new one from a coarse description of it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

from benchmarks.attacks.timing import resample

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.attacks._types import Audio

__all__ = [
    "griffin_lim",
    "griffin_lim_mel",
    "griffin_lim_of_mel",
    "has_world",
    "mono_16k",
    "world",
    "world_analysis",
    "world_module",
]

_SR = 16_000
_N_FFT = 1024
_HOP_LENGTH = 256


@functools.cache
def _mel_matrices(n_mels: int) -> tuple[Audio, Audio]:
    """Return the mel filters (n_mels, bins) and their pseudo-inverse (bins, n_mels)."""
    filters = librosa.filters.mel(sr=_SR, n_fft=_N_FFT, n_mels=n_mels)
    return filters, np.linalg.pinv(filters).astype(np.float32)


def mono_16k(y: Audio, sr: int) -> Audio:
    """Return the downmix at 16 kHz."""
    return resample(librosa.to_mono(y), sr, _SR)


def _griffin_lim(
    magnitudes: Audio, n: int, rng: np.random.Generator, *, n_iter: int = 32, hop: int = _HOP_LENGTH
) -> Audio:
    """Find a waveform of `n` samples whose magnitudes come near those of shape (bins, frames)."""
    out = librosa.griffinlim(
        magnitudes,
        n_iter=n_iter,
        hop_length=hop,
        length=n,
        random_state=int(rng.integers(2**31)),
    )
    return out.astype(np.float32, copy=False)


def griffin_lim_mel(
    y: Audio, sr: int, rng: np.random.Generator, *, n_mels: int = 80, n_iter: int = 32
) -> tuple[Audio, int]:
    """Rebuild 16 kHz mono speech from `n_mels` mel magnitudes with random phase."""
    mono = mono_16k(y, sr)
    filters, _ = _mel_matrices(n_mels)
    mel = filters @ np.abs(librosa.stft(mono, n_fft=_N_FFT, hop_length=_HOP_LENGTH))
    return griffin_lim_of_mel(mel, mono.size, rng, n_iter=n_iter), _SR


def griffin_lim_of_mel(
    mel: Audio, n: int, rng: np.random.Generator, *, n_iter: int = 32, hop: int = _HOP_LENGTH
) -> Audio:
    """Find a waveform of `n` samples at 16 kHz for mel magnitudes of shape (n_mels, frames).

    They are those of an FFT of 1,024 samples every `hop` samples.
    """
    _, inverse = _mel_matrices(len(mel))
    return _griffin_lim(np.maximum(inverse @ mel, 0.0), n, rng, n_iter=n_iter, hop=hop)


def griffin_lim(
    y: Audio, sr: int, rng: np.random.Generator, *, n_iter: int = 32
) -> tuple[Audio, int]:
    """Rebuild 16 kHz mono speech from its linear magnitudes with random phase."""
    mono = mono_16k(y, sr)
    magnitudes = np.abs(librosa.stft(mono, n_fft=_N_FFT, hop_length=_HOP_LENGTH))
    return _griffin_lim(magnitudes, mono.size, rng, n_iter=n_iter), _SR


@functools.cache
def has_world() -> bool:
    """Whether pyworld is installed, with the old part of setuptools that it imports."""
    needed = ("pyworld", "pkg_resources")
    return all(importlib.util.find_spec(name) is not None for name in needed)


def world_module() -> Any:  # noqa: ANN401 - pyworld has no types
    """Return pyworld, whose import of an old part of setuptools is nobody's business here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("pyworld")


def world_analysis(mono: Audio) -> tuple[npt.NDArray[np.float64], ...]:
    """Return WORLD's pitch, spectral envelope and aperiodicity of speech at 16 kHz."""
    pyworld = world_module()
    x = mono.astype(np.float64)
    f0, times = pyworld.dio(x, _SR)
    f0 = pyworld.stonemask(x, f0, times, _SR)
    return f0, pyworld.cheaptrick(x, f0, times, _SR), pyworld.d4c(x, f0, times, _SR)


def world(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Analyse and synthesise with the WORLD vocoder at 16 kHz (needs pyworld)."""
    mono = mono_16k(y, sr)
    out = world_module().synthesize(*world_analysis(mono), _SR)[: mono.size]
    return out.astype(np.float32), _SR
