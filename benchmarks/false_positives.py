"""False positives: what unmarked audio scores, with the true pattern and with thousands of decoys.

A decoy is a pattern made like the true one from another label, so audio is as unmarked for it as
for a pattern nobody has thought of yet.  Every unmarked clip of the collection (speech of both
halves, music, noise) is scored once, whole, on both grids; each decoy is then searched in it at
all offsets.  The share of searches whose p-value is at most x must lie at or under x for every x.
Searches of one clip share its audio and are not independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import sottovoce as sv
from benchmarks._harness import Benchmark, choose_clips, markdown_table, run_tasks
from benchmarks.speech import load_clips
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.search import fold, offset_scores, sync_spectra
from sottovoce.core.tracking import HALF_FRAMES_PER_PERIOD
from sottovoce.core.windows import HYPOTHESES_PER_WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.speech import Clip

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("false_positives", "Does unmarked audio score above the proved bound?")
_EDGES = np.arange(-6.0, 8.0001, 0.1)
_BATCH = 250
_LEVELS = (-1.0, -2.0, -3.0, -4.0, -5.0, -6.0)


@dataclass(frozen=True, slots=True)
class _Task:
    clip: Clip
    n_decoys: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    histogram: list[int]
    log10_p: list[float]
    true_log10_p: float
    true_score: float


def _folds(clip: Clip) -> tuple[Any, Any]:
    """Return the whole clip folded on the plain grid and on the fine one."""
    y, sr = clip.load()
    front_end = FrontEnd(sr=sr)
    plain, fine = [], []
    for block in np.array_split(np.atleast_2d(y), max(1, int(clip.seconds / 10)), axis=1):
        front_end.push(block)
    front_end.finish()
    for chunk in range(front_end.n_chunks(ended=True)):
        scores = front_end.scores(chunk)
        plain.append(fold(scores))
        fine.append(fold(front_end.fine_scores(chunk, scores), n_period=HALF_FRAMES_PER_PERIOD))
    return sum(plain), sum(fine)


def _run(task: _Task) -> _Outcome:
    """Search one clip for the true pattern, as anyone would, and for the decoys."""
    y, sr = task.clip.load()
    detection = sv.detect(y, sr=sr)
    plain, fine = _folds(task.clip)
    histogram = np.zeros(len(_EDGES) - 1, dtype=np.int64)
    best = []
    for begin in range(0, task.n_decoys, _BATCH):
        numbers = range(begin, min(begin + _BATCH, task.n_decoys))
        labels = tuple(f"decoy {task.seed} {number}" for number in numbers)
        spectra = sync_spectra(labels)
        both = [offset_scores(folded[None], spectra=spectra)[0] for folded in (plain, fine)]
        for z in both:
            histogram += np.histogram(np.clip(z, _EDGES[0], _EDGES[-1]), _EDGES)[0]
        best.append(np.maximum(both[0].max(axis=0), both[1].max(axis=0)))
    p = log10_p_value(np.concatenate(best), n_hypotheses=HYPOTHESES_PER_WINDOW)
    return _Outcome(histogram.tolist(), np.round(p, 3).tolist(), detection.log10_p, detection.score)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--decoys", type=int, default=10_000, help="patterns (default: 10,000)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips(None, kind=None), options.clips)
    tasks = [_Task(clip, options.decoys, options.seed) for clip in clips]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="clips")
    histogram = np.sum([outcome.histogram for outcome in outcomes], axis=0)
    p = np.sort(np.concatenate([outcome.log10_p for outcome in outcomes]))
    rows = [
        {"log10_p": level, "searches": len(p), "at_or_under": int((p <= level).sum())}
        for level in _LEVELS
    ]
    tail = histogram[::-1].cumsum()[::-1] / histogram.sum()
    results = BENCHMARK.write(
        options,
        rows,
        clips=clips,
        settings={"decoys": options.decoys, "hypotheses": HYPOTHESES_PER_WINDOW},
        hours=round(sum(clip.seconds for clip in clips) / 3600, 3),
        n_scores=int(histogram.sum()),
        edges=np.round(_EDGES[:-1], 3).tolist(),
        tail=[float(f"{share:.4g}") for share in tail],
        smallest_log10_p=float(p[0]),
        true_pattern={
            "found": sum(outcome.true_log10_p <= -6 for outcome in outcomes),
            "suspected": sum(-6 < outcome.true_log10_p <= -3 for outcome in outcomes),
            "largest_score": round(max(outcome.true_score for outcome in outcomes), 3),
        },
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as text and a table in Markdown."""
    true = results["true_pattern"]
    rows = [
        [
            f"p ≤ 1e{row['log10_p']:.0f}",
            f"{row['at_or_under']:,}",
            f"{row['searches'] * 10 ** row['log10_p']:,.1f}",
        ]
        for row in results["rows"]
    ]
    n = results["rows"][0]["searches"]
    return "\n\n".join(
        [
            f"True pattern, {results['n_clips']} unmarked clips ({results['hours']:g} h): "
            f"{true['found']} found at p ≤ 1e-6, {true['suspected']} suspected at p ≤ 1e-3; "
            f"largest score {true['largest_score']:.2f}.",
            f"Decoys: {n:,} searches, {results['n_scores']:,} scores, "
            f"smallest p-value 1e{results['smallest_log10_p']:.1f}.",
            markdown_table(["p-value", "searches at or under it", "allowed by the bound"], rows),
        ]
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the empirical tail of single scores under the bound."""
    from benchmarks._plots import save, subplots

    edges, tail = np.array(results["edges"]), np.array(results["tail"])
    shown = (edges >= 0) & (tail > 0)
    figure, axes = subplots()
    axes.semilogy(edges[shown], tail[shown], "o", ms=3, label="unmarked audio, decoy patterns")
    z = np.linspace(0, 7, 200)
    axes.semilogy(z, 10 ** log10_p_value(z), label="proved bound")
    axes.set_xlabel("score")
    axes.set_ylabel("share of scores at or above")
    axes.set_ylim(0.2 / results["n_scores"], 1.5)
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
