"""Perth by Resemble AI, implicit: the network and its weights in the wheel resemble-perth.

Its import wants torchaudio for three transforms; where that is missing, stand-ins with the same
parameters are put in its place, which is how its figures here were made.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import math
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from benchmarks.attacks import Audio

__all__ = ["Perth"]

Tensor: TypeAlias = Any  # of torch, an optional package


def _make_torchaudio(torch: Any) -> dict[str, types.ModuleType]:  # noqa: ANN401 - optional
    """Return modules with the three transforms of torchaudio that Perth uses."""

    class Spectrogram(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
        def __init__(
            self, *, n_fft: int, win_length: int, hop_length: int, window_fn: Tensor, **_: object
        ) -> None:
            super().__init__()
            self.sizes = {"n_fft": n_fft, "win_length": win_length, "hop_length": hop_length}
            self.register_buffer("window", window_fn(win_length))

        def forward(self, signal: Tensor) -> Tensor:
            return torch.stft(signal, **self.sizes, window=self.window, return_complex=True)

    class InverseSpectrogram(Spectrogram):
        def forward(self, spectrum: Tensor) -> Tensor:
            return torch.istft(spectrum, **self.sizes, window=self.window)

    class TimeStretch(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
        def __init__(self, *, n_freq: int, hop_length: int) -> None:
            super().__init__()
            advance = torch.linspace(0, math.pi * hop_length, n_freq)[..., None]
            self.register_buffer("phase_advance", advance)

    module = types.ModuleType("torchaudio.transforms")
    vars(module).update(
        Spectrogram=Spectrogram, InverseSpectrogram=InverseSpectrogram, TimeStretch=TimeStretch
    )
    return {"torchaudio": types.ModuleType("torchaudio"), "torchaudio.transforms": module}


@functools.cache
def _watermarker() -> Any:  # noqa: ANN401 - an optional package
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    has_torchaudio = importlib.util.find_spec("torchaudio") is not None
    stand_ins = {} if has_torchaudio else _make_torchaudio(torch)
    sys.modules.update(stand_ins)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            package = importlib.import_module(
                "perth.perth_net.perth_net_implicit.perth_watermarker"
            )
            return package.PerthImplicitWatermarker()
    finally:
        for name in stand_ins:
            del sys.modules[name]


class Perth:
    """Perth; the score is the mean of the unrounded bits, 0 to 1, and is not calibrated."""

    key: ClassVar[str] = "perth"
    name: ClassVar[str] = "Perth 1.0.1"
    needs: ClassVar[dict[str, str]] = {
        "perth": "resemble-perth",
        "torch": "torch",
        "librosa": "librosa",
        "yaml": "pyyaml",
    }
    rules: ClassVar[tuple[str, ...]] = ("one_percent",)
    searches: ClassVar[tuple[bool, ...]] = (False,)

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark."""
        marked = np.asarray(_watermarker().apply_watermark(y, sample_rate=sr), dtype=np.float32)
        return np.pad(marked, (0, max(len(y) - len(marked), 0)))[: len(y)]

    def score(self, y: Audio, sr: int, *, stretched: bool = False) -> float:
        """Return the mean of the bits before they are rounded."""
        return float(np.mean(_watermarker().get_watermark(y, sample_rate=sr, round=False)))
