"""Everything that a scan leaves behind: table, list of what must go, report, filtered copies."""

from __future__ import annotations

import heapq
import itertools
import json
from importlib import metadata
from typing import TYPE_CHECKING

from sottovoce.errors import LedgerError
from sottovoce.files.writing import atomic_path
from sottovoce.scan.card import write_card
from sottovoce.scan.croissant import write_croissant
from sottovoce.scan.finding import UNREAD
from sottovoce.scan.job import Job
from sottovoce.scan.ledger import Ledger
from sottovoce.scan.opening import open_sources
from sottovoce.scan.report import write_report
from sottovoce.scan.results import write_exclude_list, write_results
from sottovoce.scan.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sottovoce.scan.job import Words
    from sottovoce.scan.results import Format
    from sottovoce.scan.sources import Kept
    from sottovoce.scan.summary import Summary

__all__ = ["merge_ledgers", "write_filtered", "write_outputs"]

_REFUSED = ("marked",)
_N_STRONGEST, _N_UNREAD = 50, 200
_LIBRARIES = ("numpy", "scipy", "soundfile", "av")
_STRICTLY_REFUSED = ("marked", "suspected", *sorted(UNREAD))


def _refused(*, strict: bool) -> tuple[str, ...]:
    return _STRICTLY_REFUSED if strict else _REFUSED


def _among(statuses: Iterable[str]) -> str:
    return f"status IN ({', '.join(repr(status) for status in statuses)})"


def write_outputs(
    ledger: Ledger,
    folder: Path,
    *,
    words: Words,
    kind: Format = "parquet",
    strict: bool = False,
) -> Summary:
    """Write what the last run found into a folder.

    Parameters
    ----------
    ledger : Ledger
        Of the scan.
    folder : pathlib.Path
        Gets ``results.*``, ``exclude.txt``, ``summary.json``, ``report.html``, and what goes into
        a data set's own papers: ``card.md`` and ``croissant.json``.
    words : Words
        What owner ids and policies mean.
    kind : "parquet", "csv" or "jsonl"
        Format of the table.
    strict : bool
        Whether what is suspected or was not read is excluded too.

    Returns
    -------
    summary : Summary
        The data set in figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_results(ledger.findings(), folder / f"results.{kind}", kind=kind)
    where = _among(_refused(strict=strict))
    write_exclude_list(ledger.findings(where=where), folder / "exclude.txt")
    summary = summarise(ledger.findings())
    with atomic_path(folder / "summary.json") as part:
        fields = {**summary.to_dict(), "detector": ledger.detector()}
        part.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    job = _describe_job(ledger)
    found = ledger.findings(where=_among(_REFUSED))
    write_report(
        folder / "report.html",
        job=job,
        summary=summary,
        strongest=heapq.nsmallest(_N_STRONGEST, found, key=lambda one: (one.log10_p, one.id)),
        unread=list(itertools.islice(ledger.findings(where=_among(sorted(UNREAD))), _N_UNREAD)),
        words=words,
    )
    write_card(folder / "card.md", job=job, summary=summary, words=words)
    write_croissant(folder / "croissant.json", job=job, summary=summary, words=words)
    return summary


def _describe_job(ledger: Ledger) -> Job:
    told = ledger.job()
    return Job(
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


def write_filtered(ledger: Ledger, target: Path, *, strict: bool = False) -> Iterator[Kept]:
    """Copy what was scanned without what is refused, each source in its own format.

    Parameters
    ----------
    ledger : Ledger
        Of the scan; knows what was scanned.
    target : pathlib.Path
        Where the copy goes; with several sources a folder that holds one each.
    strict : bool
        As in `write_outputs`.

    Yields
    ------
    kept : Kept
        One for each source.

    Raises
    ------
    LedgerError
        If the ledger does not know what was scanned.
    """
    job = ledger.job()
    if not job.get("inputs"):
        raise LedgerError(
            "the ledger does not know what was scanned",
            remedy="Filter with the ledger of the scan itself.",
        )
    sources = open_sources(
        job["inputs"], group_by=tuple(job.get("group_by") or ()), column=job.get("column")
    )
    refusing = {"", *_refused(strict=strict)}
    for source in sources:
        place = target
        if len(sources) > 1:
            target.mkdir(parents=True, exist_ok=True)
            place = target / source.name.rstrip("/").rsplit("/", 1)[-1]
        yield source.write_kept(place, refused=lambda one: ledger.status(one) in refusing)


def merge_ledgers(paths: Iterable[Path], into: Ledger) -> None:
    """Join ledgers as if one scan had made them.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Of ledgers; what several know counts once, and as read if one could read it.
    into : Ledger
        Gets it all, as a run of its own.

    Raises
    ------
    LedgerError
        If one is not there, or two were made by different detectors.
    """
    parts = [Ledger(path, read_only=True) for path in paths]
    try:
        # A shard that got no recordings has none.
        detectors = sorted({part.detector() for part in parts} - {""})
        if len(detectors) > 1:
            raise LedgerError(
                f"the parts were scanned by different detectors: {' and '.join(detectors)}",
                remedy="Scan the older parts again.",
            )
        jobs = [part.job() for part in parts]
        inputs = dict.fromkeys(name for job in jobs for name in job.get("inputs", ()))
        into.begin_run({**(jobs[0] if jobs else {}), "inputs": list(inputs)})
        by_id = heapq.merge(*(part.stamped() for part in parts), key=lambda one: one[0].id)
        for _, same in itertools.groupby(by_id, key=lambda one: one[0].id):
            finding, stamp = min(same, key=lambda one: one[0].unread)
            into.put(finding, stamp=stamp)
        into.flush()
    finally:
        for part in parts:
            part.close()
