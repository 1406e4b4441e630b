"""False alarms of the seal: how often a key that has nothing to do with a recording seems to fit.

A trial is a recording and a foreign key, at all places and windows, for one number of the first
superframe: that pays for as many hypotheses as it tries, so that counts can be compared with the
bound.  `SealSearch` repeats some of them, and must find the same.  Then whole searches, over all
numbers, of each recording under a foreign key.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_tasks
from benchmarks.harness.trials import join_by_person, load_source, pieces_of, random_notice
from sottovoce.core import seal_search
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.pattern import derive_seal_bits
from sottovoce.core.seal_search import SealSearch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.attacks import Audio
    from benchmarks.harness.trials import Source

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "seal_false_alarms", "How often does a key seem to fit a recording that it did not seal?"
)
_SECONDS = 10.0
_KINDS = {
    "plain": "without a mark",
    "public": "with a public mark",
    "sealed": "sealed by somebody else",
    "opus": "sealed by somebody else, Opus voip 16 kb/s",
}
_AT_ONCE = 2048
_N_REPEATED = 2
_LEVELS = (-1, -2, -3, -4, -5, -6)
_TOLERANCE = 0.002


@dataclass(frozen=True, slots=True)
class _Task:
    """One recording, and the foreign keys that are tried on it."""

    source: Source
    begin_s: float
    kind: str
    n_keys: int
    seed: int


def _make(task: _Task, rng: np.random.Generator) -> tuple[Audio, int]:
    y, sr = load_source(task.source)
    y = librosa.to_mono(y)[round(task.begin_s * sr) :][: round(_SECONDS * sr)]
    if task.kind == "plain":
        return y, sr
    key = None if task.kind == "public" else rng.bytes(32)
    marked = sv.protect(y, sr=sr, notice=random_notice(rng), seal_key=key)
    return ATTACKS["opus_16" if task.kind == "opus" else "none"].apply(marked, sr, rng)


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.source.name, task.begin_s, task.kind)
    y, sr = _make(task, rng)
    front_end = FrontEnd(sr=sr)
    front_end.push(y[None])
    front_end.finish()
    chunks = range(front_end.n_chunks(ended=True))
    fine = [front_end.fine_scores(chunk, front_end.scores(chunk)) for chunk in chunks]
    cells = seal_search._Cells(fine)
    offsets = np.arange(1 - seal_search._LENGTH, 1)
    values = [cells.at(offsets, i) for i in range(cells.n_superframes)]
    energies = np.array([np.einsum("oc,oc->o", one, one) for one in values])
    windows = [w for w in seal_search._WINDOWS if w < cells.n_superframes]
    n_windows = 1 + len(windows) * (cells.n_superframes - 1)
    logs, began_s = [], time.perf_counter()
    n_differing = 0
    for begin in range(0, task.n_keys, _AT_ONCE):
        keys = [rng.bytes(32) for _ in range(min(_AT_ONCE, task.n_keys - begin))]
        scores = _score(values, energies, cells.kept, keys, windows)
        logs.append(log10_p_value(scores, n_hypotheses=len(offsets) * n_windows))
        if begin == 0:
            n_differing = sum(
                _differs(y, sr, key, score)
                for key, score in zip(keys[:_N_REPEATED], scores, strict=False)
            )
    took_s = time.perf_counter() - began_s
    search = SealSearch(sr=sr, keys=[rng.bytes(32)])
    search.process(y)
    search.finish()
    every = np.concatenate(logs)
    return {
        "kind": task.kind,
        "person": task.source.name,
        "n": len(every),
        "below": [int((every <= level).sum()) for level in _LEVELS],
        "least": float(every.min()),
        "n_differing": n_differing,
        "whole": search.matches()[0].log10_p,
        "took_s": took_s,
    }


def _score(
    values: Sequence[npt.NDArray[np.float32]],
    energies: npt.NDArray[np.float32],
    kept: npt.NDArray[np.int64],
    keys: Sequence[bytes],
    windows: Sequence[int],
) -> npt.NDArray[np.float64]:
    """Return the best score of each key, over all places and windows, from number 0 on."""
    n = len(values)
    signs = np.array([derive_seal_bits(key, range(n))[:, kept] for key in keys], dtype=np.float32)
    products = [part @ signs[:, i].T for i, part in enumerate(values)]
    best = np.zeros(len(keys))
    for length in (*windows, n):
        for begin in range(n - length + 1):
            span = slice(begin, begin + length)
            energy = np.sqrt(np.maximum(energies[span].sum(axis=0), 1e-30))
            scores = sum(products[span]) / energy[:, None]
            best = np.maximum(best, scores.max(axis=0))
    return best


def _differs(y: Audio, sr: int, key: bytes, score: float) -> bool:
    """Whether the search itself finds more, or misses more than its coarse grid may."""
    search = SealSearch(sr=sr, keys=[key], starts=range(1))
    search.process(y)
    search.finish()
    found = search.matches()[0].score
    return found > score * (1 + _TOLERANCE) or found < 0.7 * score


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=64)
    parser.add_argument(
        "--keys", type=int, default=16_384, help="foreign keys for each recording (16,384)"
    )
    options = parser.parse_args(arguments)
    sources = join_by_person(load_clips("report"))
    pieces, _ = pieces_of(sources, seconds=_SECONDS)
    order = rng_for(options.seed, "order").permutation(len(pieces))
    kinds = list(_KINDS)
    tasks = [
        _Task(*pieces[order[i % len(pieces)]], kinds[i % len(kinds)], options.keys, options.seed)
        for i in range(options.clips)
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="recordings")
    rows = [
        {
            "kind": kind,
            "n_recordings": len(own),
            "n": sum(o["n"] for o in own),
            "below": [sum(o["below"][i] for o in own) for i in range(len(_LEVELS))],
            "least": min(o["least"] for o in own),
            "n_differing": sum(o["n_differing"] for o in own),
            "whole": sorted(round(o["whole"], 2) for o in own),
        }
        for kind in kinds
        if (own := [o for o in outcomes if o["kind"] == kind])
    ]
    clips = [clip for source, _ in pieces for clip in source.clips]
    settings = {"seconds": _SECONDS, "keys": options.keys, "levels": list(_LEVELS)}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    rows, levels = results["rows"], results["settings"]["levels"]
    lines = [
        [
            _KINDS[row["kind"]],
            f"{row['n_recordings']}",
            f"{row['n']:,}",
            *(f"{count:,}" for count in row["below"]),
            f"{row['least']:.1f}",
        ]
        for row in rows
    ]
    n = sum(row["n"] for row in rows)
    total = [sum(row["below"][i] for row in rows) for i in range(len(levels))]
    lines.append(
        [
            "all",
            f"{sum(row['n_recordings'] for row in rows)}",
            f"{n:,}",
            *(f"{count:,}" for count in total),
            f"{min(row['least'] for row in rows):.1f}",
        ]
    )
    lines.append(["at most, on average", "", "", *(f"{n * 10.0**one:,.0f}" for one in levels), ""])
    head = ["recordings", "n", "trials", *(f"p ≤ 1e{one}" for one in levels), "least log10 p"]
    whole = np.array([one for row in rows for one in row["whole"]])
    below = int((whole <= -1).sum())
    differing = sum(row["n_differing"] for row in rows)
    return (
        "Trials of a recording and a foreign key, with one number each, by p-value."
        f"\n\n{markdown_table(head, lines)}\n\nIn {len(whole)} whole searches under a foreign key,"
        f" over all numbers, p was at most 0.1 in {below}, and the least log10 p was"
        f" {whole.min():.1f}. `SealSearch` disagreed with the definition in {differing} of the"
        " trials that it repeated."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the counts by p-value beside their bound."""
    from benchmarks.harness.plots import save, subplots

    rows, levels = results["rows"], results["settings"]["levels"]
    n = sum(row["n"] for row in rows)
    total = [sum(row["below"][i] for row in rows) for i in range(len(levels))]
    figure, axes = subplots(height=3.0)
    axes.plot(levels, [max(n * 10.0**one, 1e-2) for one in levels], label="bound")
    seen = [(level, count) for level, count in zip(levels, total, strict=True) if count]
    if seen:
        axes.plot(*zip(*seen, strict=True), "o", label="counted")
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("log10 p")
    axes.set_ylabel(f"trials of {n:,}")
    axes.set_ylim(10 ** math.floor(math.log10(0.1)), 2 * n)
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
