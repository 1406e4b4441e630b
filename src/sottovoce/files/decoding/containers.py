"""FFmpeg by way of PyAV: the sound of containers, and of codecs that libsndfile does not know.

Only the demuxers named here may open a file, and they read from one that is open already: nothing
in a hostile file can make them open another one or an address.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import MissingExtraError, UnreadableAudioError
from sottovoce.files.decoding.decoder import Audio, Part, QueueReader, Traits, decoding_failed
from sottovoce.files.decoding.layout import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import BinaryIO, Literal

    from sottovoce.files.decoding.raw import Raw

__all__ = [
    "Frames",
    "StreamDecoder",
    "container_parts",
    "import_av",
    "open_container",
    "open_stream",
    "say_damaged",
    "to_block",
]

_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,"
    "mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,oma,qcp,rm,shn,sox,tak,truehd,tta,voc,"
    "w64,wav,wv,xwma,gsm,g722,g726,g729,adx,smjpeg,mpegtsraw,vorbis"
)
_REMEDY = "Check that it plays; if it does, convert it to WAV or FLAC."
_NAMES = {
    "mov": "MOV",
    "matroska": "MATROSKA",
    "mpegts": "TS",
    "asf": "ASF",
    "wv": "WAVPACK",
    "aac": "ADTS",
    "rm": "REALMEDIA",
}
_SAFE_PLANES = 7
"""PyAV counts the planes of a planar frame up to a null pointer; with eight channels and more it
reads behind them."""
_COUNTED = {"WAVPACK", "TTA", "APE", "TAK", "SHN"}
"""Containers whose header has the exact number of samples, written when all was known."""
_FULL_SCALES = {"u8": 128.0, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
_SKIP_MANUAL = 1 << 29
_AUDIO_CLASSES = {".mp4": "MP4", ".mov": "MOV", ".m4a": "M4A"}


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
            "PyAV", extra="media", purpose="read and write this kind of file"
        ) from err
    return av


def open_container(file: BinaryIO, *, path: str, options: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - PyAV is imported late
    """Open a file for demuxing; closed by its own `close`, which leaves `file` open.

    Raises
    ------
    UnreadableAudioError
        If it is of no kind that is known, or damaged.
    MissingExtraError
        If PyAV is not installed.
    """
    av = import_av()
    limits = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "", **(options or {})}
    try:
        return av.open(file, mode="r", options=limits, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, OSError) as err:
        raise unreadable(path) from err


def container_parts(raw: Raw, *, missing: str = "") -> list[Part]:
    """Return the audio tracks of a container.

    Raises
    ------
    UnreadableAudioError
        If it holds no sound, or cannot be opened.
    MissingExtraError
        If PyAV is not installed.
    """
    import functools

    with contextlib.closing(raw.open()) as file, open_container(file, path=raw.path) as container:
        tracks = [
            (stream.index, stream.metadata.get("title", ""), stream.metadata.get("language", ""))
            for stream in container.streams.audio
        ]
    if not tracks:
        raise UnreadableAudioError("has no audio track", path=raw.path, remedy=_REMEDY)
    parts = []
    for number, (index, title, language) in enumerate(tracks, start=1):
        known = [word for word in (title, language) if word and word != "und"]
        name = f"track {number}" + (f" ({', '.join(known)})" if known else "")
        parts.append(
            Part(
                name if len(tracks) > 1 else "",
                functools.partial(open_stream, raw, index, missing=missing),
                index,
            )
        )
    return parts


def open_stream(
    raw: Raw, index: int, *, file: BinaryIO | None = None, missing: str = ""
) -> StreamDecoder:
    """Return the decoder of one stream of a container."""
    return StreamDecoder(raw, index, file=file, missing=missing)


class StreamDecoder:
    """One audio stream of a container; see `Decoder`.

    Parameters
    ----------
    raw : Raw
        The file.
    index : int
        Number of the stream among all streams.
    file : binary file or None
        What to read instead of the file.
    missing : str
        As in `Traits`.

    Raises
    ------
    UnreadableAudioError
        If it is damaged.
    MissingExtraError
        If PyAV is not installed.
    """

    def __init__(
        self, raw: Raw, index: int, *, file: BinaryIO | None = None, missing: str = ""
    ) -> None:
        self._path = raw.path
        self._errors = (import_av().error.FFmpegError, ValueError)
        self._file = file or raw.open()
        self._container: Any = None
        try:
            options = {"ignore_editlist": "1"}
            self._container = open_container(self._file, path=raw.path)
            self._trim: tuple[int, int] | None = None
            if self._container.format.name.startswith("mov"):
                sounding = self._sounding(raw, index)
                missing = missing or sounding[1]
                if sounding[0] is not None:
                    self._container.close()
                    self._file.seek(0)
                    self._container = open_container(self._file, path=raw.path, options=options)
                    self._trim = sounding[0]
            self._stream = self._container.streams[index]
            self.traits = self._describe(raw, missing)
        except BaseException:
            self.close()
            raise
        self._queue = QueueReader(self._decode(), self.traits.n_channels)

    def read(self, n: int) -> Audio:
        """Return the next at most `n` samples, shape (channels, m)."""
        return self._queue.read(n)

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
        self._file.close()

    def _sounding(self, raw: Raw, index: int) -> tuple[tuple[int, int] | None, str]:
        """Return the samples (first, last + 1) of decoded sound that count, and what is missing."""
        from sottovoce.files.decoding.boxes import walk_boxes

        with raw.open() as file:
            movie = walk_boxes(file, end=raw.n_bytes)
        missing = "its last box is not whole" if movie.n_missing else ""
        stream = self._container.streams[index]
        sounding = movie.sounding(stream.id)
        if sounding is None or stream.codec_context.name == "opus":
            return None, missing
        first, stop, timescale = sounding
        sr = int(stream.codec_context.sample_rate or 0)
        return (round(first * sr / timescale), round(stop * sr / timescale)), missing

    def _describe(self, raw: Raw, missing: str) -> Traits:
        context = self._stream.codec_context
        demuxer = self._container.format.name.split(",", maxsplit=1)[0]
        name = _NAMES.get(demuxer, demuxer.upper())
        codec = str(context.name).upper()
        sr, n_channels = int(context.sample_rate or 0), int(context.channels or 0)
        if name == "MOV" and not self._has_picture():
            name = "M4A"
        if context.format is None or not sr or not n_channels:
            raise UnreadableAudioError(
                "has an audio track that cannot be read", path=raw.path, remedy=_REMEDY
            )
        n_frames = 0
        if self._trim is not None:
            n_frames = self._trim[1] - self._trim[0]
        elif name in _COUNTED and self._stream.duration:
            n_frames = round(self._stream.duration * self._stream.time_base * sr)
        dtype: Literal["float32", "float64"] = (
            "float64" if context.format.name.rstrip("p") in ("s32", "s64", "dbl") else "float32"
        )
        return Traits(
            format=name,
            subtype=_subtype(codec, context),
            sr=sr,
            n_channels=n_channels,
            n_frames=n_frames,
            dtype=dtype,
            bit_rate=float(self._stream.bit_rate or 0),
            notes=[],
            missing=missing,
        )

    def _has_picture(self) -> bool:
        covers = import_av().stream.Disposition.attached_pic
        return any(not video.disposition & covers for video in self._container.streams.video)

    def _decode(self) -> Iterator[Audio]:
        if self._trim is None:
            yield from self._decode_all()
            return
        first, stop = self._trim
        at = 0
        for block in self._decode_all():
            kept = block[:, max(first - at, 0) : max(stop - at, 0)]
            at += block.shape[1]
            if kept.shape[1]:
                yield kept

    def _decode_all(self) -> Iterator[Audio]:
        context = self._stream.codec_context
        if self._trim is not None:
            context.flags2 |= _SKIP_MANUAL
        n_damaged = n_decoded = 0
        frames_of = Frames(self.traits)
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except self._errors:
                    n_damaged += 1
                    seconds = float(packet.duration * packet.time_base) if packet.duration else 0.0
                    yield np.zeros(
                        (self.traits.n_channels, round(seconds * self.traits.sr)), np.float32
                    )
                    continue
                for frame in frames:
                    block = frames_of.block(frame)
                    n_decoded += block.shape[1]
                    yield block
        except self._errors as err:
            if n_decoded == 0:
                raise decoding_failed(self._path) from err
            seconds = n_decoded / self.traits.sr
            self.traits.missing = f"after {seconds:.1f} s it cannot be read"
        if n_damaged:
            self.traits.notes.append(say_damaged(n_damaged))


def say_damaged(n: int) -> str:
    """Return the line for pieces of a stream that could not be decoded."""
    return f"{n} {'piece' if n == 1 else 'pieces'} of it could not be decoded and became silence"


def _subtype(codec: str, context: Any) -> str:  # noqa: ANN401 - PyAV is imported late
    names = {"PCM_S16LE": "PCM_16", "PCM_S24LE": "PCM_24", "MP3FLOAT": "MPEG_LAYER_III"}
    names |= {"MP3": "MPEG_LAYER_III", "MP2FLOAT": "MPEG_LAYER_II", "MP2": "MPEG_LAYER_II"}
    del context
    return names.get(codec, codec)


class Frames:
    """Turns decoded frames into blocks; the rate and the channels must stay what they were.

    Parameters
    ----------
    traits : Traits
        Of the stream.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._packers: dict[tuple[str, str], Any] = {}

    def block(self, frame: Any) -> Audio:  # noqa: ANN401 - PyAV is imported late
        """Return the samples of a frame, shape (channels, n)."""
        n_channels = frame.layout.nb_channels
        if frame.sample_rate != self._traits.sr or n_channels != self._traits.n_channels:
            raise ValueError("the rate or the number of channels changes along the stream")
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
    y = frame.to_ndarray()
    if not frame.format.is_planar:
        y = y.reshape(-1, n_channels).T
    kind = frame.format.name.rstrip("p")
    if kind in ("flt", "dbl"):
        return np.ascontiguousarray(y)
    wide = np.float64 if kind in ("s32", "s64") else np.float32
    scaled = y.astype(wide)
    if kind == "u8":
        scaled -= 128.0
    scaled /= _FULL_SCALES[kind]
    return np.ascontiguousarray(scaled)
