"""Add up what a scan found of the owner's seals: in each recording, and in those of one source."""

from __future__ import annotations

import heapq
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.core.seal import PooledSeal, SealMatch, pool_seals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sottovoce.scan.finding import Finding

__all__ = ["FoundSeals", "SealPools", "SealedGroup"]

_MOST_GROUPS = 100_000
_MOST_SHOWN = 50
_MOST_MATCHES = 1_000
_LEAST_LOG10_P = math.log10(0.5)
"""What is likelier than this adds nothing to a pool, but to the number of its recordings."""
_ALL = ("data set", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedGroup:
    """A group of recordings that carries a seal.

    Attributes
    ----------
    kind, name : str
        As of `Group`; ``"data set"`` and nothing for all recordings.
    owner_id : int
        Whose seal it is.
    log10_p : float
        Pays for all groups and owners.
    n_recordings, n_counted : int
        Recordings that were searched, and those that count; copies count once.
    holds : bool
        Whether it counts as its owner's: see `PooledSeal.holds`.
    """

    kind: str
    name: str
    owner_id: int
    log10_p: float
    n_recordings: int
    n_counted: int
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeals:
    """The seals of a data set.

    Attributes
    ----------
    n_searched : int
        Recordings that were searched: those without a mark of the owners, read to their end.
    n_sealed : int
        Of these, recordings with a seal that holds.
    owners : dict of int to int
        Owner ids of the seals that were found, and in how many recordings each holds.
    strongest : tuple of (str, int, float)
        Recordings with a seal that holds: id, owner id and log10 p; strongest first, at most 50.
    groups : tuple of SealedGroup
        Groups that carry a seal, strongest first.
    n_groups_passed : int
        Groups that were not tested: there are too many.
    """

    n_searched: int
    n_sealed: int
    owners: dict[int, int]
    strongest: tuple[tuple[str, int, float], ...]
    groups: tuple[SealedGroup, ...]
    n_groups_passed: int = 0

    @property
    def found(self) -> bool:
        """Whether a seal holds, in a recording or in a group."""
        return self.n_sealed > 0 or any(one.holds for one in self.groups)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON, with keys as text."""
        return {
            "n_searched": self.n_searched,
            "n_sealed": self.n_sealed,
            "owners": {str(owner_id): n for owner_id, n in self.owners.items()},
            "strongest": [
                {"id": one, "owner_id": owner_id, "log10_p": log10_p}
                for one, owner_id, log10_p in self.strongest
            ],
            "groups": [{**asdict(one), "log10_p": round(one.log10_p, 3)} for one in self.groups],
            "n_groups_passed": self.n_groups_passed,
        }


class _SealPool:
    """The better matches of an owner in a group, and how many recordings were searched."""

    __slots__ = ("matches", "n_searched")

    def __init__(self) -> None:
        self.matches: list[tuple[float, str, SealMatch]] = []
        self.n_searched = 0

    def add(self, recording: str, match: SealMatch) -> None:
        self.n_searched += 1
        if match.log10_p <= _LEAST_LOG10_P:
            entry = (-match.log10_p, recording, match)
            if len(self.matches) < _MOST_MATCHES:
                heapq.heappush(self.matches, entry)
            else:
                heapq.heappushpop(self.matches, entry)

    def pool(self) -> PooledSeal:
        return pool_seals([match for _, _, match in self.matches], n_files=self.n_searched)


class SealPools:
    """Accumulator of findings, each added once."""

    def __init__(self) -> None:
        self._n_searched = 0
        self._n_sealed = 0
        self._owners: dict[int, int] = {}
        self._strongest: list[tuple[float, str, int]] = []
        self._pools: dict[tuple[str, str, int], _SealPool] = {}
        self._n_passed = 0

    def add(self, finding: Finding) -> None:
        """Count what was found in a recording; nothing if it was not searched."""
        self._n_searched += bool(finding.seals)
        holds = False
        for fields in finding.seals:
            owner_id, match = fields["owner_id"], _read_match(fields)
            if match.holds:
                holds = True
                self._owners[owner_id] = self._owners.get(owner_id, 0) + 1
                heapq.heappush(self._strongest, (-match.log10_p, finding.id, owner_id))
                if len(self._strongest) > _MOST_SHOWN:
                    heapq.heappop(self._strongest)
            for kind, name in (_ALL, *finding.groups.items()):
                self._pool(kind, name, owner_id, finding.id, match)
        self._n_sealed += holds

    def finish(self) -> FoundSeals | None:
        """Return what all findings add up to; None if nothing was searched."""
        if not self._n_searched:
            return None
        groups = []
        for (kind, name, owner_id), pool in self._pools.items():
            pooled = pool.pool()
            log10_p = min(pooled.log10_p + math.log10(len(self._pools)), 0.0)
            # What one recording shows alone is told of that recording.
            if pooled.n_counted > 1 and log10_p <= math.log10(FOUND_FPR):
                groups.append(
                    SealedGroup(
                        kind=kind,
                        name=name,
                        owner_id=owner_id,
                        log10_p=log10_p,
                        n_recordings=pooled.n_files,
                        n_counted=pooled.n_counted,
                        holds=pooled.holds,
                    )
                )
        return FoundSeals(
            n_searched=self._n_searched,
            n_sealed=self._n_sealed,
            owners=dict(sorted(self._owners.items())),
            strongest=tuple(
                (recording, owner_id, -strength)
                for strength, recording, owner_id in sorted(self._strongest, reverse=True)
            ),
            groups=tuple(sorted(groups, key=lambda one: (one.log10_p, one.kind, one.name))),
            n_groups_passed=self._n_passed,
        )

    def _pool(self, kind: str, name: str, owner_id: int, recording: str, match: SealMatch) -> None:
        key = (kind, name, owner_id)
        if key not in self._pools:
            if len(self._pools) >= _MOST_GROUPS:
                self._n_passed += 1
                return
            self._pools[key] = _SealPool()
        self._pools[key].add(recording, match)


def _read_match(fields: Mapping[str, Any]) -> SealMatch:
    """Return the match that a finding keeps as the fields of JSON."""
    return SealMatch(
        log10_p=fields["log10_p"],
        score=fields["score"],
        agreement=fields["agreement"],
        first_number=fields["first_number"],
        n_superframes=fields["n_superframes"],
    )
