"""Payload: how often the owner is read right, and whether a wrong one is ever shown.

Speech of one person is joined where single clips are too short, marked with random notices at
random phases, attacked and cropped as for `presence`.  A second part tries to make the detector
show a payload that nobody wrote: marked speech at the edge of legibility, two notices written over
each other at the same phase, and the decoder run on superframes of *unmarked* speech as if a mark
had been found there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
    rng_for,
    run_tasks,
    wilson,
)
from benchmarks.harness.trials import (
    MARGIN_S,
    Source,
    cut,
    join_by_person,
    load_source,
    mark,
    pieces_of,
    random_notice,
    run_attack,
)
from sottovoce.core.front_end import CHUNK_FRAMES, FrontEnd
from sottovoce.core.payload_reading import read_payload
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark(
    "payload", "How often is the payload right, and is a wrong one ever shown as right?"
)
CASES = (
    ("none", (8, 10, 12, 15, 20)),
    ("mp3_32", (12, 20)),
    ("opus_16", (12, 20, 30)),
    ("g711_mulaw", (12, 20)),
    ("gsm", (20, 40)),
    ("room_0.3", (20, 40)),
    ("noise_white_10", (20, 40)),
    ("griffin_lim_mel80", (20, 40)),
)
MOST_PIECES = 4
# Attacks under which a payload is read about half the time: the most chances to be wrong.
_EDGE = (("none", 6), ("opus_16", 9), ("noise_white_10", 16), ("gsm", 14), ("opus_8", 16))

Kind = Literal["marked", "edge", "overwritten"]


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of marked speech to read."""

    source: Source
    start_s: float
    seconds: float
    attack: str
    kind: Kind
    repeat: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Whether the mark was found, its payload read, and anything wrong shown."""

    found: bool
    right: bool
    n_wrong: int
    n_voices: int


def _run(task: _Task) -> _Outcome:
    """Mark, attack and read once."""
    words = (task.kind, task.source.name, task.start_s, task.seconds, task.attack, task.repeat)
    rng = rng_for(task.seed, *words)
    y, sr = load_source(task.source)
    marked, notice, phase_s = mark(y, sr, rng)
    truths = {notice}
    if task.kind == "overwritten":
        other = random_notice(rng)
        marked = sv.protect(marked, sr=sr, notice=other, phase_s=phase_s)
        truths.add(other)
    attack = ATTACKS[task.attack]
    piece = cut(marked, sr, task.start_s, task.seconds + MARGIN_S + attack.loses_s)
    heard, heard_sr = run_attack(piece, sr, attack, task.seconds, rng)
    voices = sv.detect(heard, sr=heard_sr).voices
    shown = [voice.notice for voice in voices if voice.notice is not None]
    n_wrong = sum(notice not in truths for notice in shown)
    return _Outcome(bool(voices), bool(truths & set(shown)), n_wrong, len(voices))


def _read_unmarked(task: tuple[Source, int, int]) -> tuple[int, int]:
    """Decode superframes of unmarked speech from random frames on; return trials and readings."""
    source, n_trials, seed = task
    rng = rng_for(seed, "unmarked", source.name)
    y, sr = load_source(source)
    scores = _scores(y, sr)
    last = len(scores) - CHUNK_FRAMES
    if last <= 0:
        return 0, 0
    step = FORMAT_1.n_cell_frames
    n_read = 0
    for start in rng.integers(0, last, n_trials):
        one = scores[start : start + CHUNK_FRAMES : step]
        sums = one.reshape(FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
        n_read += read_payload(sums) is not None
    return n_trials, n_read


def _scores(y: Audio, sr: int) -> Audio:
    """Return the cell scores of every frame: shape (n_frames, n_bands)."""
    front_end = FrontEnd(sr=sr)
    front_end.push(np.atleast_2d(y))
    return np.concatenate([front_end.scores(i) for i in range(front_end.n_chunks(ended=True))])


def _tasks(
    sources: Sequence[Source],
    *,
    attack: str,
    seconds: float,
    kind: Kind,
    n: int,
    seed: int,
) -> list[_Task]:
    """Return `n` trials at least, spread evenly over the pieces."""
    length = seconds + MARGIN_S + ATTACKS[attack].loses_s
    pieces, _ = pieces_of(sources, seconds=length, most_per_source=MOST_PIECES)
    if not pieces:
        return []
    repeats = -(-n // len(pieces))
    return [
        _Task(source, start, seconds, attack, kind, repeat, seed)
        for source, start in pieces
        for repeat in range(repeats)
    ]


def _row(tasks: Sequence[_Task], outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """Return one row of the results."""
    attack = ATTACKS[tasks[0].attack]
    n_right = sum(outcome.right for outcome in outcomes)
    low, high = wilson(n_right, len(outcomes))
    return {
        "attack": attack.name,
        "strength": attack.strength,
        "kind": tasks[0].kind,
        "seconds": tasks[0].seconds,
        "n": len(outcomes),
        "n_pieces": len({(task.source.name, task.start_s) for task in tasks}),
        "n_persons": len({task.source.clips[0].person for task in tasks}),
        "n_found": sum(outcome.found for outcome in outcomes),
        "n_right": n_right,
        "right": round(n_right / len(outcomes), 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "n_wrong": sum(outcome.n_wrong for outcome in outcomes),
        "n_decodings": sum(outcome.n_voices for outcome in outcomes),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--trials", type=int, default=200, help="per row (default: 200)")
    parser.add_argument("--edge-trials", type=int, default=1_000, help="per row (default: 1000)")
    parser.add_argument(
        "--unmarked-trials", type=int, default=10_000, help="decodings (default: 10000)"
    )
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = join_by_person(clips)
    groups = [
        _tasks(
            sources,
            attack=attack,
            seconds=seconds,
            kind="marked",
            n=options.trials,
            seed=options.seed,
        )
        for attack, lengths in CASES
        for seconds in lengths
    ]
    kinds: tuple[Kind, ...] = ("edge", "overwritten")
    groups += [
        _tasks(
            sources,
            attack=attack,
            seconds=seconds,
            kind=kind,
            n=options.edge_trials,
            seed=options.seed,
        )
        for kind in kinds
        for attack, seconds in _EDGE
    ]
    groups = [group for group in groups if group]
    flat = [task for group in groups for task in group]
    outcomes = iter(run_tasks(_run, flat, jobs=options.jobs, label="payload"))
    rows = [_row(group, [next(outcomes) for _ in group]) for group in groups]
    per_source = -(-options.unmarked_trials // max(len(sources), 1))
    unmarked_tasks = [(source, per_source, options.seed) for source in sources]
    unmarked = run_tasks(_read_unmarked, unmarked_tasks, jobs=options.jobs, label="unmarked")
    results = BENCHMARK.write(
        options,
        rows,
        clips=clips,
        settings={"strength": "standard", "max_fpr": 1e-6, "most_pieces_per_speaker": MOST_PIECES},
        unmarked={
            "n_decodings": sum(n for n, _ in unmarked),
            "n_wrong": sum(n_read for _, n_read in unmarked),
        },
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    marked = [row for row in results["rows"] if row["kind"] == "marked"]
    table = markdown_table(
        ["attack", "seconds", "payload right, %", "n", "speakers", "wrong"],
        [
            (
                f"`{row['attack']}`",
                f"{row['seconds']:g}",
                f"{100 * row['right']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
                row["n"],
                row["n_persons"],
                row["n_wrong"],
            )
            for row in marked
        ],
    )
    names = {
        "marked": "marked speech, the table above",
        "edge": "marked speech at the edge of legibility",
        "overwritten": "two notices at the same phase",
    }
    chances = []
    for kind, words in names.items():
        rows = [row for row in results["rows"] if row["kind"] == kind]
        chances.append(
            (words, sum(row["n_decodings"] for row in rows), sum(row["n_wrong"] for row in rows))
        )
    unmarked = results["unmarked"]
    chances.append(
        ("unmarked speech, decoded anyway", unmarked["n_decodings"], unmarked["n_wrong"])
    )
    return table + "\n\n" + markdown_table(["what was decoded", "voices", "wrong shown"], chances)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share read right over the length of the speech."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots()
    rows = [row for row in results["rows"] if row["kind"] == "marked"]
    for attack in dict.fromkeys(row["attack"] for row in rows):
        own = sorted((row for row in rows if row["attack"] == attack), key=lambda r: r["seconds"])
        share = np.array([100 * row["right"] for row in own])
        error = [
            share - [100 * row["low"] for row in own],
            [100 * row["high"] for row in own] - share,
        ]
        seconds = [row["seconds"] for row in own]
        axes.errorbar(
            seconds, share, yerr=np.maximum(error, 0), marker="o", ms=3, capsize=2, label=attack
        )
    axes.set_xlabel("length of the speech, s")
    axes.set_ylabel("payload right, % (95 % interval)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    save(figure, path)


if __name__ == "__main__":
    main()
