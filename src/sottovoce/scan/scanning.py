"""`scan_paths`: from names to findings, each recording once, whatever happens in between."""

from __future__ import annotations

import dataclasses
import hmac
import logging
import os
import time
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sottovoce
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError
from sottovoce.files.counts import say_count
from sottovoce.files.escaping import make_harmless
from sottovoce.files.kinds import describe_kinds
from sottovoce.files.worker_processes import check_guard
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.id_set import IdSet, make_digest
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.left_out import LeftOut, NotLookedAt
from sottovoce.scan.limits import Limits
from sottovoce.scan.opening.apart import Apart
from sottovoce.scan.opening.names import open_sources
from sottovoce.scan.recording import File, Recording
from sottovoce.scan.search import Search
from sottovoce.scan.workers.pool import examine_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sottovoce.scan.source import Source

__all__ = ["Scan", "detector_version", "scan_paths"]

_logger = logging.getLogger(__name__)


def detector_version(*, thorough: bool = False, seal_keys: Iterable[bytes] = ()) -> str:
    """Return the detector and its settings; recordings are examined again if these change.

    Parameters
    ----------
    thorough : bool
        Whether other speeds and pitches are searched.
    seal_keys : iterable of bytes
        Keys of the seals that are searched for.  What is kept of them tells nobody whose they are.

    Returns
    -------
    version : str
        As it is kept in ledgers.

    Examples
    --------
    >>> detector_version(thorough=True)
    'sottovoce 0.1.0.dev0, format 1, thorough'
    """
    words = [f"sottovoce {sottovoce.__version__}", f"format {FORMAT_1.name.split()[-1]}"]
    words += ["thorough"] if thorough else []
    if keys := sorted(seal_keys):
        digest = hmac.digest(b"".join(keys), b"sottovoce detector", "sha256").hex()
        words.append(f"{say_count(len(keys), 'seal')} {digest[:8]}")
    return ", ".join(words)


class Scan:
    """One pass over sources.

    Parameters
    ----------
    sources : sequence of Source
        Sources that list the recordings.
    ledger : Ledger or None
        Known findings, and where new ones are kept; None keeps nothing.
    workers : int or None
        Number of processes; by default the number of cores.
    limits : Limits
        What one recording may cost.
    thorough : bool
        As in `sottovoce.detect`.
    seal_keys : mapping of int to bytes
        Seal keys by owner ids: recordings in which no mark of these owners is found are searched
        for their seals, on this computer only.
    shard : (int, int)
        Number of this part, counted from 1, and number of equal parts: each machine scans one.
        The recordings of one archive or table stay together.
    since_s : float or None
        Skip recordings last written before this time, in seconds since 1970.
    rescan : bool
        Whether to examine recordings again that the ledger knows.  Unreadable ones are always
        tried again, except those that exceeded the memory limit.
    cluster : str or None
        Address of a Ray cluster that does the work instead of processes on this computer, as
        `sottovoce.scan.workers.ray_cluster.examine_on_cluster` takes it.
    apart : Apart or None
        The one given to `open_sources`: the next scan does not try again what it could not list.
    job : mapping
        What the ledger stores about this scan, in addition to the names of the sources.

    Attributes
    ----------
    n_resumed : int
        Recordings so far that the ledger knew.
    n_older : int
        Recordings so far that were last written before `since_s` and that the ledger did not know.
    examined_s : float
        Seconds of sound read so far in this run, without what the ledger knew.
    not_looked_at : NotLookedAt
        Files so far that were not examined.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        ledger: Ledger | None = None,
        workers: int | None = None,
        limits: Limits | None = None,
        thorough: bool = False,
        seal_keys: Mapping[int, bytes] = MappingProxyType({}),
        shard: tuple[int, int] = (1, 1),
        since_s: float | None = None,
        rescan: bool = False,
        cluster: str | None = None,
        apart: Apart | None = None,
        job: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        number, n_shards = shard
        if not 1 <= number <= n_shards:
            raise ParameterError(f"invalid shard {number}/{n_shards}", remedy="Count from 1.")
        self._sources = sources
        self._ledger = ledger
        self._workers = workers or os.cpu_count() or 1
        self._limits = limits or Limits()
        if cluster is not None and seal_keys:
            raise ParameterError(
                "seal keys are secret, and are not sent to a cluster",
                remedy="Search for your seals on this computer.",
            )
        self._search = Search(thorough=thorough, seal_keys=tuple(seal_keys.items()))
        self._shard = shard
        self._since_s = since_s
        self._rescan = rescan
        self._cluster = cluster
        self._job = job
        self._stamps: Mapping[str, str] = {}
        if apart is not None:
            self._stamps = apart.stamps
            if ledger is not None and not rescan:
                apart.known = self._known_whole
        self.n_resumed = 0
        self.n_older = 0
        self.examined_s = 0.0
        self.not_looked_at = NotLookedAt()

    def count(self, *, within_s: float) -> int | None:
        """Return the number of recordings, or None if counting them takes longer."""
        deadline_s = time.monotonic() + within_s
        n = 0
        for one in self._once():
            n += not isinstance(one, LeftOut)
            if time.monotonic() > deadline_s:
                return None
        return n

    def run(self) -> Iterator[Finding]:
        """Yield one finding for each recording, as each becomes available.

        Every finding yielded is in the ledger; closing the iterator, or an interrupt, leaves the
        ledger intact.

        Yields
        ------
        finding : Finding
            In the order in which they are known.
        """
        inputs = [one.name for one in self._sources]
        if self._ledger is not None:
            self._ledger.begin_run(
                {
                    **self._job,
                    "inputs": inputs,
                    "folder": str(Path.cwd()),
                    "shard": list(self._shard),
                    "limits": dataclasses.asdict(self._limits),
                }
            )
        try:
            for recording, finding in self._examine():
                # Without a recording, the finding was known before.
                self.examined_s += 0.0 if recording is None else finding.seconds
                if recording is not None and self._ledger is not None:
                    took_too_much = finding.cause == "too much"
                    stamped = self._exhausting(recording) if took_too_much else recording
                    self._ledger.put(finding, stamp=stamped.stamp)
                yield finding
        finally:
            self._remember()

    def _remember(self) -> None:
        if self._ledger is not None:
            self._ledger.flush()
            self._ledger.amend_job(**self.not_looked_at.to_dict())
        elif self.not_looked_at.sounding:
            _logger.warning(
                "not examined, and may hold sound: %s",
                describe_kinds(self.not_looked_at.sounding, show=make_harmless),
            )

    def _examine(self) -> Iterator[tuple[Recording | None, Finding]]:
        limits, search = self._limits, self._search
        if self._cluster is None:
            return examine_all(self._unknown(), workers=self._workers, limits=limits, search=search)
        from sottovoce.scan.workers.ray_cluster import examine_on_cluster

        return examine_on_cluster(
            self._unknown(), address=self._cluster, limits=limits, thorough=search.thorough
        )

    def _unknown(self) -> Iterator[Recording | Finding]:
        """Yield recordings that must be examined, and findings that already exist."""
        for one in self._once():
            if isinstance(one, LeftOut):
                self.not_looked_at.add(one)
                continue
            if isinstance(one, Finding):
                if self._ledger is not None:
                    self._ledger.put(one, stamp=self._stamps.get(one.id, ""))
                yield one
                continue
            known = None if self._ledger is None else self._ledger.find(one)
            if known is None and (too_much := self._known_exhausting(one)) is not None:
                self.n_resumed += 1
                yield too_much
                continue
            is_older = self._since_s is not None and (one.modified_s or 0.0) < self._since_s
            if known is not None and (is_older or not self._rescan) and not known.unread:
                self.n_resumed += 1
                yield known
            elif is_older:
                self.n_older += 1
            else:
                yield one

    def _known_exhausting(self, recording: Recording) -> Finding | None:
        """Return what the ledger knows about a recording that exceeded the memory limit."""
        if self._ledger is None or self._rescan:
            return None
        return self._ledger.find(self._exhausting(recording))

    def _exhausting(self, recording: Recording) -> Recording:
        # Not valid for a scan with another memory limit.
        stamp = f"{recording.stamp} within {self._limits.memory_bytes} B"
        return dataclasses.replace(recording, stamp=stamp)

    def _known_whole(self, name: str, stamp: str) -> Finding | None:
        """Return what the ledger knows about a data set that could not be listed."""
        if self._ledger is None:
            return None
        return self._ledger.find(Recording(id=name, place=File(name), stamp=stamp))

    def _once(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield what belongs to this shard, each item the first time that it is listed."""
        number, n_shards = self._shard
        seen = IdSet()
        for source in self._sources:
            for one in source.recordings():
                kept_together = getattr(getattr(one, "place", None), "url", one.id)
                if n_shards > 1 and _number(kept_together) % n_shards != number - 1:
                    continue
                if seen.add(one.id):
                    yield one


def _number(text: str) -> int:
    return int.from_bytes(make_digest(text), "big")


def scan_paths(
    paths: Iterable[Any],
    *,
    workers: int | None = None,
    ledger: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    thorough: bool = False,
    cluster: str | None = None,
    allow_remote: bool | str | tuple[str, ...] = False,
) -> Iterator[Finding]:
    """Look for marks in many recordings, in worker processes.

    Parameters
    ----------
    paths : iterable of path-like, or of data sets
        Files, folders, globs, archives, tables, manifests, and addresses that fsspec can open;
        and data sets of Hugging Face's `datasets`, which are then not decoded.
    workers : int or None
        Number of processes; by default the number of cores.
    ledger : path-like or None
        File that stores findings, so that an interrupted scan can be resumed.
    limits : Limits or None
        What one recording may cost.
    thorough : bool
        Whether to search for changed speed, tempo and pitch too; much slower.
    cluster : str or None
        Address of a Ray cluster that does the work, ``"auto"`` or ``"host:port"``.
    allow_remote : bool, str or tuple of str
        Which network addresses listings and tables may name, in addition to those in their own
        store: True for all public ones, without credentials; addresses such as
        ``"s3://voices"`` for these stores, with your credentials.

    Returns
    -------
    findings : iterator of Finding
        One for each recording, in no particular order; for a recording that cannot be read, a
        finding that says why.

    Raises
    ------
    AudioFileError
        If a name does not exist.
    LedgerError
        If the ledger is in use or damaged.
    MissingExtraError
        If the extra `scan` is not installed, or `ray` when a cluster is used.
    ClusterError
        If the cluster does not answer, or runs another release.

    Notes
    -----
    Memory does not grow with the length of recordings; 20 to 40 bytes per recording are kept.

    Examples
    --------
    >>> for finding in scan_paths(["takes/"], ledger="takes.sqlite"):  # doctest: +SKIP
    ...     if finding.marked:
    ...         print(finding.id, finding.owner_ids)
    """
    check_guard()
    limits = limits or Limits()
    with ExitStack() as stack:
        apart = stack.enter_context(Apart(limits=limits))
        sources = open_sources(paths, allow_remote=allow_remote, apart=apart)
        book = None
        if ledger is not None:
            book = Ledger(Path(ledger), detector=detector_version(thorough=thorough))
            stack.enter_context(book)
        yield from Scan(
            sources,
            ledger=book,
            workers=workers,
            limits=limits,
            thorough=thorough,
            cluster=cluster,
            apart=apart,
        ).run()
