"""Block sizes of sound in AVI: a block must hold the largest packet.

AVI stores only the number of blocks as which a packet of sound counts.  A packet of a variable rate
lasts ``ceil(size / nBlockAlign)`` frames.  FFmpeg writes 768 bytes for each channel of AAC, the
maximum for a frame; its own encoder needs more at low rates, and each such packet delays everything
after it by a frame.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sottovoce.files.decoding.pyav import open_container

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["count_frames", "fit_blocks"]

_HEAD_BYTES = 1 << 20
_SAMPLE_SIZE_AT = 44  # in strh
_BLOCK_ALIGN_AT = 12  # in strf, two bytes
_MOST = 0xFFFF


def fit_blocks(path: Path) -> None:
    """Make each audio packet of a variable rate count as one frame.

    Parameters
    ----------
    path : Path
        AVI as FFmpeg has written it; changed in place.
    """
    most: dict[int, int] = {}
    with path.open("rb") as raw:
        head = raw.read(_HEAD_BYTES)
        raw.seek(0)
        with open_container(raw, path=str(path)) as container:
            sounds = list(container.streams.audio)
            for packet in container.demux(sounds):
                index = int(packet.stream_index)
                most[index] = max(most.get(index, 0), int(packet.size))
    with path.open("r+b") as file:
        for index, at in enumerate(_find_aligns(head)):
            if at and _number(head, at, 2) < most.get(index, 0) <= _MOST:
                file.seek(at)
                file.write(most[index].to_bytes(2, "little"))


def count_frames(container: Any) -> dict[int, Iterator[int]]:  # noqa: ANN401 - PyAV is imported late
    """Return the times of audio packets, by the index of the stream, in ticks of a frame.

    If a packet counts as two, FFmpeg's muxer would insert an empty one after it.

    Parameters
    ----------
    container : av.container.InputContainer
        Open.

    Returns
    -------
    times : dict of int to iterator of int
        Empty if the container is not AVI; without streams that count in bytes.
    """
    if container.format.name != "avi":
        return {}
    return {
        int(stream.index): itertools.count(stream.start_time or 0)
        for stream in container.streams.audio
        if stream.codec_context is not None
        and stream.codec_context.frame_size
        and stream.time_base * stream.codec_context.sample_rate == stream.codec_context.frame_size
    }


def _find_aligns(head: bytes) -> Iterator[int]:
    """Yield the position of ``nBlockAlign`` for each stream; 0 if it means something else."""
    for name, at, size in _walk(head, 12, len(head)):
        if (name, head[at : at + 4]) != (b"LIST", b"hdrl"):
            continue
        for inner, begin, n in _walk(head, at + 4, at + size):
            if (inner, head[begin : begin + 4]) != (b"LIST", b"strl"):
                continue
            parts = {one: where for one, where, _ in _walk(head, begin + 4, begin + n)}
            strh, strf = parts.get(b"strh", 0), parts.get(b"strf", 0)
            is_variable = head[strh : strh + 4] == b"auds" and not _number(
                head, strh + _SAMPLE_SIZE_AT, 4
            )
            yield strf + _BLOCK_ALIGN_AT if strf and is_variable else 0


def _walk(head: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, the position of its content, and its size."""
    while at + 8 <= min(end, len(head)):
        size = _number(head, at + 4, 4)
        yield head[at : at + 4], at + 8, size
        at += 8 + size + (size & 1)


def _number(head: bytes, at: int, n: int) -> int:
    return int.from_bytes(head[at : at + n], "little")
