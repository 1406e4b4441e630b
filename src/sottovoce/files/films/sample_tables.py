"""The sample tables of MP4 and QuickTime (ISO 14496-12, 8.6 and 8.7): sizes, times and places.

A two-hour film has half a million samples, and uncompressed sound one for every frame; so tables
stay runs and arrays, and nothing is expanded that a file stores compactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.keeping.boxes import Box, find

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Chunks",
    "Sizes",
    "Times",
    "make_chunk_tables",
    "make_offsets",
    "read_chunks",
    "read_sizes",
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of samples.

    Attributes
    ----------
    n : int
        Number of samples.
    each : int
        Bytes of each sample; 0 if they differ.
    ends : np.ndarray, shape=(n + 1,)
        Bytes before each sample, if they differ.
    """

    n: int
    each: int
    ends: npt.NDArray[np.int64]

    def bytes_before(self, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of bytes before samples with these numbers."""
        return samples * self.each if self.each else self.ends[samples]


@dataclass(frozen=True, slots=True)
class Times:
    """Start times of samples, as runs of equal duration.

    Attributes
    ----------
    firsts, begins : np.ndarray, shape=(n_runs + 1,)
        Number and time of the first sample of each run; the last is the end of all.
    steps : np.ndarray, shape=(n_runs,)
        Duration of each sample of a run.
    """

    firsts: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]

    @classmethod
    def read(cls, stbl: bytes) -> Times:
        """Read the times from the ``stts`` of a sample table."""
        runs = _numbers(find(stbl, b"stts"), 8, ">u4").reshape(-1, 2).astype(np.int64)
        firsts = np.concatenate([[0], np.cumsum(runs[:, 0])])
        begins = np.concatenate([[0], np.cumsum(runs[:, 0] * runs[:, 1])])
        return cls(firsts, begins, runs[:, 1])

    def time_of(self, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return when samples with these numbers begin; the one after the last is the end."""
        if not self.steps.size:
            return np.zeros_like(samples)
        run = np.searchsorted(self.firsts, samples, side="right") - 1
        run = np.clip(run, 0, len(self.steps) - 1)
        return self.begins[run] + (samples - self.firsts[run]) * self.steps[run]

    def n_before(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return how many samples begin before these times."""
        if not self.steps.size:
            return np.zeros(len(times), dtype=np.int64)
        run = np.searchsorted(self.begins, times, side="right") - 1
        run = np.clip(run, 0, len(self.steps) - 1)
        steps = np.maximum(self.steps[run], 1)
        n = self.firsts[run] + np.ceil((times - self.begins[run]) / steps)
        return np.clip(n, 0, self.firsts[-1]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Positions of samples.

    Attributes
    ----------
    offsets : np.ndarray, shape=(n,)
        First byte of each chunk in the file.
    firsts : np.ndarray, shape=(n + 1,)
        Number of its first sample; the last is the total.
    """

    offsets: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]


def read_sizes(stbl: bytes) -> Sizes:
    """Read the sizes of a sample table.

    Parameters
    ----------
    stbl : bytes
        Content of the box.

    Returns
    -------
    sizes : Sizes
        Sizes of its samples.

    Raises
    ------
    UnsupportedFormatError
        If they are packed or missing.
    """
    body = find(stbl, b"stsz")
    if body is None or len(body) < 12:
        raise UnsupportedFormatError("a track has no simple size table")
    each, n = int_at(body, 4), int_at(body, 8)
    if each:
        return Sizes(n, _frame_bytes(stbl, each), np.zeros(0, dtype=np.int64))
    sizes = _numbers(body, 12, ">u4")[:n].astype(np.int64)
    if len(sizes) < n:
        raise UnsupportedFormatError("a size table is cut short")
    return Sizes(n, 0, np.concatenate([[0], np.cumsum(sizes)]))


def read_chunks(stbl: bytes, n_samples: int) -> Chunks:
    """Read the positions of the samples of a track.

    Parameters
    ----------
    stbl : bytes
        Content of the box.
    n_samples : int
        Number of samples.

    Returns
    -------
    chunks : Chunks
        In the order of the track.

    Raises
    ------
    UnsupportedFormatError
        If the tables contradict each other.
    """
    short, long = find(stbl, b"stco"), find(stbl, b"co64")
    offsets = _numbers(short, 8, ">u4") if short is not None else _numbers(long, 8, ">u8")
    places = offsets.astype(np.int64)
    runs = _numbers(find(stbl, b"stsc"), 8, ">u4").reshape(-1, 3).astype(np.int64)
    begins = np.concatenate([runs[:, 0] - 1, [len(offsets)]])
    lengths = np.diff(begins)
    if len(offsets) and (not len(runs) or begins[0] != 0 or (lengths < 0).any()):
        raise UnsupportedFormatError("the tables of a track contradict each other")
    counts = np.repeat(runs[:, 1], lengths)
    firsts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if firsts[-1] != n_samples or len(firsts) != len(offsets) + 1:
        raise UnsupportedFormatError("the tables of a track contradict each other")
    if (runs[:, 2] != 1).any():
        raise UnsupportedFormatError("a track changes its format")
    return Chunks(places, firsts)


def make_chunk_tables(
    counts: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], *, wide: bool
) -> list[Box]:
    """Make the tables with the positions of samples.

    Parameters
    ----------
    counts, offsets : np.ndarray, shape=(n,)
        Number of samples and first byte of each chunk.
    wide : bool
        Whether offsets have 64 bits.

    Returns
    -------
    boxes : list of Box
        ``stsc``, and ``stco`` or ``co64``.
    """
    changes = np.flatnonzero(np.diff(counts, prepend=-1))
    runs = np.stack([changes + 1, counts[changes], np.ones_like(changes)], axis=1)
    return [
        Box(b"stsc", bytes(4) + len(runs).to_bytes(4, "big") + runs.astype(">u4").tobytes()),
        make_offsets(offsets, wide=wide),
    ]


def make_offsets(offsets: npt.NDArray[np.int64], *, wide: bool) -> Box:
    """Make the box of offsets alone.

    Parameters
    ----------
    offsets, wide
        As in `make_chunk_tables`.

    Returns
    -------
    box : Box
        ``stco`` or ``co64``.
    """
    body = bytes(4) + len(offsets).to_bytes(4, "big")
    return Box(
        b"co64" if wide else b"stco", body + offsets.astype(">u8" if wide else ">u4").tobytes()
    )


def _numbers(body: bytes | None, at: int, dtype: str) -> npt.NDArray[np.unsignedinteger]:
    """Return the numbers of a table whose length is in bytes 4 to 8."""
    if body is None or len(body) < 8:
        raise UnsupportedFormatError("a track lacks a table")
    width = np.dtype(dtype).itemsize
    return np.frombuffer(body, dtype=dtype, offset=at, count=(len(body) - at) // width)


def _frame_bytes(stbl: bytes, each: int) -> int:
    """Return the bytes of one sample; old QuickTime sound says 1 but means a frame."""
    entry = (find(stbl, b"stsd") or b"")[8:]
    if each != 1 or len(entry) < 36 or entry[4:8] == b"raw ":
        return each
    version, n_channels, n_bits = (int_at(entry, at, 2) for at in (16, 24, 26))
    if version != 0 or n_bits < 16:
        raise UnsupportedFormatError("an audio track counts its samples in packets")
    return n_channels * n_bits // 8
