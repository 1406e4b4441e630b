"""Walk through ADTS, the bare form of AAC (ISO 13818-7, section 6.2): where its kind changes.

FFmpeg stops with an error where files of other rates or channels were joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.files.decoding.extent import is_foreign

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["adts_length", "walk_adts"]

_WINDOW_BYTES = 1 << 20


def adts_length(head: bytes) -> int:
    """Return the length of the frame that begins with `head` (seven bytes), or 0 if none does."""
    is_frame = len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    if not is_frame or head[2] >> 2 & 15 > 12:
        return 0
    n_bytes = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return n_bytes if n_bytes >= 7 else 0


def walk_adts(file: BinaryIO, *, start: int, end: int) -> tuple[list[tuple[int, int]], int]:
    """Follow the frames of a stream.

    Returns
    -------
    runs : list of (int, int)
        First byte, and the one after the last, of frames of one kind each.
    n_unknown : int
        Bytes between frames that are neither frames nor tags.
    """
    runs: list[tuple[int, int]] = []
    n_unknown, is_lost = 0, False
    kind = b""
    at = window_at = start
    window = b""
    while at < end:
        if not window_at <= at <= window_at + len(window) - 16_384:
            file.seek(at)
            window, window_at = file.read(min(_WINDOW_BYTES, end - at)), at
        head = window[at - window_at : at - window_at + 7]
        n_bytes = adts_length(head)
        if n_bytes == 0:
            # Junk between frames: FFmpeg skips it.
            following = window.find(b"\xff", at - window_at + 1)
            place = window_at + following if following >= 0 else window_at + len(window)
            if is_lost or not is_foreign(window[at - window_at :][:4096]):
                is_lost, n_unknown = True, n_unknown + place - at
            at = max(place, at + 1)
            continue
        is_lost = False
        own = bytes([head[2] & 0x3D, head[3] & 0xC0])  # rate, and the channels that cross a byte
        if own != kind and adts_length(window[at - window_at + n_bytes :][:7]):
            runs.append((at, at))
            kind = own
        at += n_bytes
        if runs:
            runs[-1] = (runs[-1][0], min(at, end))
    return runs, n_unknown
