"""Import time of `sottovoce` beside that of `numpy`.

Fresh processes, one of each in turn; the clock runs inside them, so that the start of Python is
not counted.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import Benchmark, markdown_table, quartiles, run_on_one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("import_time", "What does `import sottovoce` cost beside `import numpy`?")
MODULES = ("numpy", "scipy.fft", "sottovoce", "sottovoce.cli")
_CHILD = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def _seconds(module: str) -> float:
    """Return the seconds of one import in a process of its own."""
    command = [sys.executable, "-c", _CHILD.format(module)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return float(done.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    options = parser.parse_args(arguments)
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for number in range(options.rounds + 1):
        for module in MODULES:
            seconds = _seconds(module)
            # The first round fills the caches of the disk.
            if number:
                taken[module].append(seconds)
    rows = []
    for module, own in taken.items():
        ratios = quartiles(a / b for a, b in zip(own, taken["numpy"], strict=True))
        rows.append(
            {
                "module": module,
                "ms": [round(1000 * value, 1) for value in quartiles(own)],
                "to_numpy": [round(value, 3) for value in ratios],
            }
        )
    results = BENCHMARK.write(options, rows, settings={"rounds": options.rounds})
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown: median (quartiles)."""
    lines = []
    for row in results["rows"]:
        low, middle, high = row["to_numpy"]
        lines.append(
            (
                f"`import {row['module']}`",
                f"{row['ms'][1]:.0f}",
                f"{middle:.2f} ({low:.2f} to {high:.2f})",
            )
        )
    return markdown_table(["import", "ms", "in imports of numpy"], lines)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the ratios."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    figure, axes = subplots(width=5.5, height=0.9 + 0.3 * len(rows))
    axes.barh(range(len(rows)), [row["to_numpy"][1] for row in rows])
    axes.axvline(3, color="tab:red", lw=1)
    axes.set_yticks(range(len(rows)), [row["module"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("time to import, in imports of numpy (red: limit of sottovoce)")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.cost.import_time")
    main()
