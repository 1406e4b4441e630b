"""Containers of plain samples whose headers are wrong: crashes, pipes, wrapped sizes."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import soundfile as sf

from benchmarks.whole_files.formats import chunk, made, wave, wave_format
from benchmarks.whole_files.sound import SECONDS, Made, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES"]

_FULL = 0xFFFFFFFF
_INFO = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Take one\0") + chunk(b"IART", b"Actor\0"))
_ID3 = b"ID3\3\0\0\0\0\x10\0" + b"TIT2\0\0\0\5\0\0\0Take" + bytes(2048 - 15)
_KINDS = {  # rate, channels, bits, tag of the format
    "16": (48_000, 1, 16, 1),
    "24_stereo": (44_100, 2, 24, 1),
    "8_khz": (8_000, 1, 16, 1),
    "6_channels": (48_000, 6, 16, 1),
}
# What the header says: of the samples, as a function of the truth, and of the whole file; what may
# be refused, and whether there is more than it says.
_SIZES: dict[str, tuple[Callable[[int], int], Callable[[int], int], Any, bool]] = {
    "zero": (lambda n: 0, lambda n: 0, "never", True),
    "zero_riff_right": (lambda n: 0, lambda n: n + 36, "never", True),
    "riff_zero": (lambda n: n, lambda n: 0, "never", False),
    "riff_half": (lambda n: n, lambda n: n // 2, "never", False),
    "riff_huge": (lambda n: n, lambda n: 0x70000000, "less", False),
    "full": (lambda n: _FULL, lambda n: _FULL, "never", False),
    "pipe": (lambda n: 0x7FFFF000 - 36, lambda n: 0x7FFFF000, "never", False),
    "1_too_large": (lambda n: n + 1, lambda n: n + 37, "less", False),
    "16_too_large": (lambda n: n + 16, lambda n: n + 36, "less", False),
    "huge": (lambda n: 0x30000000, lambda n: 0x30000024, "less", False),
    "a_frame_too_small": (lambda n: n - 24, lambda n: n + 12, "never", True),
    "half": (lambda n: n // 2 // 12 * 12, lambda n: n // 2 // 12 * 12 + 36, "never", True),
    "half_riff_right": (lambda n: n // 2 // 12 * 12, lambda n: n + 36, "never", True),
    "wrapped": (lambda n: 4_800, lambda n: 4_836, "never", True),
}


def _sized(kind: str, lie: str) -> Callable[[Workshop], Made]:
    sr, channels, bits, tag = _KINDS[kind]
    data_of, riff_of, refusal, is_more = _SIZES[lie]

    def make(ws: Workshop) -> Made:
        pcm = ws.pcm(sr, channels, bits=bits)
        data = chunk(b"data", pcm, data_of(len(pcm)))
        head = wave_format(sr, channels, bits, tag)
        ws.path.write_bytes(wave(head, data, size=riff_of(len(pcm))))
        return made(
            ws,
            "header",
            "WAV",
            sr * SECONDS,
            sr=sr,
            channels=channels,
            refusal=refusal,
            is_more=is_more,
        )

    return make


def _around(
    before: bytes, after: bytes, *, front: bytes = b"", end: bytes = b""
) -> Callable[[Workshop], Made]:
    """Return a recipe of a right WAV with something around it or its samples."""

    def make(ws: Workshop) -> Made:
        parts = (wave_format(48_000), before, chunk(b"data", ws.pcm()), after)
        ws.path.write_bytes(front + wave(*parts) + end)
        return made(ws, "header", "WAV", 48_000 * SECONDS)

    return make


def _zero_then_list(ws: Workshop) -> Made:
    parts = (wave_format(48_000), chunk(b"data", ws.pcm(), 0), _INFO)
    ws.path.write_bytes(wave(*parts, size=0))
    return made(ws, "header", "WAV", 48_000 * SECONDS, tolerance=len(_INFO), is_more=True)


def _odd(*, pad: bool, after: bytes) -> Callable[[Workshop], Made]:
    """Return a recipe of an odd number of bytes, with or without the byte that evens them."""

    def make(ws: Workshop) -> Made:
        pcm = ws.pcm(bits=24)[:-3]
        parts = (wave_format(48_000, 1, 24), chunk(b"data", pcm, pad=pad), after)
        ws.path.write_bytes(wave(*parts))
        return made(ws, "header", "WAV", 48_000 * SECONDS - 1)

    return make


def _crashed_recorder(ws: Workshop) -> Made:
    parts = (chunk(b"JUNK", bytes(28)), wave_format(48_000), chunk(b"FLLR", bytes(4008)))
    ws.path.write_bytes(wave(*parts, chunk(b"data", ws.pcm(), 0), size=4088))
    return made(ws, "header", "WAV", 48_000 * SECONDS, is_more=True)


def _rf64(ws: Workshop) -> Made:
    pcm = ws.pcm()
    value = {"zero": 0, "full": 2**64 - 1, "small": 9_600}[ws.name.split(".")[0].split("_")[-1]]
    sizes = struct.pack("<QQQI", value, value, value, 0)
    parts = (chunk(b"ds64", sizes), wave_format(48_000), chunk(b"data", pcm, _FULL))
    ws.path.write_bytes(wave(*parts, size=_FULL, form=ws.name[:4].upper().encode()))
    return made(ws, "header", "RF64", 48_000 * SECONDS, is_more=value < 2**63)


def _patched(
    form: str,
    where: Callable[[bytes], int],
    kind: str,
    lie: Callable[[int], int],
    refusal: Any = "never",  # noqa: ANN401
) -> Callable[[Workshop], Made]:
    """Return a recipe of a plain file whose one number is changed."""

    def make(ws: Workshop) -> Made:
        file = io.BytesIO()
        sf.write(file, ws.take(48_000, 2).T, 48_000, format=form, subtype="PCM_16")
        data = bytearray(file.getvalue())
        at = where(data)
        (truth,) = struct.unpack_from(kind, data, at)
        value = lie(truth)
        struct.pack_into(kind, data, at, value)
        ws.path.write_bytes(data)
        # The size of the whole file promises nothing about the sound in it.
        unknown = value in (-1, _FULL) or at in (4, 16)
        return made(
            ws,
            "header",
            form,
            48_000 * SECONDS,
            channels=2,
            refusal=refusal,
            is_more=value < truth and not unknown,
        )

    return make


def _at(ident: bytes, offset: int) -> Callable[[bytes], int]:
    return lambda data: data.find(ident) + offset


_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"
_PATCHED: dict[str, Callable[[Workshop], Made]] = {
    "caf_size_unknown.caf": _patched("CAF", _at(b"data", 4), ">q", lambda n: -1),
    "caf_size_half.caf": _patched("CAF", _at(b"data", 4), ">q", lambda n: n // 8 * 4 + 4),
    "caf_size_double.caf": _patched("CAF", _at(b"data", 4), ">q", lambda n: 2 * n, "less"),
    "aiff_count_half.aiff": _patched("AIFF", _at(b"COMM", 10), ">I", lambda n: n // 2),
    "aiff_count_double.aiff": _patched("AIFF", _at(b"COMM", 10), ">I", lambda n: 2 * n, "less"),
    "aiff_count_zero.aiff": _patched("AIFF", _at(b"COMM", 10), ">I", lambda n: 0),
    "aiff_size_zero.aiff": _patched("AIFF", _at(b"SSND", 4), ">I", lambda n: 0),
    "aiff_size_half.aiff": _patched("AIFF", _at(b"SSND", 4), ">I", lambda n: n // 2),
    "aiff_form_zero.aiff": _patched("AIFF", _at(b"FORM", 4), ">I", lambda n: 0),
    "au_size_unknown.au": _patched("AU", lambda data: 8, ">I", lambda n: _FULL),
    "au_size_half.au": _patched("AU", lambda data: 8, ">I", lambda n: n // 8 * 4),
    "au_size_zero.au": _patched("AU", lambda data: 8, ">I", lambda n: 0),
    "w64_size_half.w64": _patched("W64", _at(_W64_DATA, 16), "<Q", lambda n: n // 16 * 8),
    "w64_size_zero.w64": _patched("W64", _at(_W64_DATA, 16), "<Q", lambda n: 24),
    "w64_riff_zero.w64": _patched("W64", lambda data: 16, "<Q", lambda n: 40),
}

RECIPES: dict[str, Callable[[Workshop], Made]] = {
    **{
        f"size_{lie}_{kind}.wav": _sized(kind, lie)
        for kind in ("16", "24_stereo")
        for lie in _SIZES
    },
    **{
        f"size_{lie}_{kind}.wav": _sized(kind, lie)
        for kind in ("8_khz", "6_channels")
        for lie in ("zero", "full", "half", "16_too_large")
    },
    "size_zero_then_list.wav": _zero_then_list,
    "odd_padded.wav": _odd(pad=True, after=_INFO),
    "odd_unpadded.wav": _odd(pad=False, after=b""),
    "odd_unpadded_then_list.wav": _odd(pad=False, after=_INFO),
    "crashed_recorder.wav": _crashed_recorder,
    "id3_in_front.wav": _around(b"", _INFO, front=_ID3),
    "id3_behind.wav": _around(b"", b"", end=_ID3),
    "id3v1_behind.wav": _around(b"", b"", end=b"TAG" + b"Take".ljust(125, b"\0")),
    "text_behind.wav": _around(b"", _INFO, end=b"\r\n<!-- end -->\r\n"),
    "zeros_behind.wav": _around(b"", _INFO, end=bytes(1000)),
    "odd_chunk_unpadded.wav": _around(chunk(b"iXML", b"<BWFXML/>", pad=False), _INFO),
    "large_list.wav": _around(chunk(b"LIST", b"adtl" + bytes(393_160)), b""),
    "fact_wrong.wav": _around(chunk(b"fact", struct.pack("<I", 7)), _INFO),
    "two_formats.wav": _around(wave_format(48_000), b""),
    "junk_chunks.wav": _around(chunk(b"PAD ", bytes(4000)), chunk(b"FLLR", bytes(3000))),
    "stray_chunk.wav": _around(b"", b"\0n\0i" + bytes(4) + _INFO),
    **{
        f"{form}_ds64_{lie}.wav": _rf64
        for form in ("rf64", "bw64")
        for lie in ("zero", "full", "small")
    },
    **_PATCHED,
}
