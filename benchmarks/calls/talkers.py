"""Talkers: whether two or three marked people are distinguished while they talk at once.

Each talker is marked with a notice and a phase of their own, levels are made equal in active speech
and then spread by up to 3 dB either way, and the voices are added.  A talker counts as found when a
voice lies at the offset where that talker's pattern begins, to 20 ms, at p <= 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.attacks.noise import active_rms
from benchmarks.attacks.timing import resample
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
    rng_for,
    run_tasks,
    wilson,
)
from benchmarks.harness.trials import MARGIN_S, Source, cut, join_by_person, load_source, mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark(
    "talkers", "Is each of several people who talk at the same time found and read?"
)
CASES = (
    (2, "none", 10.0),
    (2, "none", 30.0),
    (2, "opus_16", 10.0),
    (2, "opus_16", 30.0),
    (3, "none", 10.0),
    (3, "none", 30.0),
    (3, "opus_16", 10.0),
    (3, "opus_16", 30.0),
)
PERIOD_S = 2.56
_SR = 16_000
_SPREAD_DB = 3.0
_TOLERANCE_S = 0.02


@dataclass(frozen=True, slots=True)
class _Task:
    """One mixture of so many talkers, drawn by its number."""

    sources: tuple[Source, ...]
    n_talkers: int
    attack: str
    seconds: float
    number: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of the talkers of one mixture: how many were found and read, and what was not theirs."""

    n_found: int
    n_read: int
    n_stray: int
    n_wrong: int


def _talker(
    source: Source, seconds: float, rng: np.random.Generator
) -> tuple[Audio, sv.Notice, float]:
    """Return marked speech at its level, its notice, and where a period begins in it."""
    own, own_sr = load_source(source)
    y = resample(librosa.to_mono(own), own_sr, _SR)
    marked, notice, phase_s = mark(y, _SR, rng)
    start_s = float(rng.uniform(0, source.seconds - seconds))
    piece = cut(marked, _SR, start_s, seconds)
    level_db = rng.uniform(-_SPREAD_DB, _SPREAD_DB)
    gain = 0.05 / active_rms(piece, _SR) * 10 ** (level_db / 20)
    # The pattern starts `phase_s` into itself, so its period begins that much before time zero.
    return piece * np.float32(gain), notice, (-phase_s - start_s) % PERIOD_S


def _run(task: _Task) -> _Outcome:
    """Mix, attack and detect once."""
    rng = rng_for(task.seed, task.n_talkers, task.attack, task.seconds, task.number)
    length = task.seconds + MARGIN_S
    able = [source for source in task.sources if source.seconds > length + 1]
    persons = sorted({source.clips[0].person for source in able})
    chosen = rng.choice(persons, task.n_talkers, replace=False)
    talkers = []
    for person in chosen:
        own = [source for source in able if source.clips[0].person == person]
        talkers.append(_talker(own[int(rng.integers(len(own)))], length, rng))
    n = min(len(y) for y, _, _ in talkers)
    mix = np.stack([y[:n] for y, _, _ in talkers]).sum(axis=0)
    lost = int(rng.integers(0, round(0.04 * _SR)))
    heard, sr = ATTACKS[task.attack](mix[lost:], _SR, rng)
    detection = sv.detect(heard[: round(task.seconds * sr)], sr=sr)
    truths = [(notice, (begin - lost / _SR) % PERIOD_S) for _, notice, begin in talkers]
    return _judge(detection, truths)


def _judge(detection: sv.Detection, truths: Sequence[tuple[sv.Notice, float]]) -> _Outcome:
    """Compare voices with talkers by where their periods begin."""

    def near(a: float, b: float) -> bool:
        return abs((a - b + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2) <= _TOLERANCE_S

    voices = detection.voices
    notices = {notice for notice, _ in truths}
    shown = [voice.notice for voice in voices if voice.notice is not None]
    return _Outcome(
        n_found=sum(any(near(v.offset_s, begin) for v in voices) for _, begin in truths),
        n_read=sum(notice in shown for notice in notices),
        n_stray=sum(not any(near(v.offset_s, begin) for _, begin in truths) for v in voices),
        n_wrong=sum(notice not in notices for notice in shown),
    )


def _row(tasks: Sequence[_Task], outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """Return one row of the results."""
    n = tasks[0].n_talkers * len(outcomes)
    n_found = sum(outcome.n_found for outcome in outcomes)
    n_read = sum(outcome.n_read for outcome in outcomes)
    low, high = wilson(n_found, n)
    return {
        "n_talkers": tasks[0].n_talkers,
        "attack": tasks[0].attack,
        "seconds": tasks[0].seconds,
        "n_mixtures": len(outcomes),
        "n": n,
        "found": round(n_found / n, 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "all_found": round(np.mean([o.n_found == tasks[0].n_talkers for o in outcomes]), 5),
        "read": round(n_read / n, 5),
        "all_read": round(np.mean([o.n_read == tasks[0].n_talkers for o in outcomes]), 5),
        "n_stray": sum(outcome.n_stray for outcome in outcomes),
        "n_wrong": sum(outcome.n_wrong for outcome in outcomes),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--trials", type=int, default=100, help="mixtures a row (default: 100)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = tuple(join_by_person(clips))
    groups = [
        [
            _Task(sources, n_talkers, attack, seconds, number, options.seed)
            for number in range(options.trials)
        ]
        for n_talkers, attack, seconds in CASES
    ]
    flat = [task for group in groups for task in group]
    outcomes = iter(run_tasks(_run, flat, jobs=options.jobs, label="talkers"))
    rows = [_row(group, [next(outcomes) for _ in group]) for group in groups]
    settings = {"strength": "standard", "max_fpr": 1e-6, "sr": _SR, "spread_db": _SPREAD_DB}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["talkers", "attack", "seconds", "talkers found, %", "all found, %"]
    head += ["payload right, %", "all right, %", "wrong payloads", "stray voices", "mixtures"]
    return markdown_table(
        head,
        [
            (
                row["n_talkers"],
                f"`{row['attack']}`",
                f"{row['seconds']:g}",
                f"{100 * row['found']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
                f"{100 * row['all_found']:.1f}",
                f"{100 * row['read']:.1f}",
                f"{100 * row['all_read']:.1f}",
                row["n_wrong"],
                row["n_stray"],
                row["n_mixtures"],
            )
            for row in results["rows"]
        ],
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the shares found and read."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    names = [f"{row['n_talkers']}, {row['attack']}, {row['seconds']:g} s" for row in rows]
    figure, axes = subplots(height=3.5)
    at = np.arange(len(rows))
    axes.bar(at - 0.2, [100 * row["found"] for row in rows], 0.4, label="found")
    axes.bar(at + 0.2, [100 * row["read"] for row in rows], 0.4, label="payload right")
    axes.set_xticks(at, names, rotation=30, ha="right", fontsize=7)
    axes.set_ylabel("of talkers, %")
    axes.legend(loc="lower left")
    save(figure, path)


if __name__ == "__main__":
    main()
