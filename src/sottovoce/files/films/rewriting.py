"""Rewrite a film with FFmpeg, copying its other streams, if it cannot be grafted."""

from __future__ import annotations

import io
import itertools
import os
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError
from sottovoce.files.decoding.pyav import import_av, is_cover, open_container
from sottovoce.files.films.avi import count_frames, fit_blocks
from sottovoce.files.films.carried import can_carry, codec_of
from sottovoce.files.films.starts import start_of
from sottovoce.files.films.transport import read_broadcast
from sottovoce.files.keeping.boxes import top_boxes
from sottovoce.files.track import MATROSKA, MOVIES, muxer_of
from sottovoce.files.track_writer import DISK_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["rewrite"]

_OF_THE_MUXER = {"major_brand", "minor_version", "compatible_brands", "encoder"}
_OF_THE_OLD_SOUND = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_")
_ENOUGH_PACKETS = 8
_TAGGED = {"h264", "mpeg4"}
"""Codecs whose FourCC in AVI says more than FFmpeg's name: ``avc1`` has no start codes."""
_LONG_TIME = Fraction(1 << 40)
_PICTURES = {"mjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp"}


def rewrite(original: Path, tracks: dict[int, Path], target: Path) -> None:
    """Copy a container with new sound; parameters and errors as for `mux_tracks`."""
    av = import_av()
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(original.open("rb"))
            head = raw.read(4096)
            raw.seek(0)
            source = stack.enter_context(open_container(raw, path=str(original)))
            muxer = muxer_of(source, codec_of(source.streams[min(tracks)]), head)
            if muxer == "avi":
                for path in tracks.values():
                    fit_blocks(path)
            files = {
                index: stack.enter_context(
                    open_container(stack.enter_context(path.open("rb")), path=str(path))
                )
                for index, path in tracks.items()
            }
            sr = int(files[min(files)].streams.audio[0].codec_context.sample_rate)
            options = _options(muxer, head)
            names = {}
            if muxer == "mpegts":
                broadcast = read_broadcast(original)
                options |= broadcast.options
                names = broadcast.names
            if muxer in MOVIES:
                options |= _movie_options(muxer, _shape_of(original), sr, source)
            templates = {stream.index: stream for stream in source.streams}
            templates |= {index: file.streams.audio[0] for index, file in files.items()}
            if muxer == "avi":
                for index in [stream.index for stream in source.streams.audio]:
                    place = (tracks[index], 0) if index in tracks else (original, index)
                    if not codec_of(templates[index]).startswith("pcm_"):
                        unaligned = stack.enter_context(_without_alignment(av, *place))
                        templates[index] = unaligned.streams[0]
            _copy(av, source, files, target, muxer, options, templates, names)
        if muxer == "avi":
            fit_blocks(target)
    except (av.error.FFmpegError, ValueError) as err:
        if isinstance(err, OSError) and err.errno in DISK_ERRORS:
            raise OSError(err.errno, os.strerror(err.errno or 0)) from err
        raise AudioFileError(
            f"cannot be written with its other streams ({getattr(err, 'strerror', None) or err})",
            path=str(original),
            remedy="Extract its audio to FLAC or WAV and protect that.",
        ) from err


def _options(muxer: str, head: bytes) -> dict[str, str]:
    if muxer == "mpegts":
        # Each packet of a Blu-ray or a camcorder starts with a timestamp of four bytes.
        is_timed = head[:1] != b"G" and head[4:5] == b"G"
        return {"mpegts_copyts": "1", "mpegts_m2ts_mode": str(int(is_timed))}
    if muxer == "flv" and b"keyframes" in head:
        return {"flvflags": "add_keyframe_index"}
    return {}


def _shape_of(path: Path) -> str:
    """Return the position of the index of an MP4: ``"fragmented"``, ``"front"`` or ``"end"``."""
    with path.open("rb") as file:
        order = [name for name, *_ in top_boxes(file)]
    if b"moof" in order:
        return "fragmented"
    # The data of a film that is cut short extend past its end, and are not among the boxes.
    is_front = b"moov" in order and b"mdat" not in order[: order.index(b"moov")]
    return "front" if is_front else "end"


def _movie_options(muxer: str, shape: str, sr: int, source: Any) -> dict[str, str]:  # noqa: ANN401
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
                # A demuxer that parses frames gives their length, not how much of it is sound.
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
    options: dict[str, str],
    templates: dict[int, Any],
    names: dict[str, str],
) -> None:
    output = av.open(f"file:{target}", "w", format=muxer, container_options=options)
    try:
        output.metadata.update(
            {key: value for key, value in source.metadata.items() if key not in _OF_THE_MUXER}
        )
        output.metadata.update(names)
        covers = _covers(source) if muxer in MATROSKA else {}
        copied = {}
        lanes = []
        for stream in source.streams:
            if stream.index in covers:
                output.add_attachment(*covers[stream.index])
            elif stream.index in files:
                lanes.append(
                    _add_lane(output, stream, files[stream.index], templates[stream.index])
                )
            elif can_carry(stream, muxer):
                keeps_tag = muxer in MOVIES or (muxer == "avi" and codec_of(stream) in _TAGGED)
                copied[stream.index] = _add_copy(
                    output, stream, templates[stream.index], keeps_tag=keeps_tag
                )
        if source.chapters():
            output.set_chapters(source.chapters())
        _interleave(source, output, copied, lanes)
    except BaseException:
        # A partial file disappears with its folder's temporary name.
        with suppress(av.error.FFmpegError, ValueError):
            output.close()
        raise
    output.close()


def _interleave(source: Any, output: Any, copied: dict[int, Any], lanes: list[_Lane]) -> None:  # noqa: ANN401
    output.start_encoding()
    counted = count_frames(source)
    for packet in source.demux():
        if packet.dts is None and packet.pts is None:
            if packet.size == 0:
                continue  # the end of a stream
            packet.dts = packet.pts = 0  # a cover
        time = (packet.dts if packet.dts is not None else packet.pts) * packet.time_base
        for lane in lanes:
            output.mux(lane.until(time))
        if packet.stream_index in copied:
            index = packet.stream_index
            packet.stream = copied[index]
            if index in counted:
                packet.dts = packet.pts = next(counted[index])
            output.mux_one(packet)
    for lane in lanes:
        output.mux(lane.until(_LONG_TIME))


def _without_alignment(av: Any, path: Path, index: int) -> Any:  # noqa: ANN401
    """Open a copy of a stream's beginning that does not declare the size of its packets.

    The demuxer of AVI declares the maximum size for AC-3 and others, and its muxer counts packets
    by it: the sound would last an eighth of its time, and begin at 0.
    """
    memory = io.BytesIO()
    with (
        path.open("rb") as raw,
        open_container(raw, path=str(path)) as source,
        av.open(memory, "w", format="nut") as output,
    ):
        added = output.add_stream_from_template(source.streams[index])
        packets = (one for one in source.demux(source.streams[index]) if one.dts is not None)
        for packet in itertools.islice(packets, _ENOUGH_PACKETS):
            packet.stream = added
            output.mux_one(packet)
    memory.seek(0)
    return av.open(memory, format="nut")


def _add_lane(output: Any, stream: Any, file: Any, template: Any) -> _Lane:  # noqa: ANN401
    added = output.add_stream_from_template(template)
    template = file.streams.audio[0]
    _describe(added, stream)
    for key in list(added.metadata):
        if key.upper().startswith(_OF_THE_OLD_SOUND):
            del added.metadata[key]
    packets = (packet for packet in file.demux(template) if packet.dts is not None)
    is_mov = str(file.format.name).startswith("mov") and template.duration
    end = (template.start_time or 0) + template.duration if is_mov else None
    lane = _Lane(packets, added, start_of(stream) - start_of(template), end)
    first = next(packets, None)
    if first is not None:
        lane.waiting.append(first)
        if file.format.name == "ogg":  # there Vorbis begins before 0, elsewhere at 0
            lane.shift = start_of(stream) - first.dts * first.time_base
    return lane


def _add_copy(output: Any, stream: Any, template: Any, *, keeps_tag: bool) -> Any:  # noqa: ANN401
    added = output.add_stream_from_template(template)
    if keeps_tag and stream.type == "video" and stream.codec_context is not None:
        added.codec_context.codec_tag = stream.codec_context.codec_tag
    _describe(added, stream)
    return added


def _describe(added: Any, stream: Any) -> None:  # noqa: ANN401
    added.metadata.clear()
    added.metadata.update(stream.metadata)
    if "name" in stream.metadata:  # the demuxer's name in MP4 for what its muxer takes as a title
        added.metadata["title"] = stream.metadata["name"]
    added.disposition = stream.disposition
    if _has_ids(added):
        added.id = stream.id


def _has_ids(stream: Any) -> bool:  # noqa: ANN401
    """Return whether stream numbers have a meaning: PIDs of a transport stream."""
    return str(stream.container.format.name) == "mpegts"


def _covers(source: Any) -> dict[int, tuple[str, str, bytes]]:  # noqa: ANN401
    """Return attached pictures as Matroska stores them: name, type and bytes of a file."""
    pictures = {}
    for stream in source.streams.video:
        if is_cover(stream):
            kind = codec_of(stream)
            mimetype = stream.metadata.get("mimetype") or _PICTURES.get(kind, "image/jpeg")
            name = stream.metadata.get("filename") or f"cover.{kind.replace('mjpeg', 'jpg')}"
            packet = next((p for p in source.demux(stream) if p.size), None)
            if packet is not None:
                pictures[int(stream.index)] = (name, mimetype, bytes(packet))
            source.seek(0)
    return pictures
