"""How near a scan comes to what it cannot be faster than: decoding and detecting, on every core.

The limit is two plain processes, each of which decodes and detects half of the files one after the
other and does nothing else.  The scan does the same files with two workers, and lists, isolates,
remembers and counts as well.  Both run in turn, each on both cores, and a figure is the ratio
within a round, so that a busy machine slows both sides.  Start-up, half a second, is part of the
scan; long recordings lie there under several names, which makes a job of a quarter of a minute.
"""

from __future__ import annotations

import multiprocessing
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
from rig.memory_in_use import PeakMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

__all__ = ["KINDS", "describe", "main", "plot", "time_processes", "write_recordings"]

BENCHMARK = Benchmark("scan_throughput", "How near does a scan come to the speed of its parts?")
_WORKERS = 2
_NAMES = 6
"""Of each long recording, as hard links."""
_LONG_S = 60.0
# name: rate in Hz, suffix, subtype, number of files, seconds of one (from, to), what it is.
KINDS: dict[str, tuple[int, str, str | None, int, tuple[float, float], str]] = {
    "long_16k_flac": (16_000, ".flac", "PCM_16", 24, (1200, 1200), "20 min, 16 kHz FLAC"),
    "long_16k_mp3": (16_000, ".mp3", None, 24, (600, 600), "10 min, 16 kHz MP3"),
    "long_16k_opus": (16_000, ".opus", "OPUS", 24, (300, 300), "5 min, 16 kHz Opus"),
    "long_48k_flac": (48_000, ".flac", "PCM_16", 24, (600, 600), "10 min, 48 kHz FLAC"),
    "short_16k_flac": (16_000, ".flac", "PCM_16", 20_000, (1, 3), "1 to 3 s, 16 kHz FLAC"),
}


def write_recordings(folder: Path, name: str, seed: int, shrink: float) -> list[Path]:
    """Write the files of a kind: the shipped reading from random places on."""
    import soxr  # type: ignore[import-untyped]  # no types in its releases

    sr, suffix, subtype, n, (least_s, most_s), _ = KINDS[name]
    y, own_sr = shipped_clip()
    y = soxr.resample(y, own_sr, sr)
    rng = rng_for(seed, name)
    paths = []
    for number in range(max(int(n * shrink), _WORKERS)):
        length = round(rng.uniform(least_s, most_s) * sr)
        sound = np.resize(np.roll(y, int(rng.integers(len(y)))), length)
        # Thousands of files in one folder are slow to list on some disks.
        path = folder / f"{number // 1000:03}" / f"{number:06}{suffix}"
        path.parent.mkdir(exist_ok=True)
        sf.write(path, sound, sr, subtype=subtype, format="OGG" if suffix == ".opus" else None)
        paths.append(path)
        for copy in range(1, _NAMES if least_s > _LONG_S else 1):
            link = path.with_stem(f"{path.stem}-{copy}")
            link.hardlink_to(path)
            paths.append(link)
    return paths


def _work_off(paths: list[Path], start: Any) -> None:  # noqa: ANN401 - a barrier of multiprocessing
    sv.detect(np.zeros(16_000, dtype=np.float32), sr=16_000)
    start.wait()
    for path in paths:
        y, sr = sf.read(path, dtype="float32")
        sv.detect(y, sr=sr)


def time_processes(work: Callable[[list[Any], Any], None], items: list[Any]) -> float:
    """Return the wall time of plain processes that share the items, without their start.

    Parameters
    ----------
    work : callable
        Takes its items, and a barrier to wait at once it is ready.
    items : list
        Dealt out in turn.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(_WORKERS + 1)
    processes = [
        context.Process(target=work, args=(items[i::_WORKERS], barrier)) for i in range(_WORKERS)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    start_s = time.perf_counter()
    for process in processes:
        process.join()
    return time.perf_counter() - start_s


def _time_scan(folder: Path) -> tuple[float, float, float, int]:
    """Return wall time, seconds of audio, peak memory in MB, and recordings."""
    from sottovoce.scan import Ledger, Scan, open_sources

    with tempfile.TemporaryDirectory() as place, PeakMemory(own=True) as memory:
        start_s = time.perf_counter()
        with Ledger(Path(place) / "ledger.sqlite", detector="benchmark") as ledger:
            scan = Scan(open_sources([str(folder)]), ledger=ledger, workers=_WORKERS)
            findings = [(finding.seconds, finding.status) for finding in scan.run()]
        wall_s = time.perf_counter() - start_s
    wrong = [status for _, status in findings if status not in {"clean", "undetermined"}]
    if wrong:
        raise RuntimeError(f"{len(wrong)} recordings were not read: {wrong[:3]}")
    return wall_s, sum(seconds for seconds, _ in findings), memory.peak_bytes / 2**20, len(findings)


def _measure(name: str, options: Any) -> dict[str, Any]:  # noqa: ANN401 - argparse's
    with tempfile.TemporaryDirectory(prefix="sottovoce-throughput-") as place:
        folder = Path(place)
        paths = write_recordings(folder, name, options.seed, options.shrink)
        rounds = []
        for _ in range(options.rounds):
            limit_s = time_processes(_work_off, paths)
            scan_s, audio_s, peak_mb, n = _time_scan(folder)
            rounds.append((limit_s, scan_s, audio_s, peak_mb, n))
    return {
        "what": name,
        "n_files": rounds[0][4],
        "hours": round(rounds[0][2] / 3600, 2),
        "limit_times_real_time": [
            round(v) for v in quartiles(audio_s / limit_s for limit_s, _, audio_s, _, _ in rounds)
        ],
        "scan_times_real_time": [
            round(v) for v in quartiles(audio_s / scan_s for _, scan_s, audio_s, _, _ in rounds)
        ],
        "share": [round(v, 3) for v in quartiles(lim / own for lim, own, _, _, _ in rounds)],
        "peak_mb": round(max(one[3] for one in rounds)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=3, help="of each kind (default: 3)")
    parser.add_argument("--shrink", type=float, default=1.0, help="share of the files, for a try")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    options = parser.parse_args(arguments)
    rows = []
    for name in options.kinds:
        rows.append(_measure(name, options))
        sys.stderr.write(f"scan_throughput: {rows[-1]}\n")
    settings = {"workers": _WORKERS, "rounds": options.rounds, "cores": os.cpu_count()}
    print(describe(BENCHMARK.write(options, rows, settings=settings)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["recordings", "number", "hours", "limit, times real time", "scan, times real time"]
    head += ["share of the limit, % (quartiles)", "peak memory, MB"]
    rows = []
    for row in results["rows"]:
        low, middle, high = (100 * v for v in row["share"])
        rows.append(
            [
                KINDS[row["what"]][5],
                f"{row['n_files']:,}",
                f"{row['hours']:.1f}",
                f"{row['limit_times_real_time'][1]:,}",
                f"{row['scan_times_real_time'][1]:,}",
                f"{middle:.0f} ({low:.0f} to {high:.0f})",
                str(row["peak_mb"]),
            ]
        )
    return (
        "Both with two processes on two cores; *limit* decodes and detects and does nothing else."
        " The start of the workers is part of the scan. Memory is that of the scan and its"
        " workers together, with the findings of this benchmark.\n\n" + markdown_table(head, rows)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share of the limit."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    names = [KINDS[row["what"]][5] for row in results["rows"]]
    shares: npt.NDArray[np.float64] = np.array([row["share"] for row in results["rows"]]) * 100
    axes.barh(names, shares[:, 1])
    axes.axvline(90, linestyle=":", color="grey")
    axes.set_xlabel("% of the limit")
    axes.invert_yaxis()
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.scan.throughput")
    main()
