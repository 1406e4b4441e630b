"""Write MP3: LAME's frames (``web/lame.js``), and before them its header, which is missing here.

The header counts the frames, and says how many samples at both ends are not sound, so that the
new file has the length of the original.  After the description of Gabriel Bouvigne, "Mp3 Info Tag
rev 1", whose fields FFmpeg and LAME fill alike.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.files.decoding.mpeg import walk_mpeg
from sottovoce.files.decoding.mpeg_statistics import STATISTICS_PLACES
from sottovoce.files.encoding import LOW_KBPS, MP3_KBPS
from sottovoce.files.keeping.splicing import splice
from sottovoce.page.av.error import FFmpegError
from sottovoce.page.av.sound import AudioFormat, AudioLayout, Packet

if TYPE_CHECKING:
    from fractions import Fraction

    from sottovoce.files.decoding.mpeg import MpegRun
    from sottovoce.page.av.sound import AudioFrame

__all__ = ["Mp3File", "Mp3Stream"]

_DELAY = 576  # ENCDELAY of LAME's encoder.h
_HIGH_FROM_HZ = 32_000  # MPEG-1; below are MPEG-2 and 2.5
_N_TOC = 100
_TAG_BYTES = 8 + 8 + _N_TOC + 4 + 36
_MOST_PADDING = 0xFFF


class Mp3File:
    """A file being written, as PyAV's output container.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("w+b")  # noqa: SIM115 - closed by `close`
        self._stream: Mp3Stream | None = None

    def add_stream(self, encoder: str, *, rate: int, options: dict[str, str]) -> Mp3Stream:
        """Return the only stream."""
        self._stream = Mp3Stream(rate)
        return self._stream

    def start_encoding(self) -> None:
        """Do nothing: the header is written at the end."""

    def mux_one(self, packet: Packet) -> None:
        """Append encoded frames."""
        self._file.write(packet.data)

    def close(self) -> None:
        """Put the header before the frames, and close the file."""
        try:
            if self._stream is not None and self._file.tell():
                self._add_header(self._stream)
        finally:
            self._file.close()

    def _add_header(self, stream: Mp3Stream) -> None:
        run = walk_mpeg(self._file, start=0, end=self._file.tell())[0]
        self._file.seek(0)
        header = _make_header(self._file.read(4), run, stream)
        splice(self._file, 0, 0, header)


class Mp3Stream:
    """The stream of such a file; set its properties, then open its context.

    Parameters
    ----------
    rate : int
        In Hz.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.bit_rate = 0
        self.layout = AudioLayout("stereo")
        self.format = ""
        self.time_base: Fraction | None = None
        self.n_samples = 0
        self._encoder: Any = None
        formats = (AudioFormat("flt"),)
        self.codec_context: Any = SimpleNamespace(
            codec=SimpleNamespace(audio_formats=formats), frame_size=0, open=self._open
        )

    @property
    def checksum(self) -> int:
        """Of all frames."""
        return int(self._encoder.checksum)

    def _open(self) -> None:
        import lame  # type: ignore[import-not-found]  # registered by the worker
        from pyodide.ffi import JsException  # type: ignore[import-not-found]

        rates = MP3_KBPS if self.rate >= _HIGH_FROM_HZ else LOW_KBPS
        wanted = self.bit_rate / 1000.0
        kbps = next((one for one in rates if one >= wanted), rates[-1])
        self.codec_context.layout = self.layout
        try:
            self._encoder = lame.encoder(self.rate, self.layout.nb_channels, kbps)
        except JsException as err:
            raise FFmpegError(str(err)) from err

    def encode(self, frame: AudioFrame | None) -> list[Packet]:
        """Return the packets that are ready; the last ones for None."""
        from pyodide.ffi import JsException, to_js

        try:
            if frame is None:
                made = self._encoder.finish()
            else:
                self.n_samples += frame.samples
                flat = np.ascontiguousarray(frame.to_ndarray(), dtype=np.float32).ravel()
                made = self._encoder.write(to_js(flat))
        except JsException as err:
            raise FFmpegError(str(err)) from err
        data = made.to_bytes()
        return [Packet(data)] if data else []


def _make_header(first: bytes, run: MpegRun, stream: Mp3Stream) -> bytes:
    """Return a frame of silence that holds the statistics of those behind it."""
    head, n_bytes = _choose_head(first, run)
    n_whole = n_bytes + sum(run.lengths)
    n_padding = run.n_frames * run.n_samples_a_frame - _DELAY - stream.n_samples
    lame = b"LAME3.100" + bytes([1]) + bytes(10)  # 1: constant rate; no gains are known
    lame += bytes([min(max(run.kbits), 255)])
    lame += (_DELAY << 12 | min(max(n_padding, 0), _MOST_PADDING)).to_bytes(3, "big")
    lame += bytes(4) + struct.pack(">IH", n_whole, stream.checksum)
    tag = b"Info" + struct.pack(">III", 15, run.n_frames, n_whole) + _table(run, n_bytes, n_whole)
    tag += bytes(4) + lame
    frame = head.ljust(_statistics_place(first, run.n_channels), b"\0") + tag
    frame += struct.pack(">H", _checksum(frame))
    return frame.ljust(n_bytes, b"\0")


def _choose_head(first: bytes, run: MpegRun) -> tuple[bytes, int]:
    """Return a header like the first, of a rate at which the statistics fit, and its length."""
    rates = MP3_KBPS if first[1] & 8 else LOW_KBPS
    least = _statistics_place(first, run.n_channels) + _TAG_BYTES
    lengths = [run.n_samples_a_frame * 125 * kbps // run.sr for kbps in rates]
    own = (first[2] >> 4) - 1
    code = next((one for one in range(own, len(rates)) if lengths[one] >= least), len(rates) - 1)
    # No checksum, no padding.
    head = bytes([first[0], first[1] | 1, (code + 1) << 4 | first[2] & 0x0C, first[3]])
    return head, lengths[code]


def _statistics_place(first: bytes, n_channels: int) -> int:
    return STATISTICS_PLACES[first[1] >> 3 & 3, n_channels]


def _table(run: MpegRun, n_header: int, n_whole: int) -> bytes:
    """Return where each hundredth of the time begins, in 256ths of the bytes."""
    places = [
        n_header + run.places[math.floor(part * run.n_frames / _N_TOC)] for part in range(_N_TOC)
    ]
    return bytes(min(255 * place // n_whole, 255) for place in places)


def _checksum(data: bytes) -> int:
    """Return the CRC of x^16 + x^15 + x^2 + 1, mirrored, as LAME's header has it."""
    rest = 0
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0xA001 if rest & 1 else 0)
    return rest
