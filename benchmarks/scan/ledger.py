"""What a ledger of very many recordings costs: time a row, and memory.

Ledgers are filled with made-up findings, most of them short clips without a mark, as in a data set.
Each step runs in a process of its own and is charged with the processor time of that process, which
other programs on the machine hardly change.  Memory is the most that the process ever held, less
what it held with everything imported and nothing done.  The last rows are what one driver can do at
most: it lists a folder of small files, looks them up, hands them out and keeps what comes back,
while no sound is examined.
"""

from __future__ import annotations

import base64
import functools
import json
import math
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

import sottovoce as sv
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_on_one_thread
from sottovoce.core.coding import encode, make_data_signs
from sottovoce.core.payload import notice_to_bits
from sottovoce.core.permission import Permission
from sottovoce.core.policy import Use
from sottovoce.scan import (
    Finding,
    Ledger,
    Releases,
    Scan,
    merge_ledgers,
    open_sources,
    scanning,
    write_outputs,
)
from sottovoce.scan.recording import File, Recording
from sottovoce.scan.workers import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sottovoce.scan.limits import Limits
    from sottovoce.scan.search import Search

__all__ = ["answer_batch", "describe", "main", "plot"]

BENCHMARK = Benchmark("scan_ledger", "What does a ledger of very many recordings cost?")
_DETECTOR = "benchmark"
_SIZES = (100_000, 1_000_000)
_FILES = 20_000
_MARKED_SHARE, _UNREAD_SHARE = 0.02, 0.005
_IN_FOLDER, _SPEAKERS = 1000, 2000
_OWNERS, _GRANTS = 2000, 1000
_UNDECODED = 20
"""One marked recording in so many is too short to be read, and is matched."""
_MIB = 1 << 20
_DAY = date(2026, 11, 28)
STEPS = {
    "fill": "store findings",
    "report": "`scan report`",
    "licensed": "`scan report` with 1,000 grants",
    "merge": "`scan merge` of two halves",
    "status": "`scan status`",
    "resume": "a scan that knows every recording",
    "driver": "list, look up and store, without examining",
    "driver_again": "the same again: list and look up",
    "driver_pool": "list, look up, hand to two workers and store",
}


def _recordings(start: int, stop: int) -> Iterator[Recording]:
    for number in range(start, stop):
        folder = f"/data/clips/{number // _IN_FOLDER:06}"
        path = f"{folder}/{number:09}.flac"
        yield Recording(
            id=path,
            place=File(path),
            stamp=f"{number:x}-1732000000",
            n_bytes=40_000,
            groups={"folder": folder, "speaker": f"s{number % _SPEAKERS:05}"},
        )


class _Made:
    """A source of recordings that nobody wrote."""

    name = "/data/clips"

    def __init__(self, n: int) -> None:
        self._n = n

    def recordings(self) -> Iterator[Recording]:
        """Yield them in the order of a folder."""
        return _recordings(0, self._n)


def _finding(recording: Recording, chance: float, p: float) -> Finding:
    """Return what a worker might have found."""
    if chance > 1 - _UNREAD_SHARE:
        message, remedy = "is cut short", "Get a complete copy."
        return Finding(
            id=recording.id,
            status="error",
            message=message,
            remedy=remedy,
            groups=recording.groups,
        )
    marked = chance < _MARKED_SHARE
    number, drawn = divmod(int(1e12 * chance), _OWNERS)
    owner_id = 1 + drawn
    notice = {"version": 1, "kind": 0, "policy": 127, "year": 2026, "owner_id": owner_id}
    undecoded = marked and number % _UNDECODED == 0
    voice = {
        "log10_p": -14.0,
        "score": 9.0,
        "offset_s": 1.23,
        "speed": 1.0,
        "pitch": 1.0,
        "segments_s": [[0.0, 2.5]],
        "notice": None if undecoded else notice,
        "evidence": [[1.25 * t, 6.5] for t in range(3)],
    }
    log10_p = -14.0 if marked else max(p, -2.9)
    return Finding(
        id=recording.id,
        status="marked" if marked else "undetermined",
        log10_p=log10_p,
        log10_e=-log10_p - 2.0,
        score=3.0 - log10_p / 2,
        seconds=2.5,
        sound_s=2.1,
        sr=16_000,
        n_channels=1,
        format="FLAC PCM_16",
        voices=(voice,) if marked else (),
        cells=(_cells_of(owner_id),) if undecoded else (),
        groups=recording.groups,
    )


@functools.cache
def _cells_of(owner_id: int) -> str:
    """Return what a ledger keeps of a short clip that this owner marked."""
    notice = sv.Notice(owner_id=owner_id, year=2026)
    signs = make_data_signs(encode(notice_to_bits(notice))).astype(np.float32)
    noise = rng_for(0, "cells", owner_id).standard_normal(signs.shape).astype(np.float32)
    return base64.b64encode(sv.SoftCells.from_sums(0.4 * signs + noise).to_bytes()).decode()


def _fill(path: Path, start: int, stop: int) -> None:
    rng = rng_for(0, "ledger", start)
    with Ledger(path, detector=_DETECTOR) as ledger:
        ledger.begin_run({"inputs": [_Made.name], "began": "then"})
        for one in _recordings(start, stop):
            chance, p = rng.random(2)
            ledger.put(_finding(one, chance, math.log10(max(p, 1e-9))), stamp=one.stamp)
        ledger.amend_job(ended="then", wall_s=1.0)


def _report(folder: Path, _: int) -> None:
    with Ledger(folder / "whole", read_only=True) as ledger:
        write_outputs(ledger, folder / "out")


def _report_licensed(folder: Path, _: int) -> None:
    permissions = [
        Permission(
            owner_id=owner_id,
            notices=((0x7F, 2026),),
            uses=Use.CLONE,
            serial=f"g{owner_id}",
            grantee="a laboratory",
            first_day=_DAY,
            last_day=_DAY,
            revocation_known_to=_DAY,
        )
        for owner_id in range(1, _GRANTS + 1)
    ]
    releases = Releases(permissions, use=Use.CLONE, day=_DAY)
    with Ledger(folder / "whole", read_only=True) as ledger:
        summary = write_outputs(ledger, folder / "licensed", releases=releases)
    licensed = summary.licensed
    if licensed is None or not 0.4 < licensed.n_released / summary.n_marked < 0.6:
        raise RuntimeError("about half of the marked recordings should be released")
    if not licensed.n_matched:
        raise RuntimeError("no short recording was matched")


def _merge(folder: Path, _: int) -> None:
    with Ledger(folder / "merged", detector=_DETECTOR) as ledger:
        merge_ledgers([folder / "first", folder / "second"], ledger)


def _status(folder: Path, _: int) -> None:
    with Ledger(folder / "whole", read_only=True) as ledger:
        ledger.count()


def _examine_none(recordings: Any, **_: object) -> Iterator[tuple[Recording | None, Finding]]:  # noqa: ANN401 - as examine_all
    """Stand in for the workers: every recording is too short, at once."""
    for one in recordings:
        if isinstance(one, Finding):
            yield None, one
        else:
            yield one, _finding(one, 0.5, -0.5)


def answer_batch(batch: list[Recording], limits: Limits, search: Search) -> list[Finding]:
    """Stand in for a worker's work: every recording is too short, at once."""
    return [_finding(one, 0.5, -0.5) for one in batch]


def _resume(folder: Path, n: int) -> None:
    with Ledger(folder / "whole", detector=_DETECTOR) as ledger:
        scan = Scan([_Made(n)], ledger=ledger)
        with mock.patch.object(scanning, "examine_all", _examine_none):
            for _ in scan.run():
                pass
    if scan.n_resumed < 0.9 * n:
        raise RuntimeError(f"only {scan.n_resumed} of {n} were known")


def _drive(folder: Path, n: int, *, in_pool: bool = False) -> None:
    name, own = (pool, "_examine_batch") if in_pool else (scanning, "examine_all")
    stand_in = answer_batch if in_pool else _examine_none
    path = folder / ("pool.sqlite" if in_pool else "driver.sqlite")
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(path, detector=_DETECTOR))
        stack.enter_context(mock.patch.object(name, own, stand_in))
        scan = Scan(open_sources([str(folder / "files")]), ledger=ledger, workers=2)
        if sum(1 for _ in scan.run()) != n:
            raise RuntimeError("not every file was listed")


def _drive_pool(folder: Path, n: int) -> None:
    _drive(folder, n, in_pool=True)


_WORK: dict[str, Callable[[Path, int], None]] = {
    "fill": lambda folder, n: _fill(folder / "whole", 0, n),
    "report": _report,
    "licensed": _report_licensed,
    "merge": _merge,
    "status": _status,
    "resume": _resume,
    "driver": _drive,
    "driver_again": _drive,
    "driver_pool": _drive_pool,
}


def _peak_bytes(name: str = "VmHWM") -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def _measure_here(step: str, folder: Path, n: int) -> None:
    """Do one step in this process, and print what it took."""
    import pyarrow.parquet  # noqa: F401 - so that its import is not charged to the first step

    before, start_s, wall_s = _peak_bytes(), time.process_time(), time.perf_counter()
    _WORK[step](folder, n)
    cpu_s, wall_s = time.process_time() - start_s, time.perf_counter() - wall_s
    row = {"step": step, "n": n, "cpu_s": cpu_s, "wall_s": wall_s, "bytes": _peak_bytes() - before}
    sys.stdout.write(json.dumps(row))


def _measure(step: str, folder: Path, n: int) -> dict[str, Any]:
    """Do one step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scan.ledger", "--step", step, str(folder), str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    told = json.loads(done.stdout)
    row = {
        "step": step,
        "n": n,
        "us_per_row": round(1e6 * told["cpu_s"] / n, 2),
        "wall_us_per_row": round(1e6 * told["wall_s"] / n, 2),
        "peak_mib": round(told["bytes"] / _MIB, 1),
    }
    sys.stderr.write(f"scan_ledger: {row}\n")
    return row


def _measure_ledgers(n: int) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="sottovoce-ledger-") as place:
        folder = Path(place)
        yield _measure("fill", folder, n)
        for name, start, stop in (("first", 0, n // 2), ("second", n // 2, n)):
            _fill(folder / name, start, stop)
        for step in ("report", "licensed", "merge", "status", "resume"):
            yield _measure(step, folder, n)


def _measure_driver(n: int) -> Iterator[dict[str, Any]]:
    """Measure with real files: of a few bytes, since nobody decodes them."""
    with tempfile.TemporaryDirectory(prefix="sottovoce-driver-") as place:
        folder = Path(place)
        for number in range(n):
            path = folder / "files" / f"{number // _IN_FOLDER:04}" / f"{number:07}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"RIFF")
        for step in ("driver", "driver_again", "driver_pool"):
            yield _measure(step, folder, n)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--sizes", type=int, nargs="*", default=list(_SIZES), help="of ledgers")
    parser.add_argument("--files", type=int, default=_FILES, help="that the driver lists")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "FOLDER", "N"), help="one, for itself")
    options = parser.parse_args(arguments)
    if options.step:
        step, folder, n = options.step
        _measure_here(step, Path(folder), int(n))
        return
    rows = [row for n in options.sizes for row in _measure_ledgers(n)]
    rows += _measure_driver(options.files)
    print(describe(BENCHMARK.write(options, rows)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as text and a table in Markdown."""
    rows = results["rows"]
    table = [
        [
            STEPS[row["step"]],
            f"{row['n']:,}",
            f"{row['us_per_row']:,.1f}",
            f"{1e6 / row['us_per_row']:,.0f}",
            f"{row['peak_mib']:,.0f}",
        ]
        for row in rows
    ]
    head = ["step", "recordings", "processor time each, µs", "per second", "memory, MiB"]
    return (
        "Processor time of the process that does the step, and the most memory that it took on top"
        " of its imports. In the last three rows the files exist and are listed, but no sound is"
        " examined: this is what the driver of a scan costs per recording, and so an upper limit"
        " on the recordings per second that one driver can hand out and store.\n\n"
        f"{markdown_table(head, table)}"
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the time a row by the size of the ledger."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    steps = list(dict.fromkeys(row["step"] for row in results["rows"]))
    for step in steps:
        own = [row for row in results["rows"] if row["step"] == step]
        axes.plot([r["n"] for r in own], [r["us_per_row"] for r in own], "o-", label=STEPS[step])
    axes.set_xscale("log")
    axes.set_ylim(0)
    axes.set_xlabel("recordings")
    axes.set_ylabel("µs each")
    figure.legend(loc="outside right upper", fontsize="x-small")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.scan.ledger")
    main()
