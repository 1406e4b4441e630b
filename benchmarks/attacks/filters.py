"""Level, resolution and spectrum: gain, rounding, equalisers, dynamics, denoisers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, cast

import librosa
import numpy as np
from scipy import ndimage, signal, special

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = [
    "compressor",
    "downmix",
    "equaliser",
    "gain",
    "loudness",
    "pass_band",
    "polarity",
    "requantise",
    "spectral_gate",
    "wiener",
]


def gain(db: float) -> Effect:
    """Return a gain of `db` (20*log10), hard clipped at full scale as a file would."""
    factor = np.float32(10 ** (db / 20))
    return lambda y, sr, rng: (np.clip(y * factor, -1.0, 1.0), sr)


def loudness(lufs: float) -> Effect:
    """Return normalisation to a loudness after ITU-R BS.1770, hard clipped (needs pyloudnorm)."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        meter = importlib.import_module("pyloudnorm").Meter(sr)
        measured = float(meter.integrated_loudness(y.T.astype(np.float64)))
        return gain(lufs - measured if np.isfinite(measured) else 0.0)(y, sr, rng)

    return effect


def requantise(bits: int) -> Effect:
    """Return rounding to a number of bits without dither, as the plainest converters do."""
    steps = np.float32(2 ** (bits - 1))
    return lambda y, sr, rng: (np.clip(np.rint(y * steps) / steps, -1.0, 1.0 - 1 / steps), sr)


def downmix(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Return the mean of the channels."""
    return librosa.to_mono(y), sr


def polarity(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Turn the waveform upside down."""
    return -y, sr


def pass_band(low_hz: float | None, high_hz: float | None, *, order: int = 4) -> Effect:
    """Return a Butterworth high-pass, low-pass or band-pass; edges over Nyquist are left out."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        high = high_hz if high_hz is not None and high_hz < 0.49 * sr else None
        if low_hz is None and high is None:
            return y, sr
        kind: Literal["bandpass", "highpass", "lowpass"]
        edges: float | list[float]
        if low_hz is not None and high is not None:
            kind, edges = "bandpass", [low_hz, high]
        elif low_hz is not None:
            kind, edges = "highpass", low_hz
        else:
            kind, edges = "lowpass", cast("float", high)
        sos = signal.butter(order, edges, kind, fs=sr, output="sos")
        return signal.sosfilt(sos.astype(np.float32), y).astype(np.float32, copy=False), sr

    return effect


def _peaking(sr: int, centre_hz: float, gain_db: float, q: float) -> tuple[Audio, Audio]:
    """Return the coefficients of a peaking filter of the Audio EQ Cookbook (Bristow-Johnson)."""
    amplitude = 10 ** (gain_db / 40)
    omega = 2 * np.pi * centre_hz / sr
    alpha = np.sin(omega) / (2 * q)
    b = np.array([1 + alpha * amplitude, -2 * np.cos(omega), 1 - alpha * amplitude])
    a = np.array([1 + alpha / amplitude, -2 * np.cos(omega), 1 - alpha / amplitude])
    return (b / a[0]).astype(np.float32), (a / a[0]).astype(np.float32)


def equaliser(gains_db: dict[float, float] | float, *, q: float = 1.0) -> Effect:
    """Return peaking filters at fixed centres (Hz: dB), or random ones up to a limit in dB.

    Random: five octave-wide filters at 250, 500, 1000, 2000 and 4000 Hz.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        if isinstance(gains_db, dict):
            table = gains_db
        else:
            centres = (250.0, 500.0, 1000.0, 2000.0, 4000.0)
            table = {hz: float(rng.uniform(-gains_db, gains_db)) for hz in centres}
        for centre_hz, db in table.items():
            if centre_hz < 0.45 * sr:
                b, a = _peaking(sr, centre_hz, db, q)
                y = signal.lfilter(b, a, y).astype(np.float32, copy=False)
        return y, sr

    return effect


def compressor(
    ratio: float = 3.0,
    *,
    threshold_db: float = -12.0,
    attack_s: float = 0.005,
    release_s: float = 0.1,
) -> Effect:
    """Return a feed-forward compressor; the threshold is in dB relative to the loud frames."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = y if y.ndim == 1 else np.abs(y).max(axis=0)
        hop = max(1, round(0.002 * sr))
        n = -(-mono.size // hop)
        power = np.mean(np.square(np.pad(mono, (0, n * hop - mono.size))).reshape(n, hop), axis=1)
        level_db = 10 * np.log10(power + 1e-10)
        over_db = np.maximum(level_db - np.percentile(level_db, 95) - threshold_db, 0.0)
        wanted = over_db * (1 / ratio - 1)
        rise, fall = np.exp(-0.002 / attack_s), np.exp(-0.002 / release_s)
        now, smooth = 0.0, np.empty(n)
        for i, target in enumerate(wanted.tolist()):
            keep = rise if target < now else fall
            now = keep * now + (1 - keep) * target
            smooth[i] = now
        at = np.arange(mono.size)
        gain_db = np.interp(at, (np.arange(n) + 0.5) * hop, smooth)
        return y * (10 ** (gain_db / 20)).astype(np.float32), sr

    return effect


def _window_samples(sr: int, seconds: float) -> int:
    """Return the power of two of samples nearest to a window's length."""
    return int(2 ** round(np.log2(seconds * sr)))


def spectral_gate(prop_decrease: float = 0.6, *, threshold_db: float = 6.0) -> Effect:
    """Return a spectral gate: bins near the noise floor of their own clip are turned down.

    The floor of a bin is the 15th percentile of its power over time; the mask is smoothed over
    three bins and five frames, and `prop_decrease` of what lies under it is removed, the recipe of
    common noise-reduction packages.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        n_fft = _window_samples(sr, 0.032)
        spectrum = librosa.stft(y, n_fft=n_fft, hop_length=n_fft // 4)
        power_db = 10 * np.log10(np.square(np.abs(spectrum)) + 1e-12)
        floor_db = np.percentile(power_db, 15, axis=-1, keepdims=True)
        mask = special.expit(power_db - floor_db - threshold_db)
        mask = ndimage.uniform_filter(mask, (1,) * (mask.ndim - 2) + (3, 5), mode="nearest")
        spectrum *= 1 - prop_decrease * (1 - mask)
        out = librosa.istft(spectrum, hop_length=n_fft // 4, length=y.shape[-1])
        return out.astype(np.float32, copy=False), sr

    return effect


def wiener(floor_db: float = -15.0, *, smoothing: float = 0.96) -> Effect:
    """Return a Wiener denoiser with decision-directed prior (Ephraim & Malah 1984).

    The noise of a bin is its 10th percentile over time, scaled to a mean for exponential power.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        n_fft = _window_samples(sr, 0.032)
        spectrum = librosa.stft(y, n_fft=n_fft, hop_length=n_fft // 4)
        power = np.square(np.abs(spectrum))
        # The 10th percentile of an exponential law is -ln(0.9) of its mean.
        noise = np.percentile(power, 10, axis=-1, keepdims=True) / -np.log(0.9) + 1e-12
        posterior = power / noise
        least = 10 ** (floor_db / 20)
        mask = np.empty_like(power)
        past = np.ones_like(posterior[..., 0])
        for k in range(power.shape[-1]):
            prior = smoothing * past + (1 - smoothing) * np.maximum(posterior[..., k] - 1, 0)
            mask[..., k] = np.maximum(prior / (1 + prior), least)
            past = np.square(mask[..., k]) * posterior[..., k]
        out = librosa.istft(spectrum * mask, hop_length=n_fft // 4, length=y.shape[-1])
        return out.astype(np.float32, copy=False), sr

    return effect
