"""Samples as a WAV file in memory: NumPy arrays, lists in tables, raw samples.

Their type defines their scale, as in every audio library: floating-point numbers are the
amplitude itself, integers reach full scale at the end of their range.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RATE_NAMES", "as_rate", "rate_of", "wav_of_array", "wav_of_npy", "wav_of_raw"]

RATE_NAMES = (
    *("sampling_rate", "sample_rate", "samplerate", "sr", "fs", "sampling_frequency"),
    *("sample_rate_hz", "sampling_rate_hz", "framerate", "frame_rate", "rate", "freq"),
)
"""Names of fields with the sampling rate of samples."""
_MOST_CHANNELS = 64
_MOST_HEADER = 10_000
_LOUDEST = 16.0
"""Amplitude that no floating-point audio has; other bytes read as such have far more."""
_QUIETEST = 1e-7


def as_rate(value: object) -> int:
    """Return a sampling rate in Hz, or 0 if a value is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return 0
    return round(float(value)) if 1000 <= value <= 768_000 else 0


def rate_of(fields: Mapping[Any, Any]) -> int:
    """Return the sampling rate that a mapping states, in Hz; 0 if it states none."""
    lower = {str(name).lower(): value for name, value in fields.items()}
    return next((sr for name in RATE_NAMES if (sr := as_rate(lower.get(name)))), 0)


def wav_of_array(y: np.ndarray[Any, Any], sr: int, url: str) -> bytes:
    """Return samples as a WAV file.

    Parameters
    ----------
    y : np.ndarray, shape=(n,), (channels, n) or (n, channels)
        Floating point, or integers whose range is full scale.
    sr : int
        Sampling rate, in Hz.
    url : str
        For messages.

    Raises
    ------
    UnsupportedFormatError
        If it has another shape, as features do, or does not hold real numbers.
    """
    y = np.squeeze(y) if y.ndim != 1 else y
    if y.ndim == 2:
        y = y.T if y.shape[0] <= y.shape[1] else y  # (n, channels)
    if y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] > _MOST_CHANNELS):
        raise UnsupportedFormatError(
            f"holds an array of shape {y.shape}, which is not audio",
            path=url,
            remedy="Scan the recordings that it was made from.",
        )
    if y.dtype.kind == "i":
        kept = y.astype("<i2" if y.dtype.itemsize <= 2 else "<i4", copy=False)
        if y.dtype.itemsize == 1:
            kept = kept * np.int16(256)
        return _wav(kept if y.dtype.itemsize != 8 else _narrow(y), sr)
    if y.dtype.kind == "u" and y.dtype.itemsize == 1:
        return _wav((y.astype("<i2") - 128) * np.int16(256), sr)
    if y.dtype.kind == "f":
        return _wav(y.astype("<f4", copy=False), sr)
    raise UnsupportedFormatError(f"holds values of type {y.dtype}, which are not samples", path=url)


def _narrow(y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return 64-bit integers in their original width: libraries widen 16 bits silently."""
    most = int(np.abs(y).max(initial=0))
    return (
        y.astype("<i2") if most < 1 << 15 else np.clip(y, -(1 << 31), (1 << 31) - 1).astype("<i4")
    )


def wav_of_npy(data: bytes, sr: int, url: str) -> bytes:
    """Return an array that `np.save` wrote as a WAV file; see `wav_of_array`.

    Raises
    ------
    UnreadableAudioError
        If it is not an array, or holds Python objects, which are never unpickled.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read_header(file, max_header_size=_MOST_HEADER)
        # Fails for less data than declared, and for Python objects.
        n = int(np.prod(shape, dtype=object))
        y = np.frombuffer(data, dtype=dtype, count=n, offset=file.tell()) if n else np.empty(0)
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError) as err:
        message = f"is not a readable array: {err}"[:300]
        raise UnreadableAudioError(message, path=url) from err
    if not n:
        raise UnreadableAudioError("holds no samples", path=url)
    y = y.reshape(shape, order="F" if is_fortran else "C")
    return wav_of_array(y, sr, url)


def wav_of_raw(data: bytes, sr: int, url: str) -> bytes:
    """Return raw little-endian samples as a WAV file: 16-bit, or 32-bit floating point.

    Raises
    ------
    UnreadableAudioError
        If there are none.
    """
    if len(data) < 2:
        raise UnreadableAudioError("holds no samples", path=url)
    if len(data) % 4 == 0:
        y = np.frombuffer(data, "<f4")
        with np.errstate(all="ignore"):
            size = np.abs(y[np.flatnonzero(y)])
            # Pairs of 16-bit samples, read as floats, have exponents over the whole range.
            is_sane = size.size and np.isfinite(size).all() and size.max() <= _LOUDEST
            if is_sane and np.median(size) > _QUIETEST:
                return _wav(y, sr)
    return _wav(np.frombuffer(data[: len(data) // 2 * 2], "<i2"), sr)


def _wav(y: np.ndarray[Any, Any], sr: int) -> bytes:
    """Return frames of `<i2`, `<i4` or `<f4`, shape=(n,) or (n, channels), with a WAV header."""
    n_channels = 1 if y.ndim == 1 else y.shape[1]
    data = np.ascontiguousarray(y).tobytes()
    width = y.dtype.itemsize
    kind = 3 if y.dtype.kind == "f" else 1
    form = struct.pack(
        "<HHIIHH", kind, n_channels, sr, sr * width * n_channels, width * n_channels, 8 * width
    )
    if len(data) >= (1 << 32) - 64:
        raise UnsupportedFormatError("holds more than 4 GiB of samples")
    head = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(data)) + b"WAVE" + head + data
