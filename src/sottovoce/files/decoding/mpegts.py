"""Walk through the packets of an MPEG transport stream (ISO 13818-1, section 2.4.3).

Each packet counts on from the one before of the same stream, modulo 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["describe_damage"]

_CHUNK_PACKETS = 20_000
_NULL_PID = 0x1FFF


def describe_damage(file: BinaryIO, *, end: int) -> list[str]:
    """Return what is odd about a stream, a line each: packets that are missing or no packets.

    Files that were joined do not count on either, so that nothing of it is a proof of loss.
    """
    file.seek(0)
    head = file.read(12)
    step, shift = (188, 0) if head[:1] == b"G" else (192, 4)
    last: dict[int, int] = {}
    n_jumps = n_odd = 0
    file.seek(0)
    n_packets = end // step
    for at in range(0, n_packets, _CHUNK_PACKETS):
        n = min(_CHUNK_PACKETS, n_packets - at)
        data = np.frombuffer(file.read(n * step), np.uint8)
        packets = data[: len(data) // step * step].reshape(-1, step)[:, shift : shift + 6]
        is_packet = packets[:, 0] == 0x47
        n_odd += int(np.count_nonzero(~is_packet))
        n_jumps += _count_jumps(packets[is_packet], last)
    notes = []
    if n_jumps or n_odd:
        n = n_jumps + n_odd
        places = "1 place" if n == 1 else f"{n:,} places"
        notes.append(f"lacks packets or was joined in {places}; what is there was read")
    elif end % step:
        notes.append("ends within a packet, so what came after that may be missing")
    return notes


def _count_jumps(packets: np.ndarray, last: dict[int, int]) -> int:
    """Return how often a count does not go on; `last` keeps the counts between calls."""
    pids = (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]
    controls = packets[:, 3]
    has_payload = (controls & 0x10) > 0
    is_new = ((controls & 0x20) > 0) & (packets[:, 4] > 0) & ((packets[:, 5] & 0x80) > 0)
    counts = (controls & 15).astype(np.int32)
    n_jumps = 0
    for pid in np.unique(pids):
        if pid == _NULL_PID:
            continue
        own = (pids == pid) & has_payload
        numbers = counts[own]
        if not len(numbers):
            continue
        before = np.concatenate([[last.get(int(pid), numbers[0] - 1)], numbers[:-1]])
        steps = (numbers - before) % 16
        # A packet may be sent twice, and one may say that its count begins anew.
        n_jumps += int(np.count_nonzero((steps != 1) & (steps != 0) & ~is_new[own]))
        last[int(pid)] = int(numbers[-1])
    return n_jumps
