"""Walk through the packets of an MPEG transport stream (ISO 13818-1, section 2.4.3).

Each packet continues the count of the previous one of the same stream, modulo 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt

__all__ = ["describe_damage", "packet_shape", "pids_of"]

_CHUNK_PACKETS = 20_000
_NULL_PID = 0x1FFF


def packet_shape(head: bytes) -> tuple[int, int]:
    """Return the length of a packet in bytes, and of the extra header in it.

    Parameters
    ----------
    head : bytes
        First bytes of the file.

    Returns
    -------
    step, shift : int
        188 and 0, or 192 and 4 if each packet starts with a timestamp (Blu-ray, camcorders).
    """
    return (188, 0) if head[:1] == b"G" else (192, 4)


def pids_of(packets: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return which stream each packet belongs to.

    Parameters
    ----------
    packets : np.ndarray, shape=(n, at least 3), dtype=uint8
        Without a leading timestamp.

    Returns
    -------
    pids : np.ndarray, shape=(n,), dtype=int32
        Packet identifiers, 0 to 0x1FFF.
    """
    return (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]


def describe_damage(file: BinaryIO, *, end: int) -> list[str]:
    """Return the irregularities of a stream, one per line: missing and invalid packets.

    Joined files break the count too, so none of this proves a loss.
    """
    file.seek(0)
    step, shift = packet_shape(file.read(1))
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
        notes.append(f"lacks packets or was joined in {places}; the rest was read")
    elif end % step:
        notes.append("ends within a packet, so the rest may be missing")
    return notes


def _count_jumps(packets: npt.NDArray[np.uint8], last: dict[int, int]) -> int:
    """Return how often a count is broken; `last` keeps the counts between calls."""
    pids = pids_of(packets)
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
        # A packet may be sent twice, and may declare that its count restarts.
        n_jumps += int(np.count_nonzero((steps != 1) & (steps != 0) & ~is_new[own]))
        last[int(pid)] = int(numbers[-1])
    return n_jumps
