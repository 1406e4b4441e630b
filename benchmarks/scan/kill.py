"""What is left of a scan that was killed at a random moment, and what the same command makes of it.

The real command scans some thousand recordings of a folder, a tar shard and a Parquet table, some
of them marked, some damaged.  It is killed (SIGKILL, which no program can catch) at random moments,
once alone and once with all its workers, and given again.  What it then writes must be what one
uninterrupted scan writes, to the byte; only the times in the report differ.  Then its writing of
outputs is killed, and `scan filter` while it copies: a file must be absent or complete.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_on_one_thread
from benchmarks.scan._killed import (
    N_OUTPUTS,
    WORKERS,
    Trial,
    kill,
    make_data,
    outputs_in,
    tree,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("scan_kill", "What is lost when a scan is killed at a random moment?")
_ORPHAN_S = 3.0
_LATEST = 0.9
"""Of the time of a whole scan: one that meets a less busy machine would be done by then."""
_UNREAD = ("partial", "error", "timeout", "crashed", "unsupported")
SERIES = {
    "scan": "the scan alone",
    "group": "the scan and its workers",
    "outputs": "while it writes outputs",
    "filter": "`scan filter` while it copies",
}


def _kill_scan(
    trial: Trial, data: list[str], at_s: float, *, group: bool, whole: dict[str, str]
) -> dict[str, Any]:
    """Kill a scan, give the command again, and compare."""
    process = trial.scan(data)
    time.sleep(at_s)
    hit = kill(process, group=group)
    told = trial.told()
    intact, known = trial.ledger()
    time.sleep(_ORPHAN_S)
    n_orphans = trial.orphans()
    process = trial.scan(data)
    resumed_s = wait_for(lambda: (trial.folder / "stdout").stat().st_size > 0, process)
    trial.finish(process)
    read = {one for one, status in known.items() if status not in _UNREAD}
    return {
        "hit": hit,
        "at_s": at_s,
        "n_known": len(known),
        "n_twice": len(told - set(known)),
        "n_tried_again": len(known) - len(read),
        "n_orphans": n_orphans,
        "intact": intact,
        "resumed_s": resumed_s,
        "equal": trial.hashes() == whole,
    }


def _kill_outputs(trial: Trial, at: float, whole: dict[str, str]) -> dict[str, Any]:
    """Kill `scan report` some seconds after its first file appeared, or at its `at`-th file."""
    process = trial.start("report", "out")
    begun_s = wait_for(lambda: any(outputs_in(trial.out)), process)
    if isinstance(at, int):
        begun_s += wait_for(lambda: len(trial.complete()) >= at, process)
    else:
        time.sleep(at)
        begun_s += at
    hit = kill(process, group=False)
    found = trial.hashes()
    n_parts = len(list(trial.out.glob(".*.part*")))
    trial.finish(trial.start("report", "out"))
    return {
        "hit": hit,
        "at_s": begun_s,
        "n_there": len(found),
        "n_half": sum(whole[name] != digest for name, digest in found.items()),
        "n_parts": n_parts,
        "equal": trial.hashes() == whole,
    }


def _kill_filter(trial: Trial, begun_s: float, at_s: float, whole: str) -> dict[str, Any]:
    """Kill a filtered copy some seconds after it began, and repeat it if need be."""
    kept = trial.folder / "kept"
    process = trial.start("filter", "out", "--to", "kept")
    wait_for(lambda: any(trial.folder.glob("kept*")), process)
    time.sleep(at_s)
    hit = kill(process, group=False)
    there = kept.exists()
    half = there and tree(kept) != whole
    n_parts = len(list(trial.folder.glob("kept*"))) - there
    if not there:
        trial.finish(trial.start("filter", "out", "--to", "kept"))
    return {
        "hit": hit,
        "at_s": begun_s + at_s,
        "n_there": int(there),
        "n_half": int(half),
        "n_parts": n_parts,
        "equal": tree(kept) == whole,
    }


def _forget_outputs(out: Path) -> None:
    for path in outputs_in(out):
        path.unlink()


def _kill_scans(
    place: Path,
    data: list[str],
    whole_s: float,
    whole: dict[str, str],
    options: Any,  # noqa: ANN401 - argparse's
) -> Iterator[dict[str, Any]]:
    for series in ("scan", "group"):
        if series not in options.series:
            continue
        rng = rng_for(options.seed, series)
        for number in range(options.kills):
            trial = Trial(place, f"{series}-{number}")
            at_s = float(rng.uniform(0, _LATEST * whole_s))
            row = _kill_scan(trial, data, at_s, group=series == "group", whole=whole)
            shutil.rmtree(trial.folder)
            yield {"series": series, **row}


def _kill_writers(
    trial: Trial,
    whole: dict[str, str],
    options: Any,  # noqa: ANN401 - argparse's
) -> Iterator[dict[str, Any]]:
    """Kill the writing of outputs, and filtered copies, at moments of an uninterrupted one."""
    if not {"outputs", "filter"} & set(options.series):
        return
    _forget_outputs(trial.out)
    process = trial.start("report", "out")
    wait_for(lambda: any(outputs_in(trial.out)), process)
    writing_s = wait_for(lambda: len(trial.complete()) == N_OUTPUTS, process)
    trial.finish(process)
    rng = rng_for(options.seed, "outputs")
    for number in range(options.kills):
        _forget_outputs(trial.out)
        # Nearly all of the time goes into the first; so every second is killed between two.
        moment = float(rng.uniform(0, writing_s))
        at = number // 2 % (N_OUTPUTS - 1) + 1 if number % 2 else moment
        yield {"series": "outputs", **_kill_outputs(trial, at, whole)}
    process = trial.start("filter", "out", "--to", "kept")
    begun_s = wait_for(lambda: any(trial.folder.glob("kept*")), process)
    copying_s = wait_for((trial.folder / "kept").exists, process)
    trial.finish(process)
    kept = tree(trial.folder / "kept")
    for _ in range(options.kills):
        shutil.rmtree(trial.folder / "kept", ignore_errors=True)
        row = _kill_filter(trial, begun_s, float(rng.uniform(0, _LATEST * copying_s)), kept)
        yield {"series": "filter", **row}


def _run_all(place: Path, options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # noqa: ANN401 - argparse's
    data = make_data(place, options.seed, options.n)
    trial = Trial(place, "whole")
    start_s = time.perf_counter()
    trial.finish(trial.scan(data))
    whole_s = time.perf_counter() - start_s
    whole = trial.hashes()
    _, known = trial.ledger()
    sys.stderr.write(f"scan_kill: {len(known)} recordings in {whole_s:.1f} s, uninterrupted\n")
    rows = []
    for series in (
        _kill_scans(place, data, whole_s, whole, options),
        _kill_writers(trial, whole, options),
    ):
        for row in series:
            rows.append(row)
            sys.stderr.write(f"scan_kill: {row}\n")
    counts = {status: list(known.values()).count(status) for status in sorted(set(known.values()))}
    return rows, {"n_recordings": len(known), "statuses": counts, "whole_s": whole_s}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--n", type=int, default=3000, help="recordings (default: 3000)")
    parser.add_argument("--kills", type=int, default=10, help="of each series (default: 10)")
    parser.add_argument(
        "series", nargs="*", default=list(SERIES), metavar="SERIES", help=f"of {', '.join(SERIES)}"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sottovoce-kill-") as place:
        rows, totals = _run_all(Path(place), options)
    for row in rows:
        row["at"] = round(row.pop("at_s") / totals["whole_s"], 3)
        if "resumed_s" in row:
            row["resumed_s"] = round(row["resumed_s"], 2)
    totals["whole_s"] = round(totals["whole_s"], 1)
    settings = {"workers": WORKERS, "kills": options.kills}
    print(describe(BENCHMARK.write(options, rows, settings=settings, totals=totals)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as text and tables in Markdown."""
    totals = results["totals"]
    by_series = {name: [row for row in results["rows"] if row["series"] == name] for name in SERIES}
    head = [
        "killed",
        "kills that hit",
        "ledger intact",
        "orphans after 3 s",
        "in the ledger at that time",
    ]
    head += ["scanned twice", "outputs equal", "resumes after, s"]
    scans = [
        [
            SERIES[name],
            _of(own, "hit"),
            _of(own, "intact"),
            str(sum(row["n_orphans"] for row in own)),
            _range([row["n_known"] for row in own]),
            _range([row["n_twice"] for row in own]),
            _of(own, "equal"),
            f"{np.median([row['resumed_s'] for row in own]):.1f}",
        ]
        for name, own in by_series.items()
        if name in {"scan", "group"} and own
    ]
    head_2 = [
        "killed",
        "kills that hit",
        "complete files at that time",
        "partial files",
        "equal afterwards",
    ]
    writes = [
        [
            SERIES[name],
            _of(own, "hit"),
            _range([row["n_there"] for row in own]),
            str(sum(row["n_half"] for row in own)),
            _of(own, "equal"),
        ]
        for name, own in by_series.items()
        if name in {"outputs", "filter"} and own
    ]
    statuses = ", ".join(f"{n:,} {status}" for status, n in totals["statuses"].items())
    return (
        f"{totals['n_recordings']:,} recordings in a folder, a tar shard and a Parquet table"
        f" ({statuses}), SIGKILL at random moments, then the same command again. *Scanned twice*:"
        " reported, but not yet in the ledger; of the recordings in it, only those that could not"
        " be read are tried again. *Equal*: table, list, summary, cards and report equal those of"
        " a scan that was not killed, to the byte, except for times. *Resumes after*: median time"
        " until the second command reports its first finding, including the start of Python.\n\n"
        f"{markdown_table(head, scans)}\n\n"
        "The six files that a scan writes at its end, and a copy of the data set without the"
        " refused recordings:\n\n"
        f"{markdown_table(head_2, writes)}"
    )


def _of(rows: list[dict[str, Any]], name: str) -> str:
    return f"{sum(row[name] for row in rows)} of {len(rows)}"


def _range(values: list[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what the ledger knew against the moment of the kill."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    for series in ("scan", "group"):
        own = [row for row in results["rows"] if row["series"] == series]
        moments = [100 * row["at"] for row in own]
        axes.plot(moments, [row["n_known"] for row in own], "o", label=SERIES[series])
    axes.set_xlabel("killed at, % of an uninterrupted scan")
    axes.set_ylabel("recordings in the ledger")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.scan.kill")
    main()
