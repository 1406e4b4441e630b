"""Join the ledgers of several scans into one, as if one scan had made them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sottovoce.errors import LedgerError
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.left_out import NotLookedAt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["merge_ledgers"]

_MOST_NAMED = 20


def merge_ledgers(paths: Iterable[Path], into: Ledger, *, command: str = "") -> None:
    """Merge ledgers as if one scan had made them.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Ledgers.  A recording in several of them counts once; a successful read takes precedence.
    into : Ledger
        Receives all findings, as one run.
    command : str
        Command line of the merge.

    Raises
    ------
    LedgerError
        If one does not exist, or two were made by different detectors; if a shard of a data set
        is missing, or a scan was not completed.
    """
    paths = list(paths)
    parts = [Ledger(path, read_only=True) for path in paths]
    try:
        # A shard without recordings has no detector.
        detectors = sorted({part.detector() for part in parts} - {""})
        if len(detectors) > 1:
            raise LedgerError(
                f"the parts were scanned by different detectors: {' and '.join(detectors)}",
                remedy="Scan the older parts again.",
            )
        jobs = [part.job() for part in parts]
        for part in parts:
            part.check_ended(then="merge")
        _check_shards(jobs)
        inputs = dict.fromkeys(name for job in jobs for name in job.get("inputs", ()))
        commands = dict.fromkeys(filter(None, (*(job.get("command", "") for job in jobs), command)))
        into.begin_run(
            {
                **(jobs[0] if jobs else {}),
                "inputs": list(inputs),
                **NotLookedAt.of_jobs(jobs).to_dict(),
                "shard": [],
                "command": "\n".join(commands),
                "began": min((job.get("began", "") for job in jobs), default=""),
                "ended": "",
                "wall_s": sum(job.get("wall_s", 0.0) for job in jobs),
            }
        )
        into.adopt(parts)
        # An interrupted merge is not complete either.
        now = datetime.now(UTC).isoformat(timespec="seconds")
        into.amend_job(ended=max((job.get("ended", "") for job in jobs), default="") or now)
    finally:
        for part in parts:
            part.close()


def _check_shards(jobs: list[dict[str, Any]]) -> None:
    """Raise if a data set was scanned in shards and some of them are missing."""
    there: dict[tuple[tuple[str, ...], int], set[int]] = {}
    each: dict[int, list[int]] = {}
    for job in jobs:
        number, n_shards = job.get("shard") or (1, 1)
        there.setdefault((tuple(job.get("inputs", ())), n_shards), set()).add(number)
        each.setdefault(n_shards, []).append(number)
    for (inputs, n_shards), numbers in there.items():
        missing = sorted({*range(1, n_shards + 1)} - numbers)
        # One data set may have different names, on nodes that keep it in different places.
        is_split = sorted(each[n_shards]) == [*range(1, n_shards + 1)]
        if missing and not is_split:
            which = ", ".join(f"{number}/{n_shards}" for number in missing[:_MOST_NAMED])
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            raise LedgerError(
                f"{', '.join(inputs[:3])}: missing shard {which}{more}",
                remedy=f"Scan {missing[0]}/{n_shards} (`shard`), and name its folder as well.",
            )
