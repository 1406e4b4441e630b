"""Changes of pitch and tempo by the methods that people use, and the clocks of calls."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import numpy as np
import soundfile as sf

from benchmarks.attacks._programs import run_program
from benchmarks.attacks.timing import speed, tempo

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = ["jitter_buffer", "phase_vocoder", "pitch", "rubberband"]

_PACKET_S = 0.02


def pitch(semitones: float) -> Effect:
    """Return a shift of pitch at the same tempo: WSOLA, then resampling."""
    factor = 2.0 ** (semitones / 12)

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        longer, _ = tempo(1 / factor)(y, sr, rng)
        return speed(factor)(longer, sr, rng)

    return effect


def phase_vocoder(factor: float) -> Effect:
    """Return another tempo by librosa's phase vocoder, whose windows are 2,048 samples long."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = librosa.to_mono(y)
        return librosa.effects.time_stretch(mono, rate=factor).astype(np.float32), sr

    return effect


def rubberband(*, factor: float = 1.0, semitones: float = 0.0) -> Effect:
    """Return Rubber Band's finer engine (the program `rubberband`): tempo, pitch or both."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
            sf.write(source, y.T, sr, subtype="FLOAT")
            options = ["-3", "-q", "--tempo", str(factor), "--pitch", str(semitones)]
            run_program("rubberband-cli", "rubberband", *options, source, target)
            out, _ = sf.read(target, dtype="float32")
        return np.ascontiguousarray(out.T), sr

    return effect


def jitter_buffer(every_s: float = 2.0) -> Effect:
    """Return what a call's buffer does: now and then 20 ms are dropped or said twice.

    Parameters
    ----------
    every_s : float
        Mean time between two such events, in seconds.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        n_packet, n_fade = round(_PACKET_S * sr), round(0.005 * sr)
        n_packets = y.shape[-1] // n_packet
        kinds = rng.choice(
            3, n_packets, p=[1 - _PACKET_S / every_s] + 2 * [_PACKET_S / every_s / 2]
        )
        order = np.repeat(np.arange(n_packets), np.array([1, 0, 2])[kinds])
        fade = np.linspace(0, 1, n_fade, dtype=np.float32)
        out = np.zeros((*y.shape[:-1], len(order) * n_packet + n_fade), dtype=np.float32)
        padded = np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, n_fade)])
        for k, packet in enumerate(order):
            piece = padded[..., packet * n_packet : (packet + 1) * n_packet + n_fade].copy()
            piece[..., -n_fade:] *= 1 - fade
            if k:
                piece[..., :n_fade] *= fade
            out[..., k * n_packet : (k + 1) * n_packet + n_fade] += piece
        return out, sr

    return effect
