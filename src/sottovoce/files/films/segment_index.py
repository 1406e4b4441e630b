"""The index of segments in a fragmented MP4 (``sidx``, ISO 14496-12, 8.16.3).

It lists the bytes of each segment, counted from the end of the box itself, and its start time; with
new sound both change.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import int_at

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pieces", "SegmentIndex"]

_MOST_BYTES = 1 << 31
_ENTRY_BYTES = 12


@dataclass(slots=True)
class Pieces:
    """Start times of a replaced track in each fragment.

    Attributes
    ----------
    places : list of int
        Positions of fragments with this track, in the old file; ascending.
    before, after : list of Fraction
        When the old sound, and the new one, begins in each, in seconds.
    end : Fraction
        When the new sound ends.
    """

    places: list[int] = field(default_factory=list)
    before: list[Fraction] = field(default_factory=list)
    after: list[Fraction] = field(default_factory=list)
    end: Fraction = Fraction(0)

    def begin_of(self, place: int) -> Fraction:
        """Return when the new sound begins after a position in the old file."""
        index = bisect_left(self.places, place)
        return self.after[index] if index < len(self.after) else self.end

    def shift_of(self, place: int) -> Fraction:
        """Return by how much later the first fragment after a position begins."""
        index = bisect_left(self.places, place)
        return self.after[index] - self.before[index] if index < len(self.after) else Fraction(0)


class SegmentIndex:
    """One ``sidx`` box.

    Parameters
    ----------
    body : bytes
        Content of the box.
    end : int
        Its end in the old file.

    Attributes
    ----------
    edges : list of int
        Beginnings and ends of segments there.
    track : int
        Track whose times it has.

    Raises
    ------
    UnsupportedFormatError
        If it is cut short.
    """

    def __init__(self, body: bytes, end: int) -> None:
        self._body, self._end = body, end
        self._half = 8 if body[:1] != b"\x00" else 4
        self.track, self._scale = int_at(body, 4), max(int_at(body, 8), 1)
        self._first = 12 + 2 * self._half + 4
        n = int_at(body, self._first - 2, 2)
        if len(body) < self._first + _ENTRY_BYTES * n:
            raise UnsupportedFormatError("its segment index is cut short")
        stop = self._first + _ENTRY_BYTES * n
        self._entries = range(self._first, stop, _ENTRY_BYTES)
        at = end + int_at(body, 12 + self._half, self._half)
        self.edges = [at]
        for entry in self._entries:
            at += int_at(body, entry) & (_MOST_BYTES - 1)
            self.edges.append(at)

    def remake(self, moved: Mapping[int, int], pieces: Mapping[int, Pieces]) -> bytes:
        """Return its content for the new file, in the same number of bytes.

        Parameters
        ----------
        moved : dict of int to int
            New position of each outermost box by its old one, and of the end of all.
        pieces : dict of int to Pieces
            Start times of replaced tracks.

        Raises
        ------
        UnsupportedFormatError
            If a segment is too large for it.
        """
        body, half = self._body, self._half
        own = pieces.get(self.track)
        offset = moved[self.edges[0]] - moved[self._end]
        begin = int_at(body, 12, half)
        if own is not None:
            begin = max(begin + round(own.shift_of(self.edges[0]) * self._scale), 0)
        made = body[:12] + begin.to_bytes(half, "big") + offset.to_bytes(half, "big")
        made += body[12 + 2 * half : self._first]
        for entry, start, stop in zip(self._entries, self.edges, self.edges[1:], strict=False):
            size = moved[stop] - moved[start]
            if size >= _MOST_BYTES:
                raise UnsupportedFormatError("a segment is too large for its index")
            duration = int_at(body, entry + 4)
            if own is not None:
                ticks = [round(own.begin_of(at) * self._scale) for at in (start, stop)]
                duration = max(ticks[1] - ticks[0], 0)
            kind = int_at(body, entry) & _MOST_BYTES
            made += (kind | size).to_bytes(4, "big") + duration.to_bytes(4, "big")
            made += body[entry + 8 : entry + _ENTRY_BYTES]
        return made + body[self._entries.stop :]
