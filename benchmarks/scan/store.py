"""What a store costs a scan: its latency, and its refusals.

The same files lie on the local disk and in a store (moto's S3, `rig.store`) that runs
beside the scan and answers each request after some milliseconds, as a real one does.  The scan,
with two workers, reads both; and two plain processes fetch, decode and detect one recording
after the other, as a program does that takes no care.  All of it, the store too, shares two cores.
Start-up is part of a scan, and not of the plain processes.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import (
    Benchmark,
    markdown_table,
    quartiles,
    rng_for,
    run_on_one_thread,
    shipped_clip,
)
from benchmarks.scan.throughput import time_processes
from rig.memory_in_use import PeakMemory
from rig.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("scan_store", "What do the latency and the refusals of a store cost a scan?")
_BUCKET = "voices"
_WORKERS = 2
_SR = 16_000
_LATENCIES_MS = (0, 20, 50)
_BUSY = (0.01, 0.1)
_BUSY_LATENCY_MS = 20
_ONE_BY_ONE = 400
"""Short recordings that the plain processes fetch: a rate needs no more, and they are slow."""
_CONTENTS = 60
"""Different recordings; the others are the same under other names."""
# name: number of recordings, seconds of one (from, to), what they are.
KINDS: dict[str, tuple[int, tuple[float, float], str]] = {
    "short": (3000, (1, 3), "1 to 3 s, FLAC"),
    "long": (24, (600, 600), "10 min, FLAC"),
    "tar": (3000, (1, 3), "1 to 3 s, FLAC, in tar shards"),
    "parquet": (3000, (1, 3), "1 to 3 s, FLAC, in a Parquet table"),
}
_SHARD = 500
_ROW_GROUP = 200

Findings = dict[str, tuple[str, float | None]]


def _clips(name: str, seed: int, shrink: float) -> list[bytes]:
    n, (least_s, most_s), _ = KINDS[name]
    y, _ = shipped_clip()
    rng = rng_for(seed, name)
    n = max(int(n * shrink), _WORKERS)
    contents = []
    for _ in range(min(n, _CONTENTS if most_s < 60 else 4)):
        length = round(rng.uniform(least_s, most_s) * _SR)
        file = io.BytesIO()
        sound = np.resize(np.roll(y, int(rng.integers(len(y)))), length)
        sf.write(file, sound, _SR, format="FLAC", subtype="PCM_16")
        contents.append(file.getvalue())
    return [contents[i % len(contents)] for i in range(n)]


def _write(folder: Path, name: str, clips: list[bytes]) -> None:
    if name == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = pa.array([{"bytes": clip, "path": None} for clip in clips], struct)
        table = pa.table({"audio": cells})
        pq.write_table(table, folder / "all.parquet", row_group_size=_ROW_GROUP)
        return
    if name == "tar":
        import tarfile

        for start in range(0, len(clips), _SHARD):
            with tarfile.open(folder / f"{start:06}.tar", "w") as archive:
                for i, clip in enumerate(clips[start : start + _SHARD]):
                    member = tarfile.TarInfo(f"{start + i:06}.flac")
                    member.size = len(clip)
                    archive.addfile(member, io.BytesIO(clip))
        return
    for i, clip in enumerate(clips):
        path = folder / f"{i // 1000:03}" / f"{i:06}.flac"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(clip)


def _scan(name: str) -> tuple[float, float, float, Findings]:
    """Return wall time, seconds of audio, peak memory in MB, and findings."""
    from sottovoce.scan import Ledger, Scan, open_sources

    with tempfile.TemporaryDirectory() as place, PeakMemory(own=True) as memory:
        start_s = time.perf_counter()
        with Ledger(Path(place) / "ledger.sqlite", detector="benchmark") as ledger:
            found = list(Scan(open_sources([name]), ledger=ledger, workers=_WORKERS).run())
        wall_s = time.perf_counter() - start_s
    said = {one.id.removeprefix(name): (one.status, one.log10_p) for one in found}
    return wall_s, sum(one.seconds for one in found), memory.peak_bytes / 2**20, said


def _fetch_and_detect(names: list[str], start: Any) -> None:  # noqa: ANN401 - a barrier of multiprocessing
    import s3fs  # type: ignore[import-untyped]  # no types in its releases

    store = s3fs.S3FileSystem()
    sv.detect(np.zeros(_SR, dtype=np.float32), sr=_SR)
    start.wait()
    for name in names:
        y, sr = sf.read(io.BytesIO(store.cat_file(name)), dtype="float32")
        sv.detect(y, sr=sr)


def _measure(name: str, options: Any, root: Path, store: Store) -> list[dict[str, Any]]:  # noqa: ANN401 - argparse's
    folder = root / name
    files = [path for path in folder.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    ways = [(latency_ms, 0.0) for latency_ms in _LATENCIES_MS]
    if name == "short":
        ways += [(_BUSY_LATENCY_MS, busy) for busy in _BUSY]
    inside = f"{name}/all.parquet" if name == "parquet" else name
    rounds: dict[Any, list[Any]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        local = _scan(f"{root}/{inside}")
        for way in ways:
            store.behave(latency_s=way[0] / 1000, busy_share=way[1])
            remote = _scan(f"s3://{_BUCKET}/{inside}")
            rounds[way].append((local, remote, store.counts()))
    rows = [_row(name, way, rounds[way], n_bytes) for way in ways]
    if name in {"short", "long"} and not options.no_plain:
        _add_one_by_one(rows, store, root, files)
    return rows


def _row(name: str, way: tuple[float, float], rounds: list[Any], n_bytes: int) -> dict[str, Any]:
    local, _, counts = rounds[0]
    return {
        "what": name,
        "latency_ms": way[0],
        "busy": way[1],
        "n": len(local[3]),
        "size_mb": round(n_bytes / 1e6),
        "local_times_real_time": _median(one[0][1] / one[0][0] for one in rounds),
        "store_times_real_time": _median(one[1][1] / one[1][0] for one in rounds),
        "store_per_s": _median(len(one[1][3]) / one[1][0] for one in rounds),
        "share": [round(v, 3) for v in quartiles(one[0][0] / one[1][0] for one in rounds)],
        "wall_s": round(float(np.median([one[1][0] for one in rounds])), 2),
        "requests": counts["n_requests"],
        "refused": counts["n_busy"],
        "fetched_mb": round(counts["n_bytes"] / 1e6),
        "peak_mb": round(max(one[1][2] for one in rounds)),
        "same_findings": all(one[0][3] == one[1][3] for one in rounds),
    }


def _median(values: Any) -> int:  # noqa: ANN401 - any iterable of numbers
    return round(quartiles(values)[1])


def _add_one_by_one(
    rows: list[dict[str, Any]], store: Store, root: Path, files: list[Path]
) -> None:
    paths = sorted(files)[:_ONE_BY_ONE]
    names = [f"{_BUCKET}/{path.relative_to(root)}" for path in paths]
    seconds = sum(sf.info(str(path)).duration for path in paths)
    for row in rows:
        store.behave(latency_s=row["latency_ms"] / 1000)
        if not row["busy"]:
            row["one_by_one_times_real_time"] = round(
                seconds / time_processes(_fetch_and_detect, names)
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=3, help="of each kind (default: 3)")
    parser.add_argument("--shrink", type=float, default=1.0, help="share of the files, for a try")
    parser.add_argument("--no-plain", action="store_true", help="leave out the plain processes")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="sottovoce-store-") as place:
        root = Path(place)
        for name in options.kinds:
            (root / name).mkdir()
            _write(root / name, name, _clips(name, options.seed, options.shrink))
        with Store() as store:
            os.environ.update(store.environment)
            for name in options.kinds:
                files = (path for path in (root / name).rglob("*") if path.is_file())
                store.put(
                    _BUCKET, {str(path.relative_to(root)): path.read_bytes() for path in files}
                )
                own = _measure(name, options, root, store)
                sys.stderr.write("".join(f"scan_store: {row}\n" for row in own))
                rows += own
    settings = {"workers": _WORKERS, "rounds": options.rounds, "cores": os.cpu_count()}
    print(describe(BENCHMARK.write(options, rows, settings=settings)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    calm = [row for row in results["rows"] if not row["busy"]]
    busy = [row for row in results["rows"] if row["busy"]]
    head = ["recordings", "latency, ms", "local disk, times real time", "store", "share, %"]
    head += [
        "one by one",
        "requests for each",
        "fetched of its size, %",
        "peak memory with the store's, MB",
    ]
    table = markdown_table(
        head,
        [
            [
                f"{row['n']:,} of {KINDS[row['what']][2]}",
                row["latency_ms"],
                f"{row['local_times_real_time']:,}",
                f"{row['store_times_real_time']:,}",
                f"{100 * row['share'][1]:.0f}",
                f"{row['one_by_one_times_real_time']:,}"
                if "one_by_one_times_real_time" in row
                else "",
                f"{row['requests'] / row['n']:.2f}",
                f"{100 * row['fetched_mb'] / row['size_mb']:.0f}",
                row["peak_mb"],
            ]
            for row in calm
        ],
    )
    return (
        "A scan with two workers, of the local disk and of a store that shares its two cores;"
        " *one by one* is two plain processes, each of which fetches, decodes and detects one"
        f" recording after the other. The store holds all of its objects in memory."
        f" {_same(results['rows'])}\n\n{table}\n\n{_tell_busy(busy)}"
    )


def _same(rows: list[dict[str, Any]]) -> str:
    if all(row["same_findings"] for row in rows):
        return "All findings from the store equal those from the disk."
    return "**Findings from the store differ from those from the disk.**"


def _tell_busy(rows: list[dict[str, Any]]) -> str:
    head = ["refused with 503, %", "refusals", "requests", "seconds", "recordings"]
    return (
        f"Refusals, short recordings, {_BUSY_LATENCY_MS} ms; each is tried again until it works:"
        "\n\n"
        + markdown_table(
            [*head, "same findings"],
            [
                [
                    f"{100 * row['busy']:.0f}",
                    f"{row['refused']:,}",
                    f"{row['requests']:,}",
                    row["wall_s"],
                    f"{row['n']:,}",
                    "yes" if row["same_findings"] else "no",
                ]
                for row in rows
            ],
        )
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw speed over latency."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3.5)
    draw: Callable[..., Any] = axes.plot
    for name, (_, _, words) in KINDS.items():
        rows = [one for one in results["rows"] if one["what"] == name and not one["busy"]]
        shares = [100 * one["share"][1] for one in rows]
        draw([one["latency_ms"] for one in rows], shares, marker="o", label=words)
    axes.set_xlabel("latency of the store, ms")
    axes.set_ylabel("% of the speed on the local disk")
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.scan.store")
    main()
