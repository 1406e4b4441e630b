"""Memory: the peak of a process that protects or checks a very long file.

Every measurement is a fresh process that does one job on one file and reports its largest
resident set, so that nothing of another job is counted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks.harness.harness import Benchmark, markdown_table, run_on_one_thread, shipped_clip

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("memory", "How much memory do protect and check take on hours of audio?")
# A file of ten hours must fit into this.
LIMIT_MB = 300

_JOBS = {
    "import": "import sottovoce.files",
    "protect": "from sottovoce.files import protect_file; protect_file(SRC, DST, notice=NOTICE)",
    "check": "from sottovoce.files import detect_file; detect_file(SRC)",
}
_CHILD = """
import resource, sys, time
SRC, DST = sys.argv[1:3]
import sottovoce
NOTICE = sottovoce.Notice(owner_id=7)
start = time.perf_counter()
{job}
seconds = time.perf_counter() - start
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, seconds)
"""


def _write_long(path: Path, sr: int, channels: int, hours: float) -> None:
    """Write the shipped reading again and again, as 16-bit samples, a minute at a time."""
    import soxr  # type: ignore[import-untyped]  # no types in its releases

    y, own_sr = shipped_clip()
    minute = np.resize(soxr.resample(y, own_sr, sr), 60 * sr)
    block = np.repeat(minute[:, None], channels, axis=1)
    file_format = "RF64" if path.suffix == ".wav" else "FLAC"
    with sf.SoundFile(path, "w", sr, channels, "PCM_16", format=file_format) as file:
        for _ in range(round(60 * hours)):
            file.write(block)


def _measure(job: str, src: Path, dst: Path) -> tuple[float, float]:
    """Run one job in a process of its own; return its peak in MB and its seconds."""
    code = _CHILD.format(job=_JOBS[job])
    command = [sys.executable, "-c", code, str(src), str(dst)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    kilobytes, seconds = done.stdout.split()
    # Linux counts in KiB, macOS in bytes.
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    return float(kilobytes) * unit / 1e6, float(seconds)


def _rows(hours: Sequence[float], sr: int, channels: int, folder: Path) -> list[dict[str, Any]]:
    """Measure every job on files of each of these lengths, in hours."""
    rows = []
    for length in hours:
        src, dst = folder / "long.wav", folder / "marked.wav"
        _write_long(src, sr, channels, length)
        for job in _JOBS:
            dst.unlink(missing_ok=True)
            peak_mb, seconds = _measure(job, src, dst)
            rows.append(
                {
                    "job": job,
                    "hours": length,
                    "sr": sr,
                    "channels": channels,
                    "peak_mb": round(peak_mb, 1),
                    "times_real_time": round(3600 * length / seconds, 1),
                }
            )
            sys.stderr.write(f"memory: {job} of {length:g} h: {peak_mb:.0f} MB\n")
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results, or only watch the limit."""
    parser = BENCHMARK.parser
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--sr", type=int, default=16_000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="ten minutes only, nothing written")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        hours = [1 / 6] if options.smoke else options.hours
        rows = _rows(hours, options.sr, options.channels, Path(folder))
    if options.smoke:
        sys.exit(_smoke(rows))
    results = BENCHMARK.write(options, rows, settings={"limit_mb": LIMIT_MB})
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _smoke(rows: Sequence[dict[str, Any]]) -> int:
    """Fail where a job takes more than the limit."""
    for row in rows:
        verdict = "ok" if row["peak_mb"] <= LIMIT_MB else "TOO MUCH"
        print(f"{row['job']}: {row['peak_mb']:.0f} MB, at most {LIMIT_MB} allowed: {verdict}")
    return int(any(row["peak_mb"] > LIMIT_MB for row in rows))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    return markdown_table(
        ["job", "audio", "peak memory, MB", "times real time"],
        [
            (
                f"`{row['job']}`",
                f"{row['hours']:g} h, {row['sr'] / 1000:g} kHz, {row['channels']} ch",
                f"{row['peak_mb']:.0f}",
                "" if row["job"] == "import" else f"{row['times_real_time']:,.0f}",
            )
            for row in results["rows"]
        ],
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the peaks beside the limit."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    figure, axes = subplots(width=5.5, height=0.9 + 0.3 * len(rows))
    axes.barh(range(len(rows)), [row["peak_mb"] for row in rows])
    axes.axvline(results["settings"]["limit_mb"], color="tab:red", lw=1)
    axes.set_yticks(range(len(rows)), [f"{row['job']}, {row['hours']:g} h" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("peak memory of the process, MB (red: limit)")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.cost.memory")
    main()
