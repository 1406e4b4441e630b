"""Put marked tracks in the place of the original ones, and copy everything else bit by bit.

Video, subtitles, covers, attachments, chapters and the tags that FFmpeg knows go from the
original's packets into the new file as they are; only the sound is another.
"""

from __future__ import annotations

import io
import os
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import AudioFileError
from sottovoce.files.atomic import part_path
from sottovoce.files.decoding.pyav import import_av, open_container
from sottovoce.files.films.grafting import can_graft, graft
from sottovoce.files.films.shape import shape_of
from sottovoce.files.track import Track, muxer_of
from sottovoce.files.track_writer import DISK_ERRORS, open_track_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.files.reading import AudioInfo

__all__ = ["ContainerWriter", "lost_streams", "mux_tracks", "track_path"]

_MOV = {"mov", "mp4", "3gp", "3g2"}
_MATROSKA = {"matroska", "webm"}
_OF_THE_MUXER = {"major_brand", "minor_version", "compatible_brands", "encoder"}
_OF_THE_OLD_SOUND = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_")
_LONG_TIME = Fraction(1 << 40)
_PICTURES = {"mjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp"}

Audio = npt.NDArray[np.floating[Any]]


class ContainerWriter:
    """Encodes one track and puts it in its place in a copy of the original.

    Parameters
    ----------
    path : Path
        File to be made.
    info : AudioInfo
        Of the original.
    track : Track
        How the original is stored.
    boost : float
        As in `TrackWriter`.

    Attributes
    ----------
    progress : callable or None
        Called with the share of the other streams that is copied, 0 to 1.
    """

    def __init__(self, path: Path, info: AudioInfo, track: Track, *, boost: float = 0.0) -> None:
        self._path = path
        self._info = info
        self._track = track
        self._temporary = track_path(path)
        self._is_open = True
        self.progress: Callable[[float], None] | None = None
        try:
            self._writer = open_track_writer(self._temporary, info, track, boost=boost)
        except BaseException:
            self._temporary.unlink(missing_ok=True)
            raise

    def write(self, marked: Audio, original: Audio) -> None:
        """Take a block of shape (channels, n), and the unmarked samples it was made from."""
        try:
            self._writer.write(marked, original)
        except BaseException:
            self._is_open = False
            self._temporary.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Finish the file."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._writer.close()
            tracks = {self._track.index: self._temporary}
            mux_tracks(Path(self._info.path), tracks, self._path, progress=self.progress)
        finally:
            self._temporary.unlink(missing_ok=True)


def track_path(target: Path) -> Path:
    """Return a name beside `target` for the file of one track."""
    return part_path(target)


def mux_tracks(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a container with other sound.

    Parameters
    ----------
    original : Path
        MP4, MOV, M4A, Matroska, WebM, MPEG-TS, ASF, AVI or FLV.
    tracks : dict of int to Path
        By the index of the stream in the container: the file that `TrackWriter` made of it.
    target : Path
        File to be made, in the same container.
    progress : callable or None
        Called with the share that is copied, 0 to 1.

    Raises
    ------
    AudioFileError
        If FFmpeg can read a stream of this container but not write it, or the disk is full.
    """
    if graft(original, tracks, target, progress=progress):
        return
    av = import_av()
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(original.open("rb"))
            shape = shape_of(original)
            source = stack.enter_context(open_container(raw, path=str(original)))
            files = {
                index: stack.enter_context(
                    open_container(stack.enter_context(path.open("rb")), path=str(path))
                )
                for index, path in tracks.items()
            }
            head = _head(original)
            muxer = muxer_of(source, str(_codec(source.streams[min(tracks)])), head)
            _copy(av, source, files, target, muxer, shape)
    except (av.error.FFmpegError, ValueError) as err:
        if isinstance(err, OSError) and err.errno in DISK_ERRORS:
            raise OSError(err.errno, os.strerror(err.errno or 0)) from err
        raise AudioFileError(
            f"cannot be written with its other streams ({getattr(err, 'strerror', None) or err})",
            path=str(original),
            remedy="Extract its audio to FLAC or WAV and protect that.",
        ) from err


def lost_streams(original: Path) -> tuple[str, ...]:
    """Name the streams of a container that `mux_tracks` has to leave out.

    Parameters
    ----------
    original : Path
        A container.

    Returns
    -------
    names : tuple of str
        ``"stream 3 (data)"`` and so on; empty where everything is kept.
    """
    if can_graft(original):
        return ()
    av = import_av()
    with original.open("rb") as raw, open_container(raw, path=str(original)) as source:
        muxer = muxer_of(source, "", _head(original))
        chapters = bool(source.chapters())
        return tuple(
            f"stream {stream.index} ({_codec(stream) or stream.type})"
            for stream in source.streams
            if not _can_carry(av, stream, muxer) and not (chapters and _is_chapter_text(stream))
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _codec(stream: Any) -> str:  # noqa: ANN401 - PyAV is imported late
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


def _options(muxer: str, shape: str, sr: int, source: Any) -> dict[str, str]:  # noqa: ANN401
    if muxer == "mpegts":
        return {"mpegts_copyts": "1"}
    if muxer not in _MOV:
        return {}
    flags = {
        "fragmented": "+frag_keyframe+delay_moov+default_base_moof",
        "front": "+faststart",
        "end": "",
    }[shape]
    if muxer == "mov" and any(key.startswith("com.apple.") for key in source.metadata):
        flags += "+use_metadata_tags"
    options = {"movie_timescale": str(sr)}
    brand = str(source.metadata.get("major_brand", ""))
    if muxer == "mp4" and len(brand) == 4:
        options["brand"] = brand
    return options | ({"movflags": flags} if flags else {})


@dataclass(slots=True)
class _Lane:
    """Packets of one replaced track, in time."""

    packets: Iterator[Any]
    stream: Any
    shift: Fraction
    end: int | None
    waiting: deque[Any] = field(default_factory=deque)

    def until(self, time: Fraction) -> Iterator[Any]:
        """Yield packets whose decoding time is not after `time`, in seconds."""
        while True:
            while len(self.waiting) < 2 and (packet := next(self.packets, None)) is not None:
                self.waiting.append(packet)
            if not self.waiting:
                return
            packet = self.waiting[0]
            if packet.dts * packet.time_base + self.shift > time:
                return
            self.waiting.popleft()
            if not self.waiting and self.end is not None and packet.pts is not None:
                # A demuxer that parses frames says how long they are, not how much is sound.
                packet.duration = min(packet.duration, max(self.end - packet.pts, 1))
            yield self._placed(packet)

    def _placed(self, packet: Any) -> Any:  # noqa: ANN401
        ticks = round(self.shift / packet.time_base)
        packet.dts += ticks
        packet.pts = packet.pts + ticks if packet.pts is not None else packet.dts
        packet.stream = self.stream
        return packet


def _copy(
    av: Any,  # noqa: ANN401
    source: Any,  # noqa: ANN401
    files: dict[int, Any],
    target: Path,
    muxer: str,
    shape: str,
) -> None:
    sr = int(files[min(files)].streams.audio[0].codec_context.sample_rate)
    output = av.open(
        f"file:{target}",
        "w",
        format=muxer,
        container_options=_options(muxer, shape, sr, source),
    )
    try:
        output.metadata.update(
            {key: value for key, value in source.metadata.items() if key not in _OF_THE_MUXER}
        )
        covers = _covers(av, source) if muxer in _MATROSKA else {}
        copied = {}
        lanes = []
        for stream in source.streams:
            if stream.index in covers:
                output.add_attachment(*covers[stream.index])
            elif stream.index in files:
                lanes.append(_add_lane(output, stream, files[stream.index]))
            elif _can_carry(av, stream, muxer):
                copied[stream.index] = _add_copy(output, stream, keeps_tag=muxer in _MOV)
        if source.chapters():
            output.set_chapters(source.chapters())
        _interleave(source, output, copied, lanes)
    except BaseException:
        # What is half written goes away with its folder's temporary name.
        _close_quietly(av, output)
        raise
    output.close()


def _close_quietly(av: Any, output: Any) -> None:  # noqa: ANN401
    with suppress(av.error.FFmpegError, ValueError):
        output.close()


def _interleave(source: Any, output: Any, copied: dict[int, Any], lanes: list[_Lane]) -> None:  # noqa: ANN401
    output.start_encoding()
    for packet in source.demux():
        if packet.dts is None and packet.pts is None:
            if packet.size == 0:
                continue  # the end of a stream
            packet.dts = packet.pts = 0  # a cover
        time = (packet.dts if packet.dts is not None else packet.pts) * packet.time_base
        for lane in lanes:
            output.mux(lane.until(time))
        if packet.stream_index in copied:
            packet.stream = copied[packet.stream_index]
            output.mux_one(packet)
    for lane in lanes:
        output.mux(lane.until(_LONG_TIME))


def _add_lane(output: Any, stream: Any, file: Any) -> _Lane:  # noqa: ANN401
    template = file.streams.audio[0]
    added = output.add_stream_from_template(template)
    _describe(added, stream)
    for key in list(added.metadata):
        if key.upper().startswith(_OF_THE_OLD_SOUND):
            del added.metadata[key]
    packets = (packet for packet in file.demux(template) if packet.dts is not None)
    is_mov = str(file.format.name).startswith("mov") and template.duration
    end = (template.start_time or 0) + template.duration if is_mov else None
    lane = _Lane(packets, added, _start(stream) - _start(template), end)
    first = next(packets, None)
    if first is not None:
        lane.waiting.append(first)
        if file.format.name == "ogg":  # there Vorbis begins before 0, elsewhere at 0
            lane.shift = _start(stream) - first.dts * first.time_base
    return lane


def _start(stream: Any) -> Fraction:  # noqa: ANN401
    return Fraction((stream.start_time or 0) * stream.time_base)


def _add_copy(output: Any, stream: Any, *, keeps_tag: bool) -> Any:  # noqa: ANN401
    added = output.add_stream_from_template(stream)
    if keeps_tag and stream.type == "video" and stream.codec_context is not None:
        added.codec_context.codec_tag = stream.codec_context.codec_tag
    _describe(added, stream)
    return added


def _describe(added: Any, stream: Any) -> None:  # noqa: ANN401
    added.metadata.clear()
    added.metadata.update(stream.metadata)
    if "name" in stream.metadata:  # as the demuxer of MP4 calls what its muxer takes as a title
        added.metadata["title"] = stream.metadata["name"]
    added.disposition = stream.disposition
    if _has_ids(added):
        added.id = stream.id


def _has_ids(stream: Any) -> bool:  # noqa: ANN401
    """Return whether numbers of streams mean something there: PIDs of a transport stream."""
    return str(stream.container.format.name) == "mpegts"


def _is_chapter_text(stream: Any) -> bool:  # noqa: ANN401
    """Return whether this is QuickTime's text track of chapters, which the muxer makes anew."""
    return stream.type == "data" and str(getattr(stream, "name", "")) == "bin_data"


def _can_carry(av: Any, stream: Any, muxer: str) -> bool:  # noqa: ANN401
    if stream.type == "attachment":
        return muxer in _MATROSKA
    if stream.codec_context is None:
        return muxer == "mpegts" and stream.type == "data"
    if muxer == "mpegts":
        return True
    if stream.disposition & av.stream.Disposition.attached_pic and not stream.width:
        return False  # no picture that FFmpeg can make sense of
    if muxer in _MATROSKA and stream.disposition & av.stream.Disposition.attached_pic:
        return True
    return bool(
        stream.codec_context.codec.name in _supported(av, muxer)
        or stream.codec_context.codec.canonical_name in _supported(av, muxer)
    )


def _supported(av: Any, muxer: str) -> set[str]:  # noqa: ANN401
    container = av.open(io.BytesIO(), "w", format=muxer)
    return set(container.supported_codecs)


def _covers(av: Any, source: Any) -> dict[int, tuple[str, str, bytes]]:  # noqa: ANN401
    """Return attached pictures as Matroska stores them: name, type and bytes of a file."""
    pictures = {}
    for stream in source.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            kind = _codec(stream)
            mimetype = stream.metadata.get("mimetype") or _PICTURES.get(kind, "image/jpeg")
            name = stream.metadata.get("filename") or f"cover.{kind.replace('mjpeg', 'jpg')}"
            packet = next((p for p in source.demux(stream) if p.size), None)
            if packet is not None:
                pictures[int(stream.index)] = (name, mimetype, bytes(packet))
            source.seek(0)
    return pictures
