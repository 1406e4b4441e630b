"""Containers of several sounds: dubs, the tracks of a screen recorder, a film with its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.whole_files.sound import SECONDS, TITLE, Made, Part, Workshop, ffmpeg

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES"]

_FILES = {  # name: form, codec, (rate, channels) of each track, codec of a picture, tolerance
    "two.m4a": ("M4A", "aac", ((48_000, 1), (48_000, 1)), "", 0),
    "three.m4a": ("M4A", "aac", ((48_000, 1), (48_000, 2), (44_100, 1)), "", 0),
    "dub.mp4": ("MP4", "aac", ((48_000, 2), (48_000, 2)), "mpeg4", 0),
    "one_with_picture.mp4": ("MP4", "aac", ((48_000, 2),), "mpeg4", 0),
    "two.mov": ("MOV", "pcm_s16le", ((48_000, 1), (48_000, 1)), "mpeg4", 0),
    "recorder.mkv": ("MKV", "aac", ((48_000, 2), (48_000, 1), (48_000, 1)), "mpeg4", 2 * 1024),
    "two.mkv": ("MKV", "flac", ((48_000, 1), (44_100, 2)), "mpeg4", 0),
    "opus.mkv": ("MKV", "libopus", ((48_000, 1), (48_000, 2)), "", 0),
    "two.mka": ("MKA", "libopus", ((48_000, 1), (48_000, 1)), "", 0),
    "vorbis.mka": ("MKA", "libvorbis", ((48_000, 1), (44_100, 1)), "", 2048),
    "one_with_picture.webm": ("WebM", "libopus", ((48_000, 1),), "libvpx", 0),
    "two.webm": ("WebM", "libopus", ((48_000, 1), (48_000, 1)), "libvpx", 0),
    "two.ts": ("TS", "mp2", ((48_000, 2), (48_000, 2)), "", 2304),
    "with_picture.ts": ("TS", "aac", ((48_000, 2), (48_000, 2)), "mpeg2video", 2048),
    "surround.mkv": ("MKV", "flac", ((48_000, 8),), "mpeg4", 0),
    "surround_and_stereo.mkv": ("MKV", "ac3", ((48_000, 6), (48_000, 2)), "mpeg4", 2 * 1536),
    "two_alac.m4a": ("ALAC", "alac", ((44_100, 1), (44_100, 1)), "", 0),
}


def _tracks(name: str) -> Callable[[Workshop], Made]:
    form, codec, tracks, picture, tolerance = _FILES[name]

    def make(ws: Workshop) -> Made:
        inputs: list[object] = []
        for number, (sr, channels) in enumerate(tracks):
            inputs += ["-i", ws.wav(sr, channels, number=number)]
        maps: list[object] = []
        if picture:
            inputs += ["-f", "lavfi", "-t", SECONDS, "-i", "testsrc=size=160x120:rate=5"]
            maps += ["-map", f"{len(tracks)}:v", "-c:v", picture]
            maps += ["-r", 25] if picture == "mpeg2video" else []
        for number in range(len(tracks)):
            maps += ["-map", f"{number}:a"]
        maps += ["-c:a", codec, "-fflags", "+bitexact", "-metadata", f"title={TITLE}"]
        ffmpeg(*inputs, *maps, ws.path)
        parts = tuple(
            Part(sr=sr, n_channels=channels, n_samples=sr * SECONDS) for sr, channels in tracks
        )
        return Made(
            path=ws.path,
            kind="tracks",
            form=form,
            parts=parts,
            tolerance=tolerance,
            refusal="unwritable" if form == "TS" else "never",
            n_marks=len(tracks),
            is_tracks=True,
        )

    return make


RECIPES: dict[str, Callable[[Workshop], Made]] = {
    f"tracks_{name}": _tracks(name) for name in _FILES
}
