"""`LeftOut`: a file that a scan does not examine, and the counts of such files.

A scan that reports "no mark" must say what it covered: every file that is neither read nor has a
row of its own is counted here by kind, and kinds that may hold sound keep it from exiting with 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LeftOut", "NotLookedAt"]

_MOST_KINDS = 1000
"""Suffixes are untrusted input: beyond this number, the rest is counted together."""
_REST = "of other kinds"
_MOST_KIND = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file, or a member of an archive, that is not examined.

    Attributes
    ----------
    id : str
        Id that a recording there would have.
    kind : str
        Kind under which it is counted: see `sottovoce.files.kinds`.
    may_hold_sound : bool
        Whether it may hold sound nevertheless.
    """

    id: str
    kind: str
    may_hold_sound: bool


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """Counts of files that were not examined.

    Attributes
    ----------
    kinds : Counter of str
        All of them, by kind.
    sounding : Counter of str
        Those that may hold sound, by kind.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    sounding: Counter[str] = field(default_factory=Counter)

    def add(self, one: LeftOut) -> None:
        """Count one file."""
        kind = one.kind.encode("utf-8", errors="backslashreplace").decode()[:_MOST_KIND]
        if kind not in self.kinds and len(self.kinds) >= _MOST_KINDS:
            kind = _REST
        self.kinds[kind] += 1
        if one.may_hold_sound:
            self.sounding[kind] += 1

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the counts for JSON, most frequent kind first."""
        return {
            "not_looked_at": dict(self.kinds.most_common()),
            "may_hold_sound": dict(self.sounding.most_common()),
        }

    @classmethod
    def of_jobs(cls, jobs: Iterable[Mapping[str, Any]]) -> NotLookedAt:
        """Return the combined counts of several scans; of two for the same job, the later one."""
        same = {(str(job.get("inputs")), str(job.get("shard"))): job for job in jobs}
        total = cls()
        for job in same.values():
            total.kinds.update(job.get("not_looked_at", {}))
            total.sounding.update(job.get("may_hold_sound", {}))
        return total
