"""`Summary`: what a scan found over the whole data set, with controlled error rates.

One pass over the findings.  For files: how many false alarms the p-values allow, and which
findings can be reported at a false-discovery rate.  For groups of files, such as those of one
speaker: whether a marked voice is among them although each clip is too short to show it alone.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.core.evidence import (
    FOUND_FPR,
    benjamini_hochberg,
    pool_dependent,
    pool_mixture,
)
from sottovoce.scan.finding import STATUSES, TRAINING, UNREAD
from sottovoce.scan.left_out import NotLookedAt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.owner_pools import PooledOwner
    from sottovoce.scan.reports.licensed import Licensed
    from sottovoce.scan.seal_pools import FoundSeals

__all__ = ["Group", "Summary", "Tally", "summarise"]

_MOST_GROUPS = 1_000_000
_BINS = 60
_BIN_WIDTH = 0.5
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Recordings that belong together.

    Attributes
    ----------
    kind, name : str
        ``"speaker"`` and ``"s042"``, for instance.
    n_recordings, n_marked : int
        Number of recordings that were read, and of those found marked individually.
    seconds : float
        Their total length.
    log10_e : float
        Evidence that a marked voice is among them, as the mean of the e-values: proved for any
        recordings.
    log10_e_mixture : float
        The same from `sottovoce.core.evidence.pool_mixture`, under its conditions.
    """

    kind: str
    name: str
    n_recordings: int
    n_marked: int
    seconds: float
    log10_e: float
    log10_e_mixture: float

    def log10_p(self, n_groups: int) -> float:
        """Return the logarithm of the proved p-value, corrected for all groups examined."""
        return min(0.0, math.log10(max(n_groups, 1)) - self.log10_e)

    def log10_p_mixture(self, n_groups: int) -> float:
        """Return the logarithm of the p-value under the conditions of the mixture."""
        return min(0.0, math.log10(max(n_groups, 1)) - self.log10_e_mixture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures of a scanned data set.

    Attributes
    ----------
    statuses : dict of str to int
        Number of recordings with each status.
    seconds : float
        Length of the audio that was read.
    n_tested : int
        Recordings that have a p-value.
    q : float in (0, 1)
        Share of the reported findings that may be false, on average.
    n_reported_bh : int
        Findings that can be reported at the false-discovery rate `q` if files are independent
        (Benjamini and Hochberg).
    n_reported_by : int
        The same without any assumption (Benjamini and Yekutieli).
    owners : dict of int to int
        Recordings in which each owner id was read; 0 is an anonymous refusal.
    policies : dict of int to int
        The same for policies.
    n_unread_owner : int
        Marked recordings whose owner could not be read.
    training : dict of str to int
        Marked recordings by what their marks say about training: see `Finding.training`.
    formats : dict of str to int
        Recordings by storage format.
    groups : tuple of Group
        Groups in which a mark, or pooled evidence of one, was found; strongest first.
    n_groups : int
        Number of all groups examined.
    histogram : tuple of (float, int)
        Recordings by log10 p: the lower end of a bin half a power of ten wide, and their number.
    not_looked_at : dict of str to int
        Files that were not examined, by kind.
    may_hold_sound : dict of str to int
        Those of them that may hold sound nevertheless.
    complete : bool
        Whether the scan was completed; recordings not reached are not in the figures.
    licensed : Licensed or None
        What grants released; None if there were none.
    pooled_owners : tuple of PooledOwner
        Groups of which the unread recordings carry the mark of an owner who was looked for.
    n_groups_not_pooled : int
        Further groups with unread recordings, which were not tested: there are too many.
    seals : FoundSeals or None
        The seals that were searched for; None if none were.
    """

    statuses: dict[str, int]
    seconds: float
    n_tested: int
    q: float
    n_reported_bh: int
    n_reported_by: int
    owners: dict[int, int]
    policies: dict[int, int]
    n_unread_owner: int
    training: dict[str, int]
    formats: dict[str, int]
    groups: tuple[Group, ...]
    n_groups: int
    histogram: tuple[tuple[float, int], ...]
    not_looked_at: dict[str, int] = dataclasses.field(default_factory=dict)
    may_hold_sound: dict[str, int] = dataclasses.field(default_factory=dict)
    complete: bool = True
    licensed: Licensed | None = None
    pooled_owners: tuple[PooledOwner, ...] = ()
    n_groups_not_pooled: int = 0
    seals: FoundSeals | None = None

    @property
    def n_recordings(self) -> int:
        """Number of all recordings."""
        return sum(self.statuses.values())

    @property
    def n_marked(self) -> int:
        """Number of recordings with a mark."""
        return self.statuses["marked"]

    @property
    def n_refused(self) -> int:
        """Number of recordings with a mark that no grant releases."""
        return self.n_marked - (self.licensed.n_released if self.licensed else 0)

    @property
    def n_unread(self) -> int:
        """Number of recordings that were not read to their end."""
        return sum(self.statuses[status] for status in UNREAD)

    @property
    def n_not_looked_at(self) -> int:
        """Number of files that were not examined and may hold sound."""
        return sum(self.may_hold_sound.values())

    @property
    def expected_false(self) -> float:
        """Upper bound on the false alarms expected among *marked* if nothing is marked."""
        return self.n_tested * FOUND_FPR

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON, with keys as text."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        named = ("owners", "policies")
        return {
            **fields,
            **{name: {str(k): n for k, n in fields[name].items()} for name in named},
            "groups": [_round(dataclasses.asdict(group)) for group in self.groups],
            "histogram": [list(one) for one in self.histogram],
            "seconds": round(self.seconds, 1),
            "n_recordings": self.n_recordings,
            "licensed": self.licensed and self.licensed.to_dict(),
            "pooled_owners": [one.to_dict() for one in self.pooled_owners],
            "seals": self.seals and self.seals.to_dict(),
            "expected_false": self.expected_false,
        }


def _round(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in fields.items()}


class _Pool:
    """Evidence gathered for one group."""

    __slots__ = ("log10_e", "n_marked", "seconds")

    def __init__(self) -> None:
        self.log10_e = array("f")
        self.n_marked = 0
        self.seconds = 0.0


def summarise(findings: Iterable[Finding], *, q: float = 0.01) -> Summary:
    """Count findings, test them and pool their evidence.

    Parameters
    ----------
    findings : iterable of Finding
        One for each recording; iterated over once.
    q : float in (0, 1)
        False-discovery rate.

    Returns
    -------
    summary : Summary
        Figures over all findings.

    Notes
    -----
    Keeps eight bytes per recording, and four for each group that it belongs to.
    """
    tally = Tally()
    for finding in findings:
        tally.add(finding)
    return tally.summarise(q=q)


class Tally:
    """Accumulator behind `summarise`, for callers that iterate over the findings anyway."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = dict.fromkeys(STATUSES, 0)
        self._training: dict[str, int] = dict.fromkeys(TRAINING, 0)
        self._owners: Counter[int] = Counter()
        self._policies: Counter[int] = Counter()
        self._formats: Counter[str] = Counter()
        self._log10_p = array("d")
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._seconds = 0.0
        self._n_unread_owner = 0

    def add(self, finding: Finding) -> None:
        """Count a finding; add each recording only once."""
        self._statuses[finding.status] += 1
        if finding.log10_p is None:
            return
        self._seconds += finding.seconds
        self._formats[finding.format] += 1
        self._log10_p.append(finding.log10_p)
        if finding.voices:
            self._owners.update(finding.owner_ids)
            self._policies.update(finding.policies)
        if (said := finding.training) is not None:
            self._training[said] += 1
            self._n_unread_owner += not finding.owner_ids
        _pool(self._pools, finding)

    def summarise(
        self,
        *,
        q: float = 0.01,
        left_out: NotLookedAt | None = None,
        complete: bool = True,
        licensed: Licensed | None = None,
        pooled_owners: tuple[PooledOwner, ...] = (),
        n_groups_not_pooled: int = 0,
        seals: FoundSeals | None = None,
    ) -> Summary:
        """Return the figures of all findings added so far."""
        passed = NotLookedAt() if left_out is None else left_out
        values = np.frombuffer(self._log10_p) if self._log10_p else np.empty(0)
        # Without any assumption: q is divided by 1 + 1/2 + ... + 1/n.
        harmonic = math.log(max(len(values), 1)) + 1.0
        return Summary(
            statuses=self._statuses,
            seconds=self._seconds,
            n_tested=len(values),
            q=q,
            n_reported_bh=int(benjamini_hochberg(values, q=q).sum()),
            n_reported_by=int(benjamini_hochberg(values, q=q / harmonic).sum()),
            owners=dict(sorted(self._owners.items())),
            policies=dict(sorted(self._policies.items())),
            n_unread_owner=self._n_unread_owner,
            training=self._training,
            formats=dict(self._formats.most_common()),
            groups=_tell_groups(self._pools),
            n_groups=len(self._pools),
            histogram=_histogram(values),
            **passed.to_dict(),
            complete=complete,
            licensed=licensed,
            pooled_owners=pooled_owners,
            n_groups_not_pooled=n_groups_not_pooled,
            seals=seals,
        )


def _pool(pools: dict[tuple[str, str], _Pool], finding: Finding) -> None:
    for key in finding.groups.items():
        if key not in pools and len(pools) >= _MOST_GROUPS:
            continue
        pool = pools.setdefault(key, _Pool())
        pool.log10_e.append(finding.log10_e or 0.0)
        pool.n_marked += finding.marked
        pool.seconds += finding.seconds


def _tell_groups(pools: dict[tuple[str, str], _Pool]) -> tuple[Group, ...]:
    groups = []
    for (kind, name), pool in pools.items():
        log10_e = np.frombuffer(pool.log10_e, dtype=np.float32).astype(np.float64)
        group = Group(
            kind=kind,
            name=name,
            n_recordings=len(log10_e),
            n_marked=pool.n_marked,
            seconds=pool.seconds,
            log10_e=pool_dependent(log10_e),
            log10_e_mixture=pool_mixture(log10_e),
        )
        if group.n_marked or group.log10_p_mixture(len(pools)) <= math.log10(FOUND_FPR):
            groups.append(group)
    return tuple(sorted(groups, key=lambda g: (-g.log10_e_mixture, g.kind, g.name)))


def _histogram(log10_p: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[tuple[float, int], ...]:
    counts = np.zeros(_BINS, dtype=np.int64)
    for start in range(0, len(log10_p), _AT_ONCE):
        part = log10_p[start : start + _AT_ONCE]
        bins = np.clip(np.floor(-part / _BIN_WIDTH), 0, _BINS - 1).astype(int)
        counts += np.bincount(bins, minlength=_BINS)
    n_bins = max(np.flatnonzero(counts), default=0) + 1
    return tuple((-(i + 1) * _BIN_WIDTH, int(n)) for i, n in enumerate(counts[:n_bins]))
