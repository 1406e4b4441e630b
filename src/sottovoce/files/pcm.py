"""How the samples of an uncompressed file are stored, and where.

A marked file has as many samples as its original, in the same format; so it *is* the original,
byte for byte, with other samples in the data chunk.  Every other chunk (bext, iXML, LIST, cue,
smpl, id3, any future one) stays where it was, unread.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing import Literal

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["BITS", "PcmLayout", "SampleFormat", "Span", "format_of_subtype", "is_uncompressed"]

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": 4, "DOUBLE": 8}
_CONTAINERS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST"}
_LAWS: dict[str, Literal["ulaw", "alaw"]] = {"ULAW": "ulaw", "ALAW": "alaw"}


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How one sample is stored.

    Attributes
    ----------
    n_bytes : int
        Bytes of a sample.
    big_endian : bool
        Byte order.
    is_float : bool
        IEEE numbers, or two's complement.
    is_unsigned : bool
        Offset binary, as 8-bit WAV has it.
    law : "ulaw", "alaw" or ""
        Companding of ITU-T G.711, eight bits a sample.
    """

    n_bytes: int
    big_endian: bool = False
    is_float: bool = False
    is_unsigned: bool = False
    law: Literal["ulaw", "alaw", ""] = ""

    @property
    def n_bits(self) -> int | None:
        """Width of the integers; None where samples are floats or companded."""
        return None if self.is_float or self.law else 8 * self.n_bytes

    @property
    def dtype(self) -> Literal["float32", "float64"]:
        """The type that holds samples without loss."""
        wide = self.n_bytes == 8 or (self.n_bytes == 4 and not self.is_float)
        return "float64" if wide else "float32"

    def pack(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.floating]) -> bytes:
        """Return the bytes of samples.

        Parameters
        ----------
        samples : np.ndarray, shape=(channels, n)
            Floats (also for companded samples), or integers of the format's own width.

        Returns
        -------
        data : bytes
            Interleaved.
        """
        order = ">" if self.big_endian else "<"
        interleaved = np.ascontiguousarray(samples.T)
        if self.law:
            return _compress(interleaved, self.law)
        if self.is_float:
            return interleaved.astype(f"{order}f{self.n_bytes}").tobytes()
        if self.is_unsigned:
            return (interleaved + (1 << (8 * self.n_bytes - 1))).astype(np.uint8).tobytes()
        if self.n_bytes != 3:
            return interleaved.astype(f"{order}i{self.n_bytes}").tobytes()
        four = interleaved.astype(f"{order}i4").view(np.uint8).reshape(-1, 4)
        return (four[:, 1:] if self.big_endian else four[:, :3]).tobytes()

    def unpack(self, data: bytes, n_channels: int) -> npt.NDArray[np.floating[Any]]:
        """Return the samples stored in bytes, full scale 1.0.

        Parameters
        ----------
        data : bytes
            Interleaved, whole frames.
        n_channels : int
            Channels.

        Returns
        -------
        samples : np.ndarray, shape=(channels, n), dtype=float32 or float64
            As `dtype` says.
        """
        order = ">" if self.big_endian else "<"
        if self.law:
            flat = _expansion(self.law)[np.frombuffer(data, np.uint8)]
        elif self.is_float:
            flat = np.frombuffer(data, f"{order}f{self.n_bytes}").astype(self.dtype)
        elif self.is_unsigned:
            flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)
        else:
            integers = _widen(data, big_endian=self.big_endian) if self.n_bytes == 3 else None
            if integers is None:
                integers = np.frombuffer(data, f"{order}i{self.n_bytes}")
            flat = integers.astype(self.dtype)
            flat *= 2.0 ** (1 - 8 * self.n_bytes)
        return np.ascontiguousarray(flat.reshape(-1, n_channels).T)


def _widen(data: bytes, *, big_endian: bool) -> npt.NDArray[np.int32]:
    three = np.frombuffer(data, np.uint8).reshape(-1, 3)
    four = np.empty((len(three), 4), dtype=np.uint8)
    if big_endian:
        three = three[:, ::-1]
    four[:, 1:] = three
    four[:, 0] = 0
    return four.view("<i4")[:, 0] >> 8


@functools.cache
def _expansion(law: Literal["ulaw", "alaw"]) -> npt.NDArray[np.float32]:
    """Return the 256 values of ITU-T G.711, full scale 1.0, as G.191 has them in 16 bits."""
    codes = np.arange(256)
    if law == "ulaw":
        inverted = ~codes & 0xFF
        exponent, mantissa = (inverted >> 4) & 7, inverted & 15
        magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
        values = np.where(inverted & 0x80, -magnitude, magnitude)
    else:
        toggled = codes ^ 0x55
        exponent, mantissa = (toggled >> 4) & 7, toggled & 15
        magnitude = np.where(
            exponent == 0,
            (mantissa << 4) + 8,
            ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0),
        )
        values = np.where(toggled & 0x80, magnitude, -magnitude)
    return (values / 32_768.0).astype(np.float32)


def _compress(samples: npt.NDArray[np.floating[Any]], law: Literal["ulaw", "alaw"]) -> bytes:
    """Return the nearest code of each sample."""
    values = _expansion(law)
    order = np.argsort(values, kind="stable")
    edges = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(edges, samples.ravel())].astype(np.uint8).tobytes()


def format_of_subtype(subtype: str, *, big_endian: bool = False) -> SampleFormat | None:
    """Return how samples of a subtype, as soundfile names it, are stored; None for codecs."""
    if subtype in _LAWS:
        return SampleFormat(1, law=_LAWS[subtype])
    if subtype in _FLOATS:
        return SampleFormat(_FLOATS[subtype], big_endian, is_float=True)
    if subtype in BITS:
        return SampleFormat(BITS[subtype] // 8, big_endian, is_unsigned=subtype == "PCM_U8")
    return None


def is_uncompressed(info: AudioInfo) -> bool:
    """Return whether a file's samples can be replaced in place."""
    return info.format in _CONTAINERS and format_of_subtype(info.subtype) is not None


@dataclass(frozen=True, slots=True)
class Span:
    """A run of samples in a file.

    Attributes
    ----------
    offset : int
        First byte.
    n_samples : int
        Number of samples in each channel.
    samples : SampleFormat
        How they are stored.
    """

    offset: int
    n_samples: int
    samples: SampleFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmLayout:
    """Positions of the samples of an uncompressed file.

    Attributes
    ----------
    format, subtype : str
        As soundfile names them.
    sr, n_channels : int
        Rate in Hz, channels.
    spans : tuple of Span
        More than one if files were joined.
    notes : tuple of str
        Irregularities of the file, one per line.
    n_missing : int
        Samples that its header promises in addition to those present.
    """

    format: str
    subtype: str
    sr: int
    n_channels: int
    spans: tuple[Span, ...]
    notes: tuple[str, ...] = ()
    n_missing: int = 0

    @property
    def n_samples(self) -> int:
        """Samples of each channel."""
        return sum(span.n_samples for span in self.spans)
