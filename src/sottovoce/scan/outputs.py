"""All outputs of a scan: table, list of recordings to exclude, report, filtered copies."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import json
import os
import re
import shlex
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import LedgerError, ParameterError
from sottovoce.files.writing import atomic_path
from sottovoce.scan.finding import refused_statuses
from sottovoce.scan.ledger.clearance import find_released
from sottovoce.scan.ledger.ended import has_ended
from sottovoce.scan.ledger.refusals import Refusals
from sottovoce.scan.left_out import NotLookedAt
from sottovoce.scan.limits import Limits
from sottovoce.scan.opening.apart import Apart
from sottovoce.scan.opening.folder_copies import is_group
from sottovoce.scan.opening.names import open_sources
from sottovoce.scan.owner_pools import OwnerPools
from sottovoce.scan.reach.addresses import is_remote
from sottovoce.scan.release import NOT_MARKED
from sottovoce.scan.reports.croissant import write_croissant
from sottovoce.scan.reports.dataset_card import write_card
from sottovoce.scan.reports.licensed import LicensedTally
from sottovoce.scan.reports.page import write_report
from sottovoce.scan.reports.results_table import (
    open_exclude_list,
    open_released_list,
    remove_results,
    write_results,
)
from sottovoce.scan.reports.run_info import RunInfo
from sottovoce.scan.reports.summary import Tally
from sottovoce.scan.seal_pools import SealPools
from sottovoce.scan.source import atomic_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.ledger.ledger import Ledger
    from sottovoce.scan.naming import Naming
    from sottovoce.scan.release import Release, Releases
    from sottovoce.scan.reports.results_table import Format
    from sottovoce.scan.reports.summary import Summary
    from sottovoce.scan.source import Kept, Source

__all__ = ["SIGNATURE", "write_filtered", "write_outputs"]

SIGNATURE = "report.jws"
"""The signature of a report, beside it; see `sottovoce.recipes.write_signed_outputs`."""

_N_STRONGEST, _N_UNREAD = 50, 200
_STALE_S = 3600.0
"""Seconds: a file that has not grown for this long is no longer being written."""
_PART = re.compile(r"\.(results|exclude|summary|report|card|croissant)\.[0-9a-f]{8}\.part\.\w+")
_MORE = "Scan it again and allow more (`memory_bytes`, `time_s`): copying has the same limits."
_LIBRARIES = ("numpy", "scipy", "soundfile", "av")


def write_outputs(
    ledger: Ledger,
    folder: Path,
    *,
    kind: Format = "parquet",
    strict: bool = False,
    reword: Callable[[str], str] = str,
    releases: Releases | None = None,
    naming: Naming | None = None,
) -> Summary:
    """Write the results of the last run into a folder.

    Parameters
    ----------
    ledger : Ledger
        Ledger of the scan.
    folder : pathlib.Path
        Receives ``results.*``, which replaces one in another format, ``exclude.txt``,
        ``summary.json``, ``report.html``, and fragments for a data set's own documentation:
        ``card.md`` and ``croissant.json``.
    kind : "parquet", "csv" or "jsonl"
        Format of the table.
    strict : bool
        Whether to exclude suspected and unread recordings too.
    reword : callable
        Puts a remedy, which names parameters, into the words of the report's readers.
    releases : Releases or None
        What owners permit: the recordings that it releases are in ``released.txt`` instead of
        ``exclude.txt``.  None if there are no grants.
    naming : Naming or None
        Which owners to look for in voices that were not read; None looks for nobody.

    Returns
    -------
    summary : Summary
        Figures of the data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    (folder / SIGNATURE).unlink(missing_ok=True)  # of other files
    tally, shown, seals = Tally(), _Shown(), SealPools()
    pools = None if naming is None else OwnerPools(naming)
    licensed = None if releases is None else LicensedTally(releases)
    refused = refused_statuses(strict=strict)
    with (
        open_exclude_list(folder / "exclude.txt") as exclude,
        open_released_list(folder / "released.txt", wanted=releases is not None) as tell_released,
    ):

        def each() -> Iterator[tuple[Finding, Release]]:
            # Read once for everything, so that all files agree even while a scan is running.
            for known in ledger.findings():
                release = NOT_MARKED if releases is None else releases.decide(known)
                finding = known if naming is None else naming.name(known)
                if pools is not None:
                    pools.add(known)
                tally.add(finding)
                shown.add(finding)
                seals.add(finding)
                if licensed is not None:
                    licensed.add(release)
                if release.released:
                    tell_released(finding, release)
                elif finding.status in refused:
                    exclude(finding)
                yield finding, release

        write_results(each(), folder / f"results.{kind}", kind=kind)
    remove_results(folder, but=kind)
    told = ledger.job()
    summary = tally.summarise(
        left_out=NotLookedAt.of_jobs([told]),
        complete=has_ended(told),
        licensed=None if licensed is None else licensed.finish(),
        pooled_owners=() if pools is None else pools.match(ledger.get),
        n_groups_not_pooled=0 if pools is None else pools.n_passed,
        seals=seals.finish(),
    )
    with atomic_path(folder / "summary.json") as part:
        fields = {**summary.to_dict(), "detector": ledger.detector()}
        part.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    job = _describe_job(ledger)
    write_report(
        folder / "report.html",
        job=job,
        summary=summary,
        strongest=shown.strongest(),
        unread=[dataclasses.replace(one, remedy=reword(one.remedy)) for one in shown.unread],
    )
    write_card(folder / "card.md", job=job, summary=summary)
    write_croissant(folder / "croissant.json", job=job, summary=summary)
    return summary


def _sweep(folder: Path) -> None:
    """Remove partial files of a killed process; another process may be writing here right now."""
    for path in folder.iterdir():
        if _PART.fullmatch(path.name):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_S:
                    path.unlink()


class _Shown:
    """The few findings that a report shows one by one."""

    def __init__(self) -> None:
        self.unread: list[Finding] = []
        self._marked: list[Finding] = []

    def add(self, finding: Finding) -> None:
        if finding.marked:
            self._marked.append(finding)
            if len(self._marked) >= 20 * _N_STRONGEST:
                self._marked = self.strongest()
        elif finding.unread and len(self.unread) < _N_UNREAD:
            self.unread.append(finding)

    def strongest(self) -> list[Finding]:
        """Return the strongest findings, strongest first."""
        return heapq.nsmallest(_N_STRONGEST, self._marked, key=lambda one: (one.log10_p, one.id))


def _describe_job(ledger: Ledger) -> RunInfo:
    told = ledger.job()
    return RunInfo(
        inputs=tuple(told.get("inputs", ())),
        command=told.get("command", ""),
        detector=ledger.detector(),
        versions={name: _version(name) for name in _LIBRARIES},
        began=told.get("began", ""),
        ended=told.get("ended", ""),
        n_workers=told.get("workers", 1),
        wall_s=told.get("wall_s", 0.0),
        exclude_list="exclude.txt",
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def write_filtered(
    ledger: Ledger,
    target: str | Path,
    *,
    strict: bool = False,
    releases: Releases | None = None,
) -> Iterator[Kept]:
    """Copy the scanned sources without refused recordings, each in its own format.

    Parameters
    ----------
    ledger : Ledger
        Ledger of the scan; knows what was scanned.
    target : str or pathlib.Path
        Path of the copy; with several sources, a folder that holds one copy of each.  It does
        not exist before the copy is complete.  If it ends in a slash, the copy of a single file
        is written into that folder, under its own name.
    strict : bool
        As in `write_outputs`.
    releases : Releases or None
        What owners permit: the recordings that it releases are in the copy.

    Yields
    ------
    kept : Kept
        One for each source.  Recordings that are suspected, or were not read to their end, are
        kept unless `strict`; those that are too short to tell are always kept.

    Raises
    ------
    LedgerError
        If the ledger does not know what was scanned, or the scan was not completed: recordings
        not reached would be left out; or if its inputs have relative names, and would be other
        files here.
    ParameterError
        If the target exists.
    """
    job = ledger.job()
    if not job.get("inputs"):
        raise LedgerError(
            "the ledger does not know what was scanned",
            remedy="Filter with the ledger of the scan itself.",
        )
    ledger.check_ended(then="filter")
    _check_folder(job)
    place = _choose_place(target, job["inputs"])
    if os.path.lexists(place):
        raise ParameterError(f"{place} already exists", remedy="Choose a new place (`target`).")
    limits = Limits(**job["limits"]) if "limits" in job else Limits()
    with Apart(limits=limits, remedy=_MORE) as apart:
        sources = open_sources(
            job["inputs"],
            group_by=tuple(job.get("group_by") or ()),
            column=job.get("column") or None,
            root=job.get("root") or None,
            follow_links=bool(job.get("follow_links")),
            apart=apart,
        )
        ledger.flush()
        refusing = frozenset({"", *refused_statuses(strict=strict)})
        released = frozenset() if releases is None else find_released(ledger, releases)
        refused = Refusals(ledger.path, refusing, released, ledger=ledger)
        yield from _write_each(sources, place, refused)


def _check_folder(job: dict[str, Any]) -> None:
    """Raise if relative names mean something else here than they did in the scan."""
    folder = job.get("folder")
    relative = [one for one in job["inputs"] if not (is_remote(one) or Path(one).is_absolute())]
    if folder and relative and Path(folder).resolve() != Path.cwd():
        raise LedgerError(
            f"{relative[0]} was scanned in {folder}, and may be another file here",
            remedy=f"Run the command there: cd {shlex.quote(folder)}",
        )


def _write_each(sources: list[Source], target: Path, refused: Refusals) -> Iterator[Kept]:
    if len(sources) == 1:
        yield sources[0].write_kept(target, refused=refused)
        return
    # Under another name until the last one is written: an interrupt leaves no partial copy.
    copies = []
    with atomic_out(target) as part:
        part.mkdir()
        for source in sources:
            name = _choose_name(source.name, taken=part)
            kept = source.write_kept(part / name, refused=refused)
            copies.append(dataclasses.replace(kept, path=str(target / name)))
    yield from copies


def _choose_place(target: str | Path, inputs: list[str]) -> Path:
    """Return the path of the copy of one file in a folder, or the target itself."""
    into = os.fspath(target).endswith(("/", os.sep))
    if into and len(inputs) == 1 and Path(inputs[0]).is_file() and not is_group(inputs[0]):
        return Path(target) / Path(inputs[0]).name
    return Path(target)


def _choose_name(source: str, *, taken: Path) -> str:
    """Return the last part of a source's name, with a number before it if it is taken."""
    name = own = source.rstrip("/").rsplit("/", 1)[-1]
    for number in itertools.count(2):
        if not (taken / name).exists():
            break
        name = f"{number}-{own}"
    return name
