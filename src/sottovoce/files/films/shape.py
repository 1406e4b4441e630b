"""Where the index of an MP4 lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.files.keeping.boxes import top_boxes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["shape_of"]


def shape_of(path: Path) -> str:
    """Return where the index of an MP4 lies: ``"fragmented"``, ``"front"`` or ``"end"``."""
    with path.open("rb") as file:
        order = [name for name, *_ in top_boxes(file)]
    if b"moof" in order:
        return "fragmented"
    # The data of a film that is cut short reach over its end, and are not among the boxes.
    is_front = b"moov" in order and b"mdat" not in order[: order.index(b"moov")]
    return "front" if is_front else "end"
