"""What the seal costs: how often the owner is read from marks with a seal and without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_tasks, wilson
from benchmarks.harness.trials import Source, join_by_person, pieces_of, random_notice, take_piece

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("sealed_owner", "How often is the owner read, with a seal and without one?")
_SECONDS = (8.0, 10.0, 15.0, 20.0, 30.0, 60.0)
_CHANNELS = ("none", "mp3_32", "opus_16", "room_0.3")


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of speech, marked twice at the same place."""

    source: Source
    begin_s: float
    seconds: float
    strength: str
    channel: str
    seed: int


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.source.name, task.begin_s, task.seconds, task.strength)
    y, sr = take_piece(task.source, task.begin_s, task.seconds)
    notice, key, phase_s = random_notice(rng), rng.bytes(32), float(rng.uniform(0, 10))
    read = {}
    for name, seal_key in (("plain", None), ("sealed", key)):
        strength_db = sv.STRENGTHS_DB[task.strength]
        marked = sv.protect(
            y, sr=sr, notice=notice, strength_db=strength_db, phase_s=phase_s, seal_key=seal_key
        )
        effect = ATTACKS[task.channel].apply
        heard, heard_sr = effect(marked, sr, rng_for(task.seed, "effect", task.source.name))
        voices = sv.detect(heard, sr=heard_sr).voices
        read[name] = any(voice.notice == notice for voice in voices)
    return {
        "seconds": task.seconds,
        "strength": task.strength,
        "channel": task.channel,
        "person": task.source.name,
        **read,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=20)
    options = parser.parse_args(arguments)
    sources = join_by_person(load_clips("report"))
    tasks, used = [], {}
    for seconds in _SECONDS:
        pieces, _ = pieces_of(sources, seconds=seconds, most_per_source=2)
        pieces = pieces[: options.clips]
        used.update({source.name: source for source, _ in pieces})
        tasks += [
            _Task(source, begin_s, seconds, strength, channel, options.seed)
            for source, begin_s in pieces
            for strength in sv.STRENGTHS_DB
            for channel in _CHANNELS
        ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="pieces")
    rows = []
    for strength in sv.STRENGTHS_DB:
        for channel in _CHANNELS:
            for seconds in _SECONDS:
                case = {"strength": strength, "channel": channel, "seconds": seconds}
                own = [o for o in outcomes if case.items() <= o.items()]
                row: dict[str, Any] = {**case, "n": len(own)}
                for name in ("plain", "sealed"):
                    n_read = sum(o[name] for o in own)
                    row[name] = n_read
                    row[f"{name}_low"], row[f"{name}_high"] = wilson(n_read, len(own))
                rows.append(row)
    clips = [clip for source in used.values() for clip in source.clips]
    results = BENCHMARK.write(options, rows, clips=clips, settings={"max_fpr": 1e-6})
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    rows = results["rows"]
    seconds = sorted({row["seconds"] for row in rows})
    lines = []
    for case in dict.fromkeys((row["strength"], row["channel"]) for row in rows):
        own = {row["seconds"]: row for row in rows if (row["strength"], row["channel"]) == case}
        cells = [" / ".join(_share(own[s], name) for name in ("plain", "sealed")) for s in seconds]
        lines.append([case[0], ATTACKS[case[1]].strength, *cells])
    table = markdown_table(["strength", "channel", *(f"{s:g} s" for s in seconds)], lines)
    n = min(row["n"] for row in rows), max(row["n"] for row in rows)
    return (
        f"Owner read in % of {n[0]} to {n[1]} pieces of speech, without / with a seal.\n\n{table}"
    )


def _share(row: dict[str, Any], name: str) -> str:
    return f"{100 * row[name] / row['n']:.0f}"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share read against length, at *standard*."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(height=3.5)
    for channel in _CHANNELS:
        case = {"strength": "standard", "channel": channel}
        own = [row for row in results["rows"] if case.items() <= row.items()]
        for name, style in (("plain", "-"), ("sealed", "--")):
            share = [100 * row[name] / row["n"] for row in own]
            axes.plot([row["seconds"] for row in own], share, style, label=f"{channel}, {name}")
    axes.set_xlabel("length, s")
    axes.set_ylabel("owner read, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    save(figure, path)


if __name__ == "__main__":
    main()
