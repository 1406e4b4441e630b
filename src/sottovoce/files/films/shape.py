"""Where the index of an MP4 lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["shape_of"]


def shape_of(path: Path) -> str:
    """Return where the index of an MP4 lies: ``"fragmented"``, ``"front"`` or ``"end"``."""
    order: list[bytes] = []
    with path.open("rb") as file:
        size = path.stat().st_size
        while len(head := file.read(16)) >= 8 and len(order) < 64:
            length, name = int.from_bytes(head[:4], "big"), head[4:8]
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            if length < 8:
                break
            order.append(name)
            begin = file.tell() - len(head)
            if begin + length >= size:
                break
            file.seek(begin + length)
    if b"moof" in order:
        return "fragmented"
    if b"moov" in order and b"mdat" in order and order.index(b"moov") < order.index(b"mdat"):
        return "front"
    return "end"
