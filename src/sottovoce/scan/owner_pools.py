"""Name the owner of many short clips of one source together, where each alone says too little.

This is for a report.  It releases nothing: a foreign clip among many granted ones would pass with
them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.known_payload import pool_known
from sottovoce.scan.naming import open_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.core.soft_cells import SoftCells
    from sottovoce.scan.finding import Finding
    from sottovoce.scan.naming import Naming

__all__ = ["OwnerPools", "PooledOwner"]

_MOST_CLIPS = 16
"""Of a group, the first ones by their ids: a choice that does not depend on their marks."""
_MOST_GROUPS = 300
"""The first ones; a group that matches takes a second."""
_MOST_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledOwner:
    """An owner whose mark the recordings of a group carry together.

    Attributes
    ----------
    kind, name : str
        ``"speaker"`` and ``"s042"``, for instance.
    n_recordings : int
        Recordings that were pooled: marked by one voice each, whose owner could not be read.
    owner_id : int
        Whose notice agrees best; like its policy and year, it was looked for, not read.
    log10_p : float
        As in `KnownMatch`, corrected for all groups that were pooled.
    rank, n_ids, n_owners : int
        As in `KnownMatch`.
    other_p : float
        As in `KnownMatch.other_p`, for all groups that were pooled.
    """

    kind: str
    name: str
    n_recordings: int
    owner_id: int
    log10_p: float
    rank: int
    n_ids: int
    n_owners: int
    other_p: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        rounded = {"log10_p": round(self.log10_p, 3), "other_p": round(self.other_p, 6)}
        return {**asdict(self), **rounded}


class OwnerPools:
    """Unread recordings by the groups that they belong to.

    Parameters
    ----------
    naming : Naming
        What is looked for, and how often each voice is tested otherwise.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._ids: dict[tuple[str, str], list[str]] = {}
        self._passed: set[int] = set()

    @property
    def n_passed(self) -> int:
        """Groups that were not tested, since there are too many."""
        return len(self._passed)

    def add(self, finding: Finding) -> None:
        """Note a recording if one unread voice marks it; not what the voice agrees with."""
        if not (finding.marked and len(finding.cells) == 1 and finding.cells[0]):
            return
        for key in finding.groups.items():
            if key not in self._ids and len(self._ids) >= _MOST_GROUPS:
                if len(self._passed) < _MOST_COUNTED:
                    self._passed.add(hash(key))
                continue
            ids = self._ids.setdefault(key, [])
            if len(ids) < _MOST_CLIPS:
                ids.append(finding.id)

    def match(self, find: Callable[[str], Finding | None]) -> tuple[PooledOwner, ...]:
        """Return the groups that carry the mark of an owner, strongest first.

        Parameters
        ----------
        find : callable
            Returns the finding with an id; None if there is none any more.
        """
        pools = {key: ids for key, ids in self._ids.items() if len(ids) > 1}
        notices, n_looks = self._naming.notices, self._naming.n_looks + len(pools)
        matched = []
        for (kind, name), ids in pools.items():
            clips = [cells for one in ids if (cells := _open(find(one))) is not None]
            match = pool_known(clips, notices, n_looks=n_looks) if len(clips) > 1 else None
            if match is not None:
                matched.append(
                    PooledOwner(
                        kind=kind,
                        name=name,
                        n_recordings=len(clips),
                        owner_id=match.notice.owner_id,
                        log10_p=match.log10_p,
                        rank=match.rank,
                        n_ids=match.n_ids,
                        n_owners=match.n_owners,
                        other_p=min(1.0, match.other_p * len(pools)),
                    )
                )
        return tuple(sorted(matched, key=lambda one: (one.log10_p, one.kind, one.name)))


def _open(finding: Finding | None) -> SoftCells | None:
    return None if finding is None or not finding.cells else open_cells(finding.cells[0])
