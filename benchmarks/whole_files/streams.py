"""Compressed files whose headers are wrong, or that something was put around."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from benchmarks.whole_files import scan
from benchmarks.whole_files.formats import encode, lame, made, ogg
from benchmarks.whole_files.sound import SECONDS, TITLE, Made, Refusal, Workshop, ffmpeg, run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES", "flac", "id3"]

_SR = 48_000
_N = _SR * SECONDS
_V1 = b"TAG" + TITLE.encode().ljust(124, b"\0") + b"\0"
_LYRICS = b"LYRICSBEGININD0000200LYR00003la " + b"000036LYRICS200"


def id3(n_picture: int = 0) -> bytes:
    """Return an ID3 tag of version 2.3 with a title, and a picture of so many bytes."""

    def frame(ident: bytes, body: bytes) -> bytes:
        return ident + struct.pack(">IH", len(body), 0) + body

    body = frame(b"TIT2", b"\0" + TITLE.encode())
    if n_picture:
        body += frame(
            b"APIC", b"\0image/jpeg\0\3\0" + (b"\xff\xfb\x90\x64" * n_picture)[:n_picture]
        )
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + body


def _ape() -> bytes:
    item = struct.pack("<II", len(TITLE), 0) + b"Title\0" + TITLE.encode()
    size, n = len(item) + 32, 1
    head = struct.pack("<8sIIII8x", b"APETAGEX", 2000, size, n, 0xA0000000)
    return head + item + struct.pack("<8sIIII8x", b"APETAGEX", 2000, size, n, 0x80000000)


def flac(ws: Workshop, *, sr: int = _SR, channels: int = 1, number: int = 0) -> bytes:
    """Encode a take as FLAC."""
    path = ws.scratch(".flac")
    run("flac", "-s", "-f", "-T", f"TITLE={TITLE}", "-o", path, ws.wav(sr, channels, number=number))
    return path.read_bytes()


def _flac_total(
    of: Callable[[int], int], refusal: Refusal, *, md5: str = "kept"
) -> Callable[[Workshop], Made]:
    """Return a recipe of a FLAC that says another number of samples, or has no checksum."""

    def make(ws: Workshop) -> Made:
        data = bytearray(flac(ws))
        n = of(_N)
        data[21] = data[21] & 0xF0 | n >> 32
        struct.pack_into(">I", data, 22, n & 0xFFFFFFFF)
        if md5 == "zero":
            data[26:42] = bytes(16)
        ws.path.write_bytes(data)
        return made(ws, "header", "FLAC", _N, refusal=refusal, is_more=0 < n < _N)

    return make


def _flac_around(front: bytes, end: bytes) -> Callable[[Workshop], Made]:
    def make(ws: Workshop) -> Made:
        ws.path.write_bytes(front + flac(ws) + end)
        return made(ws, "header", "FLAC", _N)

    return make


def _flac_pipe(ws: Workshop) -> Made:
    wav = ws.wav()
    if "ffmpeg" in ws.name:
        ws.path.write_bytes(ffmpeg("-i", wav, "-f", "flac", "-"))
    else:
        ws.path.write_bytes(run("flac", "-s", "-c", "-", input=wav.read_bytes()))
    return made(ws, "header", "FLAC", _N)


def _mp3(
    options: str, front: Callable[[], bytes], end: bytes = b"", *, is_told: bool = True
) -> Callable[[Workshop], Made]:
    """Return a recipe of an MP3 with something around it."""

    def make(ws: Workshop) -> Made:
        data = lame(ws, options, sr=_SR)
        ws.path.write_bytes(front() + data + end)
        if is_told:
            return made(ws, "header", "MP3", _N)
        n = sum(frame[2] for frame in scan.mpeg_frames(data))
        return made(ws, "header", "MP3", n, tolerance=n - _N)

    return make


def _xing(lie: str) -> Callable[[Workshop], Made]:
    """Return a recipe of an MP3 whose header has another count of frames, or of bytes."""

    def make(ws: Workshop) -> Made:
        data = bytearray(lame(ws, "-V 4" if "vbr" in ws.name else "-b 96", sr=_SR))
        at = max(data.find(b"Xing", 0, 400), data.find(b"Info", 0, 400))
        (frames,) = struct.unpack_from(">I", data, at + 8)
        value = {"half": frames // 2, "double": 2 * frames, "zero": 0, "one_more": frames + 1}.get(
            lie
        )
        if value is not None:
            struct.pack_into(">I", data, at + 8, value)
        if lie == "bytes":
            struct.pack_into(">I", data, at + 12, len(data) // 3)
        if lie == "no_count":
            data[at + 7] &= 0xFE
        ws.path.write_bytes(data)
        # A wrong count leaves the delay in doubt: with it and without are right.
        slack = frames * 1152 - _N + 1152 if lie != "bytes" else 0
        refusal = "less" if lie in ("double", "one_more") else "never"
        return made(
            ws, "header", "MP3", _N, tolerance=slack, refusal=refusal, is_more=lie == "half"
        )

    return make


def _mp3_pipe(ws: Workshop) -> Made:
    options = ws.name.removesuffix(".mp3").split("_")[-1]
    quality = ("-q:a", 4) if options == "vbr" else ("-b:a", "64k")
    data = ffmpeg("-i", ws.wav(), *quality, "-metadata", f"title={TITLE}", "-f", "mp3", "-")
    ws.path.write_bytes(data)
    n = sum(frame[2] for frame in scan.mpeg_frames(data))
    # The header was never filled in: it counts as a frame of silence, or not.
    return made(ws, "header", "MP3", n, tolerance=n - _N)


def _pages(
    codec: str,
    change: Callable[[int, int, int, int], tuple[int, int]],
    **facts: Any,  # noqa: ANN401 - as `made` has them
) -> Callable[[Workshop], Made]:
    """Return a recipe of an Ogg whose pages `change(number, last, granule, flags)` has changed."""

    def make(ws: Workshop) -> Made:
        data = ogg(ws, codec)
        last = len(scan.ogg_pages(data)) - 1
        out = scan.rewrite_ogg(data, lambda k, granule, flags: change(k, last, granule, flags))
        ws.path.write_bytes(out)
        return made(ws, "header", codec.title(), _N, **facts)

    return make


def _ogg_end(codec: str) -> Callable[[Workshop], Made]:
    """Return a recipe of an Ogg without its last page: a stream that was ended, or a crash."""

    def make(ws: Workshop) -> Made:
        data = ogg(ws, codec)
        pages = scan.ogg_pages(data)
        ws.path.write_bytes(data[: pages[-1][0]])
        skip = (
            struct.unpack_from("<H", data, data.find(b"OpusHead") + 10)[0] if codec == "opus" else 0
        )
        return made(ws, "header", codec.title(), pages[-2][2] - skip)

    return make


def _ogg_joined_late(codec: str) -> Callable[[Workshop], Made]:
    """Return a recipe of an Ogg that a listener began to record on the way."""

    def make(ws: Workshop) -> Made:
        data = ogg(ws, codec)
        pages = scan.ogg_pages(data)
        n_heads = next(k for k, page in enumerate(pages) if page[2] > 0)
        first = len(pages) // 2
        kept = data[: pages[n_heads][0]] + data[pages[first][0] :]
        ws.path.write_bytes(kept)
        n = pages[-1][2] - pages[first - 1][2]
        # The first packets are needed to begin: how many are heard differs.
        return made(ws, "header", codec.title(), n, tolerance=3_840 + 312)

    return make


def _late(k: int, last: int, granule: int, flags: int) -> tuple[int, int]:
    return (granule + 4_800_000 if granule > 0 else granule), flags


def _m4a(lie: str) -> Callable[[Workshop], Made]:
    """Return a recipe of an M4A whose boxes do not say how long it is."""

    def make(ws: Workshop) -> Made:
        data = bytearray(encode(ws, "-c:a aac", sr=_SR).read_bytes())
        at = data.find(lie[:4].encode())
        offset = {"mvhd": 20, "mdhd": 20, "tkhd": 24}[lie[:4]]
        (truth,) = struct.unpack_from(">I", data, at + offset)
        value = {"zero": 0, "half": truth // 2, "double": 2 * truth}[lie[5:]]
        struct.pack_into(">I", data, at + offset, value)
        ws.path.write_bytes(data)
        return made(ws, "header", "M4A", _N, refusal="less" if "double" in lie else "never")

    return make


def _edit_list(ws: Workshop) -> Made:
    whole = encode(ws, "-c:a aac", sr=_SR, to=ws.scratch(".m4a"))
    ffmpeg("-ss", 2.5, "-i", whole, "-c", "copy", ws.path)
    # Cut without re-encoding: packets before the cut are still present, and an edit hides them.
    return made(ws, "header", "M4A", _N - 5 * _SR // 2, tolerance=2 * 1024)


def _fragments(ws: Workshop) -> Made:
    flags = "frag_keyframe+empty_moov+default_base_moof"
    encode(ws, f"-c:a aac -movflags {flags} -frag_duration 1000000", sr=_SR)
    return made(ws, "header", "M4A", _N, tolerance=2 * 1024)


def _webm_pipe(ws: Workshop) -> Made:
    options = ("-live", 1) if "live" in ws.name else ()
    codec = "libopus" if ws.path.suffix == ".webm" else "flac"
    form = "webm" if codec == "libopus" else "matroska"
    ws.path.write_bytes(
        ffmpeg("-i", ws.wav(), "-c:a", codec, "-fflags", "+bitexact", *options, "-f", form, "-")
    )
    return made(ws, "header", "WebM" if form == "webm" else "MKA", _N, tolerance=960)


_OGG: dict[str, Callable[[Workshop], Made]] = {}
for _codec, _suffix in (("opus", "opus"), ("vorbis", "ogg")):
    _packet = 960 if _codec == "opus" else 2048
    _OGG |= {
        f"{_codec}_no_eos_flag.{_suffix}": _pages(
            _codec, lambda k, last, g, f: (g, f & ~4), tolerance=_packet
        ),
        f"{_codec}_no_last_page.{_suffix}": _ogg_end(_codec),
        f"{_codec}_late.{_suffix}": _pages(_codec, _late),
        f"{_codec}_joined_late.{_suffix}": _ogg_joined_late(_codec),
        f"{_codec}_last_granule_half.{_suffix}": _pages(
            _codec,
            lambda k, last, g, f: (g // 2 if k == last else g, f),
            tolerance=_packet,
            is_more=True,
        ),
        f"{_codec}_last_granule_zero.{_suffix}": _pages(
            _codec,
            lambda k, last, g, f: (0 if k == last else g, f),
            tolerance=_packet,
            is_more=True,
        ),
        f"{_codec}_last_granule_large.{_suffix}": _pages(
            _codec,
            lambda k, last, g, f: (g + 480_000 if k == last else g, f),
            tolerance=_packet,
            refusal="less",
        ),
    }

RECIPES: dict[str, Callable[[Workshop], Made]] = {
    "flac_total_unknown.flac": _flac_total(lambda n: 0, "never"),
    "flac_total_half.flac": _flac_total(lambda n: n // 2, "never"),
    "flac_total_one.flac": _flac_total(lambda n: 1, "never"),
    "flac_total_double.flac": _flac_total(lambda n: 2 * n, "less"),
    "flac_total_5_more.flac": _flac_total(lambda n: n + 5, "less"),
    "flac_md5_zero.flac": _flac_total(lambda n: n, "never", md5="zero"),
    "flac_total_unknown_md5_zero.flac": _flac_total(lambda n: 0, "never", md5="zero"),
    "flac_total_half_md5_zero.flac": _flac_total(lambda n: n // 2, "never", md5="zero"),
    "flac_id3_in_front.flac": _flac_around(id3(), b""),
    "flac_id3v1_behind.flac": _flac_around(b"", _V1),
    "flac_id3_around.flac": _flac_around(id3(), _V1),
    "flac_pipe.flac": _flac_pipe,
    "flac_pipe_ffmpeg.flac": _flac_pipe,
    "mp3_id3.mp3": _mp3("-b 96", id3),
    "mp3_id3_twice.mp3": _mp3("-b 96", lambda: 2 * id3()),
    "mp3_cover_5_mb.mp3": _mp3("-b 96", lambda: id3(5_000_000)),
    "mp3_cover_5_mb_no_xing.mp3": _mp3("-b 96 -t", lambda: id3(5_000_000), is_told=False),
    "mp3_cover_5_mb_vbr_no_xing.mp3": _mp3("-V 4 -t", lambda: id3(5_000_000), is_told=False),
    "mp3_junk_in_front.mp3": _mp3("-b 96", lambda: bytes(2000)),
    "mp3_junk_in_front_no_xing.mp3": _mp3("-b 96 -t", lambda: bytes(200_000), is_told=False),
    "mp3_id3v1_behind.mp3": _mp3("-b 96", id3, _V1),
    "mp3_ape_behind.mp3": _mp3("-b 96", lambda: b"", _ape()),
    "mp3_ape_id3v1_behind.mp3": _mp3("-b 96", id3, _ape() + _V1),
    "mp3_lyrics_behind.mp3": _mp3("-b 96", id3, _LYRICS + _V1),
    "mp3_id3_behind.mp3": _mp3("-b 96", id3, id3() + _V1),
    "mp3_ape_behind_no_xing.mp3": _mp3("-b 96 -t", lambda: b"", _ape() + _V1, is_told=False),
    "mp3_zeros_behind.mp3": _mp3("-b 96", id3, bytes(5000)),
    **{
        f"xing_{lie}.mp3": _xing(lie)
        for lie in ("half", "double", "zero", "one_more", "bytes", "no_count")
    },
    **{f"xing_{lie}_vbr.mp3": _xing(lie) for lie in ("half", "double", "zero", "bytes")},
    "mp3_pipe_cbr.mp3": _mp3_pipe,
    "mp3_pipe_vbr.mp3": _mp3_pipe,
    **_OGG,
    **{
        f"m4a_{box}_{lie}.m4a": _m4a(f"{box}_{lie}")
        for box in ("mvhd", "mdhd", "tkhd")
        for lie in ("zero", "half", "double")
    },
    "m4a_edit_list.m4a": _edit_list,
    "m4a_fragments.m4a": _fragments,
    "webm_pipe.webm": _webm_pipe,
    "webm_live.webm": _webm_pipe,
    "mka_pipe.mka": _webm_pipe,
}
