"""What FFmpeg's command does not make: hybrid files, dropped packets, edits, cameras' tracks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cut_without_encoding", "drop_sound", "make_camera", "make_hybrid", "turn"]

DROPPED_S = ((3.0, 3.9), (5.0, 5.03), (7.0, 7.5))
"""Seconds of sound that a recorder lost: long and short, the second one a single packet or two."""


def _remux(path: Path, options: dict[str, str], *, drops: bool = False) -> None:
    old = path.with_name(f"old_{path.name}")
    path.rename(old)
    with av.open(str(old)) as source:
        name = {".webm": "webm", ".mkv": "matroska", ".ts": "mpegts"}.get(path.suffix, "mp4")
        with av.open(str(path), "w", format=name, container_options=options) as output:
            streams = {
                stream.index: output.add_stream_from_template(stream) for stream in source.streams
            }
            for packet in source.demux():
                if packet.dts is None:
                    continue
                time = float(packet.pts * packet.time_base)
                begin = float((packet.stream.start_time or 0) * packet.stream.time_base)
                is_lost = any(a <= time - begin < b for a, b in DROPPED_S)
                if drops and packet.stream.type == "audio" and is_lost:
                    continue
                packet.stream = streams[packet.stream.index]
                output.mux_one(packet)
    old.unlink()


def drop_sound(path: Path) -> None:
    """Leave packets of sound out, as a recorder does whose computer is too slow."""
    _remux(path, {}, drops=True)


def make_hybrid(path: Path) -> None:
    """Write it as recorders do that survive a crash: fragments, and one index at the end."""
    _remux(path, {"movflags": "+hybrid_fragmented+frag_keyframe"})


def turn(path: Path) -> None:
    """Say that the picture is to be turned, which FFmpeg's command does for MP4 only."""
    old = path.with_suffix(".old.mp4")
    path.rename(old)
    command = f"ffmpeg -y -loglevel error -i {old} -c copy -metadata:s:v rotate=90 {path}"
    subprocess.run(command.split(), check=True)  # noqa: S603 - our own words
    old.unlink()


def cut_without_encoding(path: Path) -> None:
    """Cut the beginning off between two key frames, so that an edit list hides what is before."""
    old = path.with_name(f"old_{path.name}")
    path.rename(old)
    command = f"ffmpeg -y -loglevel error -ss 1.37 -i {old} -map 0 -c copy {path}"
    subprocess.run(command.split(), check=True)  # noqa: S603 - our own words
    old.unlink()


def make_camera(path: Path) -> None:
    """Turn a track of subtitles into one of measurements, as a camera has: all lengths stay."""
    data = path.read_bytes()
    path.write_bytes(data.replace(b"tx3g", b"gpmd").replace(b"sbtl", b"meta"))
