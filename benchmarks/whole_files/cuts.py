"""Files that are really cut: half of the bytes, or two thirds, and what lies whole in them."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.whole_files import scan
from benchmarks.whole_files.formats import RECIPES as WHOLE
from benchmarks.whole_files.sound import Made, Part, Refusal, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES"]


def _after(ident: bytes, head: int) -> Callable[[bytes, Part, int], int]:
    """Return a count of plain samples that begin so many bytes after a word."""

    def count(data: bytes, part: Part, width: int) -> int:
        return (len(data) - data.find(ident) - head) // (width * part.n_channels)

    return count


def _summed(
    walk: Callable[[bytes], list[tuple[int, int, int]]],
) -> Callable[[bytes, Part, int], int]:
    return lambda data, part, width: sum(frame[2] for frame in walk(data))


def _flac(data: bytes, part: Part, width: int) -> int:
    # The last frame that begins does not lie whole.
    return sum(n for _, n in scan.flac_frames(data)[:-1])


def _opus(data: bytes, part: Part, width: int) -> int:
    (skip,) = struct.unpack_from("<H", data, data.find(b"OpusHead") + 10)
    return max(page[2] for page in scan.ogg_pages(data)) - skip


def _vorbis(data: bytes, part: Part, width: int) -> int:
    return max(page[2] for page in scan.ogg_pages(data))


def _m4a(data: bytes, part: Part, width: int) -> int:
    at, sizes = scan.mp4_samples(data)
    n = 0
    for size in sizes:
        at += size
        if at > len(data):
            break
        n += 1
    return 1024 * max(n - 1, 0)


def _blocks(samples: int) -> Callable[[bytes, Part, int], int]:
    return lambda data, part, width: samples * scan.ebml_blocks(data)


def _ts(data: bytes, part: Part, width: int) -> int:
    return sum(frame[2] for frame in scan.adts_frames(scan.ts_payload(data, 0x100)))


def _nothing(data: bytes, part: Part, width: int) -> int:
    return 0


_FILES: dict[str, tuple[Callable[[bytes, Part, int], int], int, int, Refusal]] = {
    # name: count, bytes of a sample, tolerance, what a reader has to do
    "wav_16.wav": (_after(b"data", 8), 2, 0, "cut"),
    "wav_24.wav": (_after(b"data", 8), 3, 0, "cut"),
    "rf64.wav": (_after(b"data", 8), 3, 0, "cut"),
    "w64.w64": (_after(b"data\xf3\xac\xd3\x11", 24), 3, 0, "cut"),
    "aiff_16.aiff": (_after(b"SSND", 16), 2, 0, "cut"),
    "caf_16.caf": (_after(b"data", 16), 2, 0, "cut"),
    "au_16.au": (lambda data, part, width: (len(data) - 24) // 4, 2, 0, "cut"),
    "sphere.sph": (lambda data, part, width: (len(data) - 1024) // 2, 2, 0, "cut"),
    "flac_16.flac": (_flac, 0, 4096, "cut"),
    "mp3_cbr.mp3": (_summed(scan.mpeg_frames), 0, 3 * 1152, "cut"),
    "mp3_vbr.mp3": (_summed(scan.mpeg_frames), 0, 3 * 1152, "cut"),
    "mp3_cbr_no_xing.mp3": (_summed(scan.mpeg_frames), 0, 2 * 1152, "never"),
    "mp3_vbr_no_xing.mp3": (_summed(scan.mpeg_frames), 0, 2 * 1152, "never"),
    "mp2.mp2": (_summed(scan.mpeg_frames), 0, 1152, "unwritable"),
    "adts.aac": (_summed(scan.adts_frames), 0, 2 * 1024, "never"),
    "ac3.ac3": (_summed(scan.ac3_frames), 0, 1536, "unwritable"),
    "amr.amr": (_summed(scan.amr_frames), 0, 320, "unwritable"),
    "vorbis.ogg": (_vorbis, 0, 2048, "less"),
    "opus.opus": (_opus, 0, 960, "less"),
    "m4a.m4a": (_nothing, 0, 0, "cut"),
    "m4a_faststart.m4a": (_m4a, 0, 2 * 1024, "cut"),
    "webm_opus.webm": (_blocks(960), 0, 2 * 960, "cut"),
    "mka_aac.mka": (_blocks(1024), 0, 2 * 1024, "cut"),
    "wavpack.wv": (_summed(scan.wavpack_blocks), 0, 0, "cut"),
    "ts_aac.ts": (_ts, 0, 6 * 1024, "unwritable"),
}
_SHARES = {"half": (1, 2), "two_thirds": (2, 3)}


def _cut(name: str, share: tuple[int, int]) -> Callable[[Workshop], Made]:
    count, width, tolerance, refusal = _FILES[name]

    def make(ws: Workshop) -> Made:
        # In a folder of its own: the whole file may be in the making beside it.
        with tempfile.TemporaryDirectory() as folder:
            whole = WHOLE[name](Workshop(Path(folder), name, ws.seed, ws.marked, ws.clips))
            data = whole.path.read_bytes()
        cut = data[: len(data) * share[0] // share[1]]
        ws.path.write_bytes(cut)
        part = whole.parts[0]
        n = count(cut, part, width)
        part = Part(sr=part.sr, n_channels=part.n_channels, n_samples=n)
        return Made(
            path=ws.path,
            kind="cut",
            form=whole.form,
            parts=(part,),
            tolerance=tolerance,
            refusal=refusal,
        )

    return make


RECIPES: dict[str, Callable[[Workshop], Made]] = {
    f"cut_{share}_{name}": _cut(name, shares)
    for name in _FILES
    for share, shares in _SHARES.items()
}
