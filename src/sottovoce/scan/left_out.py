"""`LeftOut`: a file that a scan passes without looking at it, and the counts of such files.

A scan that says "no mark" must say of what: whatever is neither read nor a row of its own is
counted here by kind, and kinds that may hold sound keep the scan from ending with 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LeftOut", "NotLookedAt"]

_MOST_KINDS = 1000
"""Suffixes come from outside: of more than these, the rest is counted together."""
_REST = "of other kinds"
_MOST_KIND = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file, or a member of an archive, that is not looked at.

    Attributes
    ----------
    id : str
        As a recording there would be called.
    kind : str
        As what it is counted: see `sottovoce.files.kinds`.
    may_hold_sound : bool
        Whether there may be sound in it all the same.
    """

    id: str
    kind: str
    may_hold_sound: bool


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """How many files were not looked at.

    Attributes
    ----------
    kinds : Counter of str
        All of them, by kind.
    sounding : Counter of str
        Those that may hold sound.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    sounding: Counter[str] = field(default_factory=Counter)

    def add(self, one: LeftOut) -> None:
        """Count one."""
        kind = one.kind.encode("utf-8", errors="backslashreplace").decode()[:_MOST_KIND]
        if kind not in self.kinds and len(self.kinds) >= _MOST_KINDS:
            kind = _REST
        self.kinds[kind] += 1
        if one.may_hold_sound:
            self.sounding[kind] += 1

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the counts for JSON, the most frequent kind first."""
        return {
            "not_looked_at": dict(self.kinds.most_common()),
            "may_hold_sound": dict(self.sounding.most_common()),
        }

    @classmethod
    def of_jobs(cls, jobs: Iterable[Mapping[str, Any]]) -> NotLookedAt:
        """Return what scans remembered together; of two that did the same, the later counts."""
        same = {(str(job.get("inputs")), str(job.get("shard"))): job for job in jobs}
        total = cls()
        for job in same.values():
            total.kinds.update(job.get("not_looked_at", {}))
            total.sounding.update(job.get("may_hold_sound", {}))
        return total
