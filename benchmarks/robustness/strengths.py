"""Strengths: what is found at each of the three named strengths, on the same speech."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sottovoce as sv
from benchmarks.harness.harness import Benchmark, markdown_table
from benchmarks.robustness.robustness import choose_sources, make_tasks, measure, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("strengths", "What does each named strength find?")
_ATTACKS = (
    "none",
    "opus_16",
    "opus_8",
    "gsm",
    "noise_white_10",
    "babble_5",
    "room_0.6",
    "griffin_lim_mel80",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = BENCHMARK.parser.parse_args(arguments)
    sources = choose_sources(options.clips)
    rows = []
    for name, strength_db in sv.STRENGTHS_DB.items():
        tasks = make_tasks(
            sources, _ATTACKS, quick=True, seed=options.seed, strength_db=strength_db
        )
        own = [task for task in tasks if task.marked]
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw.jsonl.gz"
            lines = measure(own, raw, jobs=options.jobs, fresh=True)
        rows += [{"strength_name": name, **row} for row in summarise(lines)[0]]
    clips = [clip for source in sources for clip in source.clips]
    settings = {"strengths_db": sv.STRENGTHS_DB, "max_fpr": 1e-6}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    found: dict[str, dict[tuple[str, float], dict[str, Any]]] = {}
    for row in results["rows"]:
        by_case = found.setdefault(row["attack"], {})
        by_case[row["strength_name"], row["seconds"]] = row
    names = list(results["settings"]["strengths_db"])
    cases = [(name, seconds) for name in names for seconds in (5.0, 10.0)]
    lines = [
        [
            f"`{attack}`",
            next(iter(rows.values()))["strength"],
            *(f"{100 * rows[case]['found']:.0f}" for case in cases),
        ]
        for attack, rows in found.items()
    ]
    return "Found at p ≤ 1e-6, in %, in windows of 5 and of 10 s.\n\n" + markdown_table(
        ["attack", "what", *(f"{name}, {seconds:g} s" for name, seconds in cases)], lines
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found in 5 s at each strength."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(height=3.5)
    for attack in dict.fromkeys(row["attack"] for row in results["rows"]):
        own = [r for r in results["rows"] if r["attack"] == attack and r["seconds"] == 5.0]
        strengths = [results["settings"]["strengths_db"][row["strength_name"]] for row in own]
        axes.plot(strengths, [100 * row["found"] for row in own], "o-", ms=3, label=attack)
    axes.set_xlabel("strength, dB")
    axes.set_ylabel("found in 5 s, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    save(figure, path)


if __name__ == "__main__":
    main()
