"""`IdSet`: which ids were seen before, in a few bytes each.

A scan of ten million recordings must know them all to process each once.  A Python set of digests
needs 85 bytes for each; here, a digest is kept in two arrays, at most two thirds full, and needs
18 to 36 bytes, or half as much again while the arrays are being doubled.
"""

from __future__ import annotations

import hashlib
from array import array

__all__ = ["IdSet", "make_digest"]

_DIGEST_BYTES = 12
"""Among 10^9 ids, two collide with a probability of 10^-11."""
_HIGH_BYTES, _LOW_BYTES = 8, 4
_FIRST_SLOTS = 1 << 10


def make_digest(text: str) -> bytes:
    """Return a digest of an id, of 12 bytes."""
    data = text.encode(errors="surrogatepass")  # names of files need not be valid Unicode
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


class IdSet:
    """A set of ids that only grows.

    Examples
    --------
    >>> seen = IdSet()
    >>> seen.add("a.wav"), seen.add("b.wav"), seen.add("a.wav")
    (True, True, False)
    """

    def __init__(self) -> None:
        self._n = 0
        self._make_slots(_FIRST_SLOTS)

    def __contains__(self, text: str) -> bool:
        high, low = _split(make_digest(text))
        slot = high & (len(self._high) - 1)
        while there := self._high[slot]:
            if there == high and self._low[slot] == low:
                return True
            slot = (slot + 1) & (len(self._high) - 1)
        return False

    def __len__(self) -> int:
        return self._n

    def add(self, text: str) -> bool:
        """Add an id, and return whether it is new."""
        is_new = self._put(*_split(make_digest(text)))
        if is_new:
            self._n += 1
            if 3 * self._n > 2 * len(self._high):
                self._double()
        return is_new

    def to_bytes(self) -> bytes:
        """Return bytes from which `from_bytes` restores it, in another process on this computer."""
        return self._high.tobytes() + self._low.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> IdSet:
        """Return the set from which `to_bytes` made the bytes."""
        ids = cls()
        n = len(data) // (_HIGH_BYTES + _LOW_BYTES)
        ids._high, ids._low = (
            array("Q", data[: n * _HIGH_BYTES]),
            array("I", data[n * _HIGH_BYTES :]),
        )
        ids._n = sum(map(bool, ids._high))
        return ids

    def _make_slots(self, n: int) -> None:
        self._high = array("Q", [0]) * n
        self._low = array("I", [0]) * n

    def _put(self, high: int, low: int) -> bool:
        highs, lows = self._high, self._low
        last = len(highs) - 1
        slot = high & last
        while there := highs[slot]:
            if there == high and lows[slot] == low:
                return False
            slot = (slot + 1) & last
        highs[slot], lows[slot] = high, low
        return True

    def _double(self) -> None:
        highs, lows = self._high, self._low
        self._make_slots(2 * len(highs))
        for high, low in zip(highs, lows, strict=True):
            if high:
                self._put(high, low)


def _split(digest: bytes) -> tuple[int, int]:
    # A slot whose high part is 0 is free.
    high = int.from_bytes(digest[:_HIGH_BYTES], "big") or 1
    return high, int.from_bytes(digest[_HIGH_BYTES:], "big")
