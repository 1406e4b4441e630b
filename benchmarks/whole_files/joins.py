"""Files that were put one after the other with `cat`, as stitched podcasts are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.whole_files import scan
from benchmarks.whole_files.formats import (
    chunk,
    encode,
    lame,
    made,
    ogg,
    wave,
    wave_format,
)
from benchmarks.whole_files.sound import SECONDS, Made, Part, Workshop
from benchmarks.whole_files.streams import flac, id3

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES"]

# Each link: rate, channels.
_SAME = ((48_000, 1), (48_000, 1))
_THREE = (*_SAME, (48_000, 1))
_RATE = ((48_000, 1), (44_100, 1))
_CHANNELS = ((48_000, 1), (48_000, 2))
_VORBIS_RATE = ((48_000, 1), (24_000, 1))


def _wav(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return wave(wave_format(sr, channels), chunk(b"data", ws.pcm(sr, channels, number=number)))


def _flac(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return flac(ws, sr=sr, channels=channels, number=number)


def _mp3(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return id3() + lame(ws, "-b 96", sr=sr, channels=channels, number=number)


def _mp3_bare(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return lame(ws, "-b 96 -t", sr=sr, channels=channels, number=number)


def _opus(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return ogg(ws, "opus", sr=sr, channels=channels, number=number)


def _vorbis(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
    return ogg(ws, "vorbis", sr=sr, channels=channels, number=number)


def _by_ffmpeg(options: str, suffix: str) -> Callable[[Workshop, int, int, int], bytes]:
    def make(ws: Workshop, sr: int, channels: int, number: int) -> bytes:
        to = ws.scratch(suffix)
        return encode(ws, options, sr=sr, channels=channels, number=number, to=to).read_bytes()

    return make


_MAKERS = {  # form, one link, samples of a link that the format has no place to take off
    "wav": ("WAV", _wav, 0),
    "flac": ("FLAC", _flac, 0),
    "mp3": ("MP3", _mp3, 3 * 1152),
    "mp3_no_xing": ("MP3", _mp3_bare, 3 * 1152),
    "opus": ("Opus", _opus, 0),
    "ogg": ("Vorbis", _vorbis, 0),
    "aac": ("ADTS", _by_ffmpeg("-c:a aac", ".aac"), 3 * 1024),
    "mp2": ("MP2", _by_ffmpeg("-c:a mp2", ".mp2"), 3 * 1152),
    "ac3": ("AC-3", _by_ffmpeg("-c:a ac3", ".ac3"), 3 * 1536),
    "ts": ("TS", _by_ffmpeg("-c:a aac -f mpegts", ".ts"), 4 * 1024),
    "oga": ("Ogg FLAC", _by_ffmpeg("-c:a flac -f ogg", ".oga"), 0),
    "aiff": ("AIFF", _by_ffmpeg("-c:a pcm_s16be", ".aiff"), 0),
    "caf": ("CAF", _by_ffmpeg("-c:a pcm_s16le", ".caf"), 0),
    "w64": ("W64", _by_ffmpeg("-c:a pcm_s16le", ".w64"), 0),
    "au": ("AU", _by_ffmpeg("-c:a pcm_s16be", ".au"), 0),
    "m4a": ("M4A", _by_ffmpeg("-c:a aac", ".m4a"), 1024),
    "mov": ("MOV", _by_ffmpeg("-c:a pcm_s16le", ".mov"), 0),
    "mka": ("MKA", _by_ffmpeg("-c:a flac", ".mka"), 0),
    "webm": ("WebM", _by_ffmpeg("-c:a libopus", ".webm"), 960),
    "wma": ("WMA", _by_ffmpeg("-c:a wmav2", ".wma"), 2 * 2048),
    "wv": ("WavPack", _by_ffmpeg("-c:a wavpack", ".wv"), 0),
}
_UNWRITABLE = {"MP2", "AC-3", "TS", "Ogg FLAC"}


def _join(kind: str, links: tuple[tuple[int, int], ...]) -> Callable[[Workshop], Made]:
    form, link, slack = _MAKERS[kind]

    def make(ws: Workshop) -> Made:
        data = b"".join(link(ws, sr, ch, number) for number, (sr, ch) in enumerate(links))
        ws.path.write_bytes(data)
        decoded = [(48_000 if form == "Opus" else sr, ch) for sr, ch in links]
        counts = [sr * SECONDS for sr, _ in decoded]
        if len(set(decoded)) == 1:
            n = sum(counts)
            refusal = "unwritable" if form in _UNWRITABLE else "never"
            facts = {"sr": decoded[0][0], "channels": decoded[0][1], "n_marks": len(links)}
            more = form in ("WAV", "FLAC")
            return made(
                ws,
                "join",
                form,
                n,
                tolerance=slack * len(links),
                refusal=refusal,
                is_more=more,
                **facts,
            )  # type: ignore[arg-type]
        parts = tuple(
            Part(sr=sr, n_channels=ch, n_samples=n)
            for (sr, ch), n in zip(decoded, counts, strict=True)
        )
        return Made(
            path=ws.path,
            kind="join",
            form=form,
            parts=parts,
            tolerance=slack,
            refusal="changes",
            n_marks=len(links),
        )

    return make


def _cut_front(ws: Workshop) -> Made:
    """Make an MP3 that begins on the way, inside a frame, as from a cut or a stream."""
    data = lame(ws, "-b 96 -t" if "no_xing" in ws.name else "-V 4", sr=48_000)
    kept = data[len(data) // 3 :]
    ws.path.write_bytes(kept)
    n = sum(frame[2] for frame in scan.mpeg_frames(kept))
    # The first frames may need bits of frames that are gone.
    return made(ws, "cut", "MP3", n, tolerance=4 * 1152)


RECIPES: dict[str, Callable[[Workshop], Made]] = {
    **{f"joined_{kind}.{kind.split('_')[0]}": _join(kind, _SAME) for kind in _MAKERS},
    **{
        f"joined_three_{kind}.{kind}": _join(kind, _THREE)
        for kind in ("wav", "flac", "mp3", "opus", "ogg", "aac", "m4a", "caf")
    },
    **{
        f"joined_rates_{kind}.{kind}": _join(kind, _RATE)
        for kind in ("wav", "flac", "mp3", "aac", "m4a", "aiff", "mka")
    },
    "joined_rates_ogg.ogg": _join("ogg", _VORBIS_RATE),
    **{
        f"joined_channels_{kind}.{kind}": _join(kind, _CHANNELS)
        for kind in ("wav", "flac", "mp3", "opus", "ogg", "aac")
    },
    "cut_front.mp3": _cut_front,
    "cut_front_no_xing.mp3": _cut_front,
}
