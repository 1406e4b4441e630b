"""`scan_paths`: from names to findings, each recording once, whatever happens on the way."""

from __future__ import annotations

import dataclasses
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
from sottovoce.scan.workers.pool import examine_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sottovoce.scan.source import Source

__all__ = ["Scan", "detector_version", "scan_paths"]

_logger = logging.getLogger(__name__)


def detector_version(*, thorough: bool = False) -> str:
    """Return what looks, and how: findings of another version are looked up anew.

    Examples
    --------
    >>> detector_version(thorough=True)
    'sottovoce 0.1.0.dev0, format 1, thorough'
    """
    words = [f"sottovoce {sottovoce.__version__}", f"format {FORMAT_1.name.split()[-1]}"]
    return ", ".join([*words, "thorough"] if thorough else words)


class Scan:
    """One pass over sources.

    Parameters
    ----------
    sources : sequence of Source
        What lists the recordings.
    ledger : Ledger or None
        What is known already, and where findings are kept; None keeps nothing.
    workers : int or None
        Processes; by default as many as there are cores.
    limits : Limits
        What one recording may cost.
    thorough : bool
        As in `sottovoce.detect`.
    shard : (int, int)
        The first of these many equal parts, from 1: every machine takes one.  What lies in one
        archive or table stays together.
    since_s : float or None
        Recordings last written before are not looked at; in seconds since 1970.
    rescan : bool
        Whether to look again at what the ledger knows.  What could not be read is always tried
        again, but what took all the memory that it may.
    cluster : str or None
        Address of a Ray cluster that is to do the work instead of processes of this computer, as
        `sottovoce.scan.workers.ray_cluster.examine_on_cluster` takes it.
    apart : Apart or None
        That `open_sources` was given: what it could not list is not met again by the next scan.
    job : mapping
        What the ledger is to remember of this scan, besides the names of the sources.

    Attributes
    ----------
    n_resumed : int
        Recordings so far that the ledger knew.
    n_older : int
        Recordings so far that were last written before `since_s` and that the ledger did not know.
    not_looked_at : NotLookedAt
        Files so far that were passed without being looked at.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        ledger: Ledger | None = None,
        workers: int | None = None,
        limits: Limits | None = None,
        thorough: bool = False,
        shard: tuple[int, int] = (1, 1),
        since_s: float | None = None,
        rescan: bool = False,
        cluster: str | None = None,
        apart: Apart | None = None,
        job: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        number, n_shards = shard
        if not 1 <= number <= n_shards:
            raise ParameterError(f"shard {number}/{n_shards} is none", remedy="Count from 1.")
        self._sources = sources
        self._ledger = ledger
        self._workers = workers or os.cpu_count() or 1
        self._limits = limits or Limits()
        self._thorough = thorough
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
        self.not_looked_at = NotLookedAt()

    def count(self, *, within_s: float) -> int | None:
        """Return how many recordings there are, or None if counting them takes longer."""
        deadline_s = time.monotonic() + within_s
        n = 0
        for one in self._once():
            n += not isinstance(one, LeftOut)
            if time.monotonic() > deadline_s:
                return None
        return n

    def run(self) -> Iterator[Finding]:
        """Yield one finding for each recording, as they come.

        What is yielded is in the ledger; closing the iterator, or an interrupt, leaves the ledger
        whole.
        """
        inputs = [one.name for one in self._sources]
        if self._ledger is not None:
            self._ledger.begin_run({**self._job, "inputs": inputs, "shard": list(self._shard)})
        try:
            for recording, finding in self._examine():
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
                "not looked at, and may hold sound: %s",
                describe_kinds(self.not_looked_at.sounding, show=make_harmless),
            )

    def _examine(self) -> Iterator[tuple[Recording | None, Finding]]:
        limits, thorough = self._limits, self._thorough
        if self._cluster is None:
            return examine_all(
                self._unknown(), workers=self._workers, limits=limits, thorough=thorough
            )
        from sottovoce.scan.workers.ray_cluster import examine_on_cluster

        return examine_on_cluster(
            self._unknown(), address=self._cluster, limits=limits, thorough=thorough
        )

    def _unknown(self) -> Iterator[Recording | Finding]:
        """Yield what must be looked at, and the findings that are there already."""
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
        """Return what the ledger knows of a recording that took all memory that a worker may."""
        if self._ledger is None or self._rescan:
            return None
        return self._ledger.find(self._exhausting(recording))

    def _exhausting(self, recording: Recording) -> Recording:
        # Not good for a scan that allows more, or less.
        stamp = f"{recording.stamp} within {self._limits.memory_bytes} B"
        return dataclasses.replace(recording, stamp=stamp)

    def _known_whole(self, name: str, stamp: str) -> Finding | None:
        """Return what the ledger knows of a data set that could not be listed."""
        if self._ledger is None:
            return None
        return self._ledger.find(Recording(id=name, place=File(name), stamp=stamp))

    def _once(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield what there is of this shard, each the first time that it is listed."""
        number, n_shards = self._shard
        met = IdSet()
        for source in self._sources:
            for one in source.recordings():
                kept_together = getattr(getattr(one, "place", None), "url", one.id)
                if n_shards > 1 and _number(kept_together) % n_shards != number - 1:
                    continue
                if met.add(one.id):
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
        Processes; by default as many as there are cores.
    ledger : path-like or None
        A file that remembers findings, so that an interrupted scan goes on.
    limits : Limits or None
        What one recording may cost.
    thorough : bool
        Whether changed speed, tempo and pitch are searched too; much slower.
    cluster : str or None
        Address of a Ray cluster that is to do the work, ``"auto"`` or ``"host:port"``.
    allow_remote : bool, str or tuple of str
        What listings and tables may name on a network, besides what lies in their own store:
        True for all that is public, without credentials; addresses as ``"s3://voices"`` for these
        stores, with yours.

    Returns
    -------
    findings : iterator of Finding
        One for each recording, in no order, as they come; a recording that cannot be read has
        a finding that says why.

    Raises
    ------
    AudioFileError
        If a name does not exist.
    LedgerError
        If the ledger is in use or damaged.
    MissingExtraError
        If the extra `scan` is not installed, or `ray` where there is a cluster.
    ClusterError
        If the cluster does not answer, or has another release on it.

    Notes
    -----
    Memory does not grow with the length of recordings; 20 to 40 bytes a recording are kept.

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
