"""Find where files of one kind were joined (``cat a.m4a b.m4a > all.m4a``).

Players and decoders read the first or the last of them and ignore the rest.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sottovoce.files.decoding.boxes import find_movies
from sottovoce.files.decoding.layout import MOST_JOINED, too_many
from sottovoce.files.decoding.matroska import find_segments
from sottovoce.files.decoding.older_containers import ASF_MARK
from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, Literal

    from sottovoce.files.decoding.raw import Raw

__all__ = ["find_joins"]

_HEAD_BYTES = 64
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")


def _is_form(head: bytes) -> bool:
    return head[8:12] in (b"AIFF", b"AIFC") and head[12:16].strip(b" ").isalnum()


def _is_au(head: bytes) -> bool:
    order: Literal["little", "big"] = "little" if head[:4] == b"dns." else "big"
    offset, _, coding, sr, n_channels = (
        int.from_bytes(head[at : at + 4], order) for at in range(4, 24, 4)
    )
    is_known = 24 <= offset <= 1 << 16 and 1 <= coding <= 27
    return is_known and 1000 <= sr <= 400_000 and 1 <= n_channels <= 64


def _is_flv(head: bytes) -> bool:
    return head[5:9] == b"\x00\x00\x00\x09" and not any(head[9:13]) and not head[4] & 0xFA


def _is_tta(head: bytes) -> bool:
    return zlib.crc32(head[:18]).to_bytes(4, "little") == head[18:22]


def _is_wavpack(head: bytes) -> bool:
    """Return whether a block is the first of a file."""
    version = int.from_bytes(head[8:10], "little")
    is_first = not any(head[16:20]) and bool(int.from_bytes(head[24:28], "little") & 0x800)
    return 0x402 <= version <= 0x410 and is_first


def _is_avi(head: bytes) -> bool:
    return head[8:16] == b"AVI LIST"


def _is_dsf(head: bytes) -> bool:
    return head[4:12] == (28).to_bytes(8, "little")


def _is_any(_head: bytes) -> bool:
    return True


_BEGINNINGS: dict[bytes, Callable[[bytes], bool]] = {
    b"FORM": _is_form,
    b"caff\x00\x01\x00\x00desc": _is_any,
    _W64: _is_any,
    b".snd": _is_au,
    b"dns.": _is_au,
    b"NIST_1A\n   1024\n": _is_any,
    ASF_MARK: _is_any,
    b"FLV\x01": _is_flv,
    b"TTA1": _is_tta,
    b"wvpk": _is_wavpack,
    b"RIFF": _is_avi,
    b"DSD ": _is_dsf,
    b".RMF\x00\x00\x00\x12": _is_any,
    b"#!AMR\n": _is_any,
    b"#!AMR-WB\n": _is_any,
    b"Creative Voice File\x1a": _is_any,
}


def find_joins(raw: Raw, kind: str, head: bytes, *, start: int) -> list[int]:
    """Return where each of the files begins of which a file consists; usually one.

    Parameters
    ----------
    raw : Raw
        The file.
    kind : str
        As returned by `kind_of`.
    head : bytes
        Its first bytes, after any ID3v2 tag.
    start : int
        Their position.

    Returns
    -------
    starts : list of int
        In ascending order; the first is `start`.

    Raises
    ------
    UnsupportedFormatError
        If there are more than any recording has.
    """
    with raw.open() as file:
        if kind == "mp4":
            starts = find_movies(file, start=start, end=raw.n_bytes)
        elif kind == "matroska":
            starts = find_segments(file, start=start, end=raw.n_bytes)
        else:
            starts = _find_beginnings(file, head, start=start, end=raw.n_bytes)
    if len(starts) > MOST_JOINED:
        raise too_many(raw.path)
    return starts


def _find_beginnings(file: BinaryIO, head: bytes, *, start: int, end: int) -> list[int]:
    mark = next((one for one in _BEGINNINGS if head.startswith(one)), None)
    if mark is None or not _BEGINNINGS[mark](head[:_HEAD_BYTES]):
        return [start]
    if _fills(head, end - start):
        return [start]
    starts = [start]
    for place in find_all(file, mark, start + 1, end):
        file.seek(place)
        if _BEGINNINGS[mark](file.read(_HEAD_BYTES).ljust(_HEAD_BYTES, b"\x00")):
            starts.append(place)
    return starts


def _fills(head: bytes, n_bytes: int) -> bool:
    """Return whether a header accounts for the whole file, so that no search is needed."""
    if head[:4] == b"FORM":
        return 8 + int.from_bytes(head[4:8], "big") in (n_bytes - 1, n_bytes)
    if head.startswith(_W64):
        return int.from_bytes(head[16:24], "little") == n_bytes
    if head[:4] == b".snd":
        return int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big") == n_bytes
    return False
