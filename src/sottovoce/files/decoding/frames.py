"""Frames that FFmpeg decoded, as blocks of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.files.decoding.pyav import import_av

if TYPE_CHECKING:
    from sottovoce.files.decoding.decoder import Audio, Traits

__all__ = ["Frames", "KindChangedError", "say_damaged", "to_block"]

_SAFE_PLANES = 7
"""PyAV counts the planes of a planar frame up to a null pointer; with eight or more channels it
reads past them."""
_FULL_SCALES = {"u8": 128.0, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


def say_damaged(n: int) -> str:
    """Return the line for pieces of a stream that could not be decoded."""
    return f"{n} {'piece' if n == 1 else 'pieces'} of it could not be decoded and became silence"


class KindChangedError(ValueError):
    """The rate or the number of channels changes along a stream."""


class Frames:
    """Converts decoded frames to blocks; the rate and the channels must not change.

    Parameters
    ----------
    traits : Traits
        Traits of the stream.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._packers: dict[tuple[str, str], Any] = {}

    def block(self, frame: Any) -> Audio:  # noqa: ANN401 - PyAV is imported late
        """Return the samples of a frame, shape (channels, n).

        Raises
        ------
        KindChangedError
            If its rate or its number of channels is another than before.
        """
        n_channels = frame.layout.nb_channels
        if frame.sample_rate != self._traits.sr or n_channels != self._traits.n_channels:
            raise KindChangedError(f"changes to {frame.sample_rate:,} Hz and {n_channels} channels")
        return to_block(frame, self._packers)


def to_block(frame: Any, packers: dict[tuple[str, str], Any]) -> Audio:  # noqa: ANN401 - PyAV is imported late
    """Return the samples of one frame, full scale 1.0, shape (channels, n)."""
    n_channels = frame.layout.nb_channels
    if frame.format.is_planar and n_channels > _SAFE_PLANES:
        key = frame.format.name, frame.layout.name
        if key not in packers:
            packed = frame.format.packed.name
            packers[key] = import_av().AudioResampler(
                format=packed, layout=frame.layout, rate=frame.sample_rate
            )
        parts = packers[key].resample(frame)
        return np.concatenate([_scale(part, n_channels) for part in parts], axis=1)
    return _scale(frame, n_channels)


def _scale(frame: Any, n_channels: int) -> Audio:  # noqa: ANN401 - PyAV is imported late
    name = frame.format.name
    if name == "fltp":  # of nearly every lossy codec: a third of the time of `to_ndarray`
        samples = np.empty((n_channels, frame.samples), dtype=np.float32)
        for row, plane in zip(samples, frame.planes, strict=True):
            row[:] = np.frombuffer(plane, np.float32, frame.samples)
        return samples
    y = frame.to_ndarray()
    if not frame.format.is_planar:
        y = y.reshape(-1, n_channels).T
    kind = name.rstrip("p")
    if kind in ("flt", "dbl"):
        return np.ascontiguousarray(y)
    wide = np.float64 if kind in ("s32", "s64") else np.float32
    scaled = y.astype(wide)
    if kind == "u8":
        scaled -= 128.0
    scaled /= _FULL_SCALES[kind]
    return np.ascontiguousarray(scaled)
