"""M4A, and the audio of MP4, WebM and Matroska recordings, through PyAV.

The demuxer is chosen from the first bytes and reads from an open file, never from a name, so
nothing in a hostile file can make it open another file or an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import MissingExtraError, UnreadableAudioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import BinaryIO

__all__ = ["ContainerFile", "import_av", "is_container"]

Floats = npt.NDArray[np.float32]

_REMEDY = "Check that it plays; if it does, convert it to WAV or FLAC."


def import_av() -> ModuleType:
    """Import PyAV, or say how to install it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import av
        import av.error
        import av.stream
    except ImportError as err:
        raise MissingExtraError(
            "PyAV", extra="media", purpose="read and write M4A, MP4, WebM and Matroska"
        ) from err
    return av


def _demuxer(head: bytes) -> str | None:
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"fLaC" and head[4] & 0x7F == 0:
        # A FLAC that was streamed does not know its length, which libsndfile cannot read.
        n_samples = int.from_bytes(head[21:26], "big") & (1 << 36) - 1
        return "flac" if n_samples == 0 else None
    # ADTS: twelve bits of sync, layer 0.  (MP3 has the same sync and another layer.)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    return None


def is_container(head: bytes) -> bool:
    """Say whether a file that begins with `head` is one of those read here."""
    return _demuxer(head) is not None


class ContainerFile:
    """The first audio stream of a container, with the interface of `soundfile.SoundFile`.

    Parameters
    ----------
    raw : binary file
        At its beginning, which is that of a container; `close` closes it.
    path : str
        What errors call it.

    Attributes
    ----------
    format, subtype : str
        ``"M4A"`` or the demuxer's name; the codec's, in capitals.
    samplerate, channels, frames : int
        `frames` is 0: containers say it only about.
    bit_rate : int
        Of the stream in bit/s, or 0.

    Raises
    ------
    UnreadableAudioError
        If it holds no audio or is damaged.
    MissingExtraError
        If PyAV is not installed.
    """

    def __init__(self, raw: BinaryIO, *, path: str) -> None:
        self._raw = raw
        self._path = path
        try:
            av = import_av()
        except MissingExtraError:
            raw.close()
            raise
        self._error = av.error.FFmpegError
        try:
            head = self._raw.read(64)
            self._raw.seek(0)
            self._container = av.open(self._raw, format=_demuxer(head))
            stream = _first_audio(self._container, path)
            self.samplerate = int(stream.codec_context.sample_rate or 0)
            self.channels = int(stream.codec_context.channels)
            self.subtype = str(stream.codec_context.name).upper()
            self.bit_rate = int(stream.bit_rate or 0)
            covers = av.stream.Disposition.attached_pic
            videos = self._container.streams.video
            has_picture = any(not video.disposition & covers for video in videos)
            brand = _demuxer(head)
            self.format = "M4A" if brand == "mov" and not has_picture else str(brand).upper()
            self.frames = 0
            layout = stream.codec_context.layout
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=self.samplerate)
            self._blocks = self._decode(stream)
        except self._error as err:
            self.close()
            raise UnreadableAudioError(
                "is not audio that can be read, or is damaged", path=path, remedy=_REMEDY
            ) from err
        except BaseException:
            self.close()
            raise
        self._left: list[Floats] = []
        self._n_left = 0

    def close(self) -> None:
        """Close the file."""
        container = getattr(self, "_container", None)
        if container is not None:
            container.close()
        self._raw.close()

    def read(self, n: int) -> Floats:
        """Return the next at most `n` samples, shape (channels, m)."""
        while self._n_left < n:
            block = next(self._blocks, None)
            if block is None:
                break
            self._left.append(block)
            self._n_left += block.shape[1]
        if not self._left:
            return np.empty((self.channels, 0), dtype=np.float32)
        joined = np.concatenate(self._left, axis=1)
        self._left = [joined[:, n:]] if joined.shape[1] > n else []
        self._n_left = max(joined.shape[1] - n, 0)
        return joined[:, :n]

    def _decode(self, stream: Any) -> Iterator[Floats]:  # noqa: ANN401 - PyAV is imported late
        try:
            for frame in self._container.decode(stream):
                for part in self._resampler.resample(frame):
                    yield np.asarray(part.to_ndarray(), dtype=np.float32)
            for part in self._resampler.resample(None):
                yield np.asarray(part.to_ndarray(), dtype=np.float32)
        except (self._error, ValueError) as err:
            raise UnreadableAudioError(
                "is damaged", path=self._path, remedy="Get a complete copy."
            ) from err


def _first_audio(container: Any, path: str) -> Any:  # noqa: ANN401 - PyAV is imported late
    if not container.streams.audio:
        raise UnreadableAudioError("has no audio track", path=path, remedy=_REMEDY)
    return container.streams.audio[0]
