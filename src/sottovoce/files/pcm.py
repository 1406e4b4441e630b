"""Where the samples of an uncompressed file lie, so that they alone can be replaced.

A marked file has as many samples as its original, in the same format; so it *is* the original,
byte for byte, with other samples in the data chunk.  Every other chunk (bext, iXML, LIST, cue,
smpl, id3, whatever comes next year) stays where it was, unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError

if TYPE_CHECKING:
    from sottovoce.files.reading import AudioInfo

__all__ = ["BITS", "SampleFormat", "find_samples", "is_uncompressed"]

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": "f4", "DOUBLE": "f8"}
_CONTAINERS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF"}
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_UNKNOWN_SIZES = {0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How and where samples are stored.

    Attributes
    ----------
    offset : int
        First byte of the samples.
    n_bytes : int
        Bytes of a sample.
    big_endian : bool
        Byte order.
    is_float : bool
        IEEE numbers, or two's complement.
    is_unsigned : bool
        Offset binary, as 8-bit WAV has it.
    """

    offset: int
    n_bytes: int
    big_endian: bool
    is_float: bool
    is_unsigned: bool

    def pack(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.floating]) -> bytes:
        """Return the bytes of samples.

        Parameters
        ----------
        samples : np.ndarray, shape=(channels, n)
            Floats as they are, or integers of the format's own width.

        Returns
        -------
        data : bytes
            Interleaved.
        """
        order = ">" if self.big_endian else "<"
        interleaved = np.ascontiguousarray(samples.T)
        if self.is_float:
            return interleaved.astype(f"{order}f{self.n_bytes}").tobytes()
        if self.is_unsigned:
            return (interleaved + 128).astype(np.uint8).tobytes()
        if self.n_bytes != 3:
            return interleaved.astype(f"{order}i{self.n_bytes}").tobytes()
        four = interleaved.astype(f"{order}i4").view(np.uint8).reshape(-1, 4)
        return (four[:, 1:] if self.big_endian else four[:, :3]).tobytes()


def is_uncompressed(info: AudioInfo) -> bool:
    """Say whether a file's samples can be replaced in place."""
    return info.format in _CONTAINERS and (info.subtype in BITS or info.subtype in _FLOATS)


def find_samples(file: BinaryIO, info: AudioInfo) -> SampleFormat:
    """Find the samples of an uncompressed file.

    Parameters
    ----------
    file : binary file
        Open for reading.
    info : AudioInfo
        From `read_info`; uncompressed.

    Returns
    -------
    samples : SampleFormat
        Where they are.

    Raises
    ------
    UnreadableAudioError
        If the chunk of samples is missing or reaches beyond the end of the file.
    UnsupportedFormatError
        If the container is none of those known here.
    """
    file.seek(0)
    magic = file.read(4)
    finders = {
        b"RIFF": _find_riff,
        b"RF64": _find_riff,
        b"BW64": _find_riff,
        b"riff": _find_w64,
        b"FORM": _find_aiff,
        b"caff": _find_caf,
    }
    if magic not in finders:
        raise UnsupportedFormatError(
            "is of an uncompressed format that cannot be written",
            path=info.path,
            remedy="Convert it to WAV.",
        )
    offset, size, big_endian = finders[magic](file, info)
    n_bytes = (BITS.get(info.subtype) or 8 * int(_FLOATS[info.subtype][1])) // 8
    needed = info.n_frames * info.n_channels * n_bytes
    declared = needed if size in _UNKNOWN_SIZES else size
    if offset + max(needed, declared) > info.n_bytes:
        raise _cut_short(info)
    return SampleFormat(
        offset, n_bytes, big_endian, info.subtype in _FLOATS, info.subtype == "PCM_U8"
    )


def _cut_short(info: AudioInfo) -> UnreadableAudioError:
    return UnreadableAudioError(
        "is cut short: it holds less than its header says",
        path=info.path,
        remedy="Get a complete copy, or repair it with an audio editor.",
    )


def _find_riff(file: BinaryIO, info: AudioInfo) -> tuple[int, int, bool]:
    file.seek(12)
    long_size = None
    while len(head := file.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"ds64":
            body = file.read(size)
            long_size = int.from_bytes(body[8:16], "little")
            file.seek(size & 1, 1)
        elif name == b"data":
            if size == 0xFFFFFFFF and long_size is not None:
                size = long_size
            return file.tell(), size, False
        else:
            file.seek(size + (size & 1), 1)
    raise _cut_short(info)


def _find_w64(file: BinaryIO, info: AudioInfo) -> tuple[int, int, bool]:
    file.seek(40)
    while len(head := file.read(24)) == 24:
        size = int.from_bytes(head[16:], "little")  # the head of 24 bytes included
        if head[:16] == _W64_DATA:
            return file.tell(), size - 24, False
        if size < 24:
            break
        file.seek((size - 24 + 7) // 8 * 8, 1)
    raise _cut_short(info)


def _find_aiff(file: BinaryIO, info: AudioInfo) -> tuple[int, int, bool]:
    file.seek(8)
    form = file.read(4)
    big_endian = True
    found = None
    while len(head := file.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "big")
        start = file.tell()
        if name == b"COMM" and form == b"AIFC":
            big_endian = file.read(size)[18:22] != b"sowt"
        elif name == b"SSND":
            shift = int.from_bytes(file.read(8)[:4], "big")
            found = start + 8 + shift, size - 8 - shift
        file.seek(start + size + (size & 1))
    if found is None:
        raise _cut_short(info)
    return *found, big_endian


def _find_caf(file: BinaryIO, info: AudioInfo) -> tuple[int, int, bool]:
    file.seek(8)
    big_endian = True
    while len(head := file.read(12)) == 12:
        name, size = head[:4], int.from_bytes(head[4:], "big")
        start = file.tell()
        if name == b"desc":
            flags = int.from_bytes(file.read(16)[12:], "big")
            big_endian = not flags & 2
        elif name == b"data":
            size = size - 4 if size not in _UNKNOWN_SIZES else size
            return start + 4, size, big_endian
        file.seek(start + size)
    raise _cut_short(info)
