"""NumPy arrays next to a file that states their sampling rate: ``a.npy`` and ``a.json``.

In an archive, either may come first.  So an array waits until the next sample begins, and is left
out, and reported, if nothing stated a rate.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sottovoce.scan.stores.samples import rate_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_JSON_BYTES", "ArrayMembers", "Told", "rate_in_json"]

MOST_JSON_BYTES = 1 << 20
"""Maximum size of a file that may state a sampling rate."""
_MOST_WAITING = 64

Member = TypeVar("Member")
What = TypeVar("What")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[Member, What]):
    """A member of an archive, and what it is.

    Attributes
    ----------
    member : Member
        As its archive describes it.
    what : What
        The id of a recording, or how it is left out.
    rate : int
        Sampling rate in Hz from the file next to it; 0 if the member states it itself.
    data : bytes or None
        Its bytes, if they cannot be read later.
    """

    member: Member
    what: What
    rate: int = 0
    data: bytes | None = None


class ArrayMembers(Generic[Member]):
    """The arrays of the sample that is being read.

    Parameters
    ----------
    key_of : callable
        Takes a member; returns the sample that it belongs to.
    """

    def __init__(self, key_of: Callable[[Member], str]) -> None:
        self._key_of = key_of
        self._waiting: list[tuple[Member, str, Any, bytes | None]] = []
        self._rate = 0
        self._key = ""

    def see(self, member: Member) -> list[Told[Member, Any]]:
        """Note the next member; return the arrays of the previous sample, if that has ended."""
        key = self._key_of(member)
        if key == self._key and len(self._waiting) < _MOST_WAITING:
            return []
        told = self.end()
        self._key, self._rate = key, self._rate if key == self._key else 0
        return told

    def hold(self, member: Member, own_id: str, left_out: object, data: bytes | None) -> None:
        """Hold an array until its sample has ended."""
        self._waiting.append((member, own_id, left_out, data))

    def learn(self, raw: bytes) -> None:
        """Take the rate from a JSON file of the sample, if it states one."""
        self._rate = self._rate or rate_in_json(raw)

    def end(self) -> list[Told[Member, Any]]:
        """Return the arrays that are waiting."""
        told = [
            Told(member=member, what=own_id if self._rate else left_out, rate=self._rate, data=data)
            for member, own_id, left_out, data in self._waiting
        ]
        self._waiting.clear()
        return told


def rate_in_json(raw: bytes) -> int:
    """Return the sampling rate that a JSON object states, in Hz; 0 if it states none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return 0
    if not isinstance(value, dict):
        return 0
    inner = [one for one in value.values() if isinstance(one, dict)]
    return next((rate for one in (value, *inner) if (rate := rate_of(one))), 0)
