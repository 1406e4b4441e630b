"""`MetIds`: which ids a scan has met already, in a few bytes each.

A scan of ten million recordings must know them all to take each once.  A Python set of digests
keeps 85 bytes for one; here a digest lies in two arrays, at most two thirds full, and keeps 18 to
36, or half as much again for the moment in which the arrays are doubled.
"""

from __future__ import annotations

import hashlib
from array import array

__all__ = ["MetIds", "make_digest"]

_DIGEST_BYTES = 12
"""Among 10^9 ids, two are alike with a probability of 10^-11."""
_HIGH_BYTES = 8
_FIRST_SLOTS = 1 << 10


def make_digest(text: str) -> bytes:
    """Return 12 bytes that stand for an id."""
    data = text.encode(errors="surrogateescape")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


class MetIds:
    """A set of ids to which one can only add.

    Examples
    --------
    >>> met = MetIds()
    >>> met.add("a.wav"), met.add("b.wav"), met.add("a.wav")
    (True, True, False)
    """

    def __init__(self) -> None:
        self._n = 0
        self._make_slots(_FIRST_SLOTS)

    def __len__(self) -> int:
        return self._n

    def add(self, text: str) -> bool:
        """Add an id, and say whether it is new."""
        digest = make_digest(text)
        # A slot whose high part is 0 is free.
        high = int.from_bytes(digest[:_HIGH_BYTES], "big") or 1
        is_new = self._put(high, int.from_bytes(digest[_HIGH_BYTES:], "big"))
        if is_new:
            self._n += 1
            if 3 * self._n > 2 * len(self._high):
                self._double()
        return is_new

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
