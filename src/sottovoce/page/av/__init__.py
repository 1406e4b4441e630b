"""Stands in for PyAV in the page: what the package uses of it, without containers.

`sottovoce.page.stand_ins` gives it PyAV's names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError
from sottovoce.files.decoding.sniffing import HEAD_BYTES, kind_of, skip_id3
from sottovoce.page.av import codec, error
from sottovoce.page.av.flac import FlacDecoder
from sottovoce.page.av.mp3_file import Mp3File
from sottovoce.page.av.mpeg import MpegFrameDecoder
from sottovoce.page.av.sound import AudioFifo, AudioFrame, AudioLayout, Packet

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["AudioFifo", "AudioFrame", "AudioLayout", "CodecContext", "Packet", "codec", "open"]

_DECODERS = {
    "flac": FlacDecoder,
    "mp1float": MpegFrameDecoder,
    "mp2float": MpegFrameDecoder,
    "mp3float": MpegFrameDecoder,
}
_BARE = ("flac", "mpeg")
"""Kinds of files that have no container, so that nothing is lost if none can be opened."""


class CodecContext:
    """Makes decoders."""

    @staticmethod
    def create(name: str, mode: str) -> Any:  # noqa: ANN401 - one for each codec
        """Return the decoder of a codec, by FFmpeg's name for it."""
        if mode == "r" and name in _DECODERS:
            return _DECODERS[name]()
        raise MissingExtraError("PyAV", extra="", purpose=f"decode {name}")


def open(file: BinaryIO | str, mode: str = "r", **options: Any) -> Any:  # noqa: A001, ANN401 - as PyAV
    """Open a new MP3, by its address; refuse to read a container.

    Raises
    ------
    InvalidDataError
        If the file is none.
    MissingExtraError
        If it may be one.
    """
    if isinstance(file, str):
        return Mp3File(file.removeprefix("file:"))
    start = skip_id3(file.read(HEAD_BYTES))
    file.seek(start)
    kind = kind_of(file.read(HEAD_BYTES))
    file.seek(0)
    if kind in _BARE:
        raise error.InvalidDataError("no container")
    raise MissingExtraError("PyAV", extra="", purpose="read this kind of file")
