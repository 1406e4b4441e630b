"""Many marks: what a check costs, and whom it names, where the owner changes every few seconds.

Speech of one person after the other is cut into pieces, each marked with a notice and a phase of
its own, and joined: a compilation of very many voices, or a file that is made to keep checkers
busy.  Beside it the same speech with one mark.  The unit of cost is the bare float32 FFT of the
same frames in the same round, as in `benchmarks.cost.speed`; work that is linear in length keeps
the ratio.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks.timing import resample
from benchmarks.cost.speed import bare_fft
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
    rng_for,
    run_on_one_thread,
)
from benchmarks.harness.trials import join_by_person, load_source, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio
    from benchmarks.harness.trials import Source

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("many_marks", "What does a check cost where the owner changes all the time?")
LENGTHS_S = (150, 300, 600, 1200)
_SR = 16_000
_WINDOW_S = 0.032
_PIECE_S = 6


def _make(
    sources: Sequence[Source], seconds: int, seed: int
) -> tuple[Audio, Audio, list[sv.Notice]]:
    """Return speech with a new owner in every piece, the same with one owner, and the notices."""
    pieces, notices = [], []
    plain = []
    rng = rng_for(seed, "pieces", seconds)
    for number in range(seconds // _PIECE_S):
        own, own_sr = load_source(sources[number % len(sources)])
        begin = int(rng.integers(0, own.shape[-1] - _PIECE_S * own_sr))
        y = resample(librosa.to_mono(own)[begin : begin + _PIECE_S * own_sr], own_sr, _SR)
        plain.append(y[: _PIECE_S * _SR])
        marked, notice, _ = mark(plain[-1], _SR, rng)
        pieces.append(marked)
        notices.append(notice)
    one, _, _ = mark(np.concatenate(plain), _SR, rng)
    return np.concatenate(pieces), one, notices


def _time_s(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _row(sources: Sequence[Source], seconds: int, seed: int, rounds: int) -> dict[str, Any]:
    """Return one row of the results."""
    many, one, notices = _make(sources, seconds, seed)
    unit = bare_fft(many, _SR, _WINDOW_S)
    costs: list[tuple[float, float]] = []
    for _ in range(rounds):
        unit_s = _time_s(unit)
        costs.append(
            (
                _time_s(lambda: sv.detect(many, sr=_SR)) / unit_s,
                _time_s(lambda: sv.detect(one, sr=_SR)) / unit_s,
            )
        )
    detection = sv.detect(many, sr=_SR)
    shown = {voice.notice for voice in detection.voices if voice.notice is not None}
    return {
        "seconds": seconds,
        "n_owners": len(notices),
        "n_rounds": rounds,
        "cost_many": [round(many_cost, 2) for many_cost, _ in costs],
        "cost_one": [round(one_cost, 2) for _, one_cost in costs],
        "n_named": len(shown & set(notices)),
        "n_wrong": len(shown - set(notices)),
        "n_unnamed": sum(voice.notice is None for voice in detection.voices),
        "n_more": detection.n_more_voices,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    run_on_one_thread("benchmarks.cost.many_marks")
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=3, help="of timing (default: 3)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = [one for one in join_by_person(clips) if one.seconds > 2 * _PIECE_S]
    rows = [_row(sources, seconds, options.seed, options.rounds) for seconds in LENGTHS_S]
    used = [clip for source in sources for clip in source.clips]
    settings = {"strength": "standard", "max_fpr": 1e-6, "sr": _SR, "piece_s": _PIECE_S}
    results = BENCHMARK.write(options, rows, clips=used, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _spread(costs: Sequence[float]) -> str:
    return f"{np.median(costs):.1f} ({min(costs):.1f} to {max(costs):.1f})"


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    piece_s = results["settings"]["piece_s"]
    head = ["length, s", f"owners, {piece_s} s each", "cost, bare FFTs", "of one owner's"]
    head += ["owners named", "wrong payloads", "voices without a name", "and more"]
    return markdown_table(
        head,
        [
            (
                row["seconds"],
                row["n_owners"],
                _spread(row["cost_many"]),
                _spread(row["cost_one"]),
                row["n_named"],
                row["n_wrong"],
                row["n_unnamed"],
                row["n_more"],
            )
            for row in results["rows"]
        ],
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the cost by length."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    figure, axes = subplots(height=3.0)
    lengths = [row["seconds"] for row in rows]
    for key, label in (("cost_many", "a new owner every 6 s"), ("cost_one", "one owner")):
        axes.plot(lengths, [np.median(row[key]) for row in rows], marker="o", label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length, s")
    axes.set_ylabel("cost, bare FFTs of the same frames")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
