"""Presence: in what share of short, attacked clips of real speech the mark is found.

Clips of the report half are marked whole, at random phases and with random notices, cut to pieces
of exactly 5 and 10 s, attacked, and given to `detect` at whatever rate the attack left.  Clips that
are shorter than a piece are left out and counted.  Several trials of one piece differ in phase,
notice, crop and the attack's own chance, not in speech: the intervals do not know that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS, EVERYDAY
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
    quartiles,
    rng_for,
    run_tasks,
    wilson,
)
from benchmarks.harness.trials import (
    MARGIN_S,
    Source,
    cut,
    load_source,
    mark,
    pieces_of,
    prepare,
    run_attack,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("presence", "In what share of attacked clips is the mark found at p <= 1e-6?")
MOST_PIECES = 3
RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)


@dataclass(frozen=True, slots=True)
class _Task:
    """One trial: a piece, an attack, and the rate to mark at where it is not the clip's own."""

    source: Source
    start_s: float
    seconds: float
    attack: str
    rate: int | None
    repeat: int
    seed: int
    strength_db: float


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of it."""

    name: str
    sr: int
    found: bool
    log10_p: float
    score: float


def _run(task: _Task) -> _Outcome:
    """Mark, attack and detect once."""
    words = (task.source.name, task.start_s, task.seconds, task.attack, task.rate, task.repeat)
    rng = rng_for(task.seed, *words)
    attack = ATTACKS[task.attack]
    own, own_sr = load_source(task.source)
    y, sr = prepare(own, own_sr, attack, rng, task.rate)
    marked, _, _ = mark(y, sr, rng, strength_db=task.strength_db)
    piece = cut(marked, sr, task.start_s, task.seconds + MARGIN_S + attack.loses_s)
    heard, heard_sr = run_attack(piece, sr, attack, task.seconds, rng)
    found = sv.detect(heard, sr=heard_sr, thorough=attack.stretches)
    return _Outcome(task.source.name, own_sr, found.found, found.log10_p, found.score)


def _tasks(
    sources: Sequence[Source],
    *,
    attacks: Sequence[str],
    seconds: float,
    repeats: int,
    seed: int,
    strength_db: float,
) -> tuple[list[list[_Task]], dict[str, int]]:
    """Return the trials of each row of one duration, and how many clips were too short for it."""
    rows = []
    n_short = {}
    cases: list[tuple[str, int | None]] = [(attack, None) for attack in attacks]
    cases += [("none", rate) for rate in RATES_HZ]
    for attack, rate in cases:
        length = seconds + MARGIN_S + ATTACKS[attack].loses_s
        pieces, n_short[attack] = pieces_of(sources, seconds=length, most_per_source=MOST_PIECES)
        rows.append(
            [
                _Task(source, start, seconds, attack, rate, repeat, seed, strength_db)
                for source, start in pieces
                for repeat in range(repeats if rate is None else 1)
            ]
        )
    return rows, n_short


def _summary(outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """Return counts and quantiles of some trials."""
    n_found = sum(outcome.found for outcome in outcomes)
    low, high = wilson(n_found, len(outcomes))
    log10_p = [outcome.log10_p for outcome in outcomes]
    return {
        "n": len(outcomes),
        "n_found": n_found,
        "found": round(n_found / len(outcomes), 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "median_log10_p": round(quartiles(log10_p)[1], 2),
        "worst_log10_p": round(max(log10_p), 2),
        "median_score": round(quartiles(outcome.score for outcome in outcomes)[1], 2),
        "missed": sorted({outcome.name for outcome in outcomes if not outcome.found}),
    }


def _row(tasks: Sequence[_Task], outcomes: Sequence[_Outcome], n_short: int) -> dict[str, Any]:
    """Return one row of the results."""
    attack = ATTACKS[tasks[0].attack]
    row = {
        "attack": attack.name,
        "group": attack.group,
        "strength": attack.strength,
        "marked_at_hz": tasks[0].rate,
        "seconds": tasks[0].seconds,
        "n_pieces": len({(task.source.name, task.start_s) for task in tasks}),
        "n_short": n_short,
        **_summary(outcomes),
    }
    if attack.name == "none" and tasks[0].rate is None:
        rates = sorted({outcome.sr for outcome in outcomes})
        row["by_rate"] = {
            str(sr): _summary([outcome for outcome in outcomes if outcome.sr == sr]) for sr in rates
        }
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.0, 10.0])
    parser.add_argument("--attacks", nargs="+", default=["none"], help="names, everyday or all")
    parser.add_argument("--repeats", type=int, default=4, help="trials of a piece (default: 4)")
    parser.add_argument("--strength", choices=tuple(sv.STRENGTHS_DB), default="standard")
    options = parser.parse_args(arguments)
    special = {"all": list(ATTACKS), "everyday": list(EVERYDAY)}
    attacks = [name for word in options.attacks for name in special.get(word, [word])]
    # A few clips only: of those that give a piece.
    min_s = max(options.seconds) + MARGIN_S if options.clips else 0.0
    clips = choose_clips(load_clips("report", min_s=min_s), options.clips)
    sources = [Source((clip,)) for clip in clips]
    rows = []
    for seconds in options.seconds:
        groups, n_short = _tasks(
            sources,
            attacks=attacks,
            seconds=seconds,
            repeats=options.repeats,
            seed=options.seed,
            strength_db=sv.STRENGTHS_DB[options.strength],
        )
        flat = [task for group in groups for task in group]
        outcomes = iter(run_tasks(_run, flat, jobs=options.jobs, label=f"{seconds:g} s"))
        for group in filter(None, groups):
            own = [next(outcomes) for _ in group]
            rows.append(_row(group, own, n_short[group[0].attack]))
    settings = {
        "strength": options.strength,
        "repeats": options.repeats,
        "most_pieces_per_clip": MOST_PIECES,
        "max_fpr": 1e-6,
    }
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _share(row: dict[str, Any]) -> str:
    """Return a share with its interval, in per cent."""
    return f"{100 * row['found']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def _lengths(results: dict[str, Any]) -> list[float]:
    """Return the durations in the results."""
    return sorted({row["seconds"] for row in results["rows"]})


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    lengths = _lengths(results)
    by_case: dict[tuple[str, int | None], dict[float, dict[str, Any]]] = {}
    for row in results["rows"]:
        by_case.setdefault((row["attack"], row["marked_at_hz"]), {})[row["seconds"]] = row
    head = ["attack", "strength"]
    for seconds in lengths:
        head += [f"found in {seconds:g} s, %", "median log10 p", "n"]

    def cells(rows: dict[float, dict[str, Any]]) -> list[str]:
        out = []
        for seconds in lengths:
            row = rows.get(seconds)
            out += (
                ["", "", ""]
                if row is None
                else [_share(row), f"{row['median_log10_p']:.1f}", str(row["n"])]
            )
        return out

    attacks = [
        [f"`{name}`", next(iter(rows.values()))["strength"], *cells(rows)]
        for (name, rate), rows in by_case.items()
        if rate is None
    ]
    rates = [
        [f"{rate / 1000:g} kHz", "marked and found at this rate", *cells(rows)]
        for (_, rate), rows in by_case.items()
        if rate is not None
    ]
    own = [
        [f"{int(sr) / 1000:g} kHz, own", f"{row['seconds']:g} s", _share(part), part["n"]]
        for row in results["rows"]
        for sr, part in row.get("by_rate", {}).items()
    ]
    return "\n\n".join(
        [
            markdown_table(head, attacks),
            markdown_table(["rate", *head[1:]], rates),
            markdown_table(["clips recorded at", "length", "found, %", "n"], own),
        ]
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found per attack, with its interval."""
    from benchmarks.harness.plots import save, subplots

    lengths = _lengths(results)
    rows = [row for row in results["rows"] if row["marked_at_hz"] is None]
    names = list(dict.fromkeys(row["attack"] for row in rows))
    figure, axes = subplots(width=7, height=1 + 0.2 * len(names))
    for shift, seconds in zip(np.linspace(-0.15, 0.15, len(lengths)), lengths, strict=True):
        own = [row for row in rows if row["seconds"] == seconds]
        at = [names.index(row["attack"]) + shift for row in own]
        share = np.array([100 * row["found"] for row in own])
        error = [
            share - [100 * row["low"] for row in own],
            [100 * row["high"] for row in own] - share,
        ]
        axes.errorbar(share, at, xerr=np.maximum(error, 0), fmt="o", ms=3, label=f"{seconds:g} s")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("found at p ≤ 1e-6, % (95 % interval)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    save(figure, path)


if __name__ == "__main__":
    main()
