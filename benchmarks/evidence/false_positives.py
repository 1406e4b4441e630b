"""False positives: what unmarked audio scores, with the true pattern and with millions of decoys.

Three kinds of unmarked audio: the development set's clips at their own rates; hours of speech,
music and games out of Debian's packages (`benchmarks.data.unmarked_audio`); and audio made to break
a detector (`benchmarks.evidence.nulls`).  Each recording goes through `sottovoce.detect` as anyone
would call it.  Then each window of it is searched for decoys (`benchmarks.evidence.decoys`): the
share of trials whose p-value is at most x must lie at or under x for every x.

Short files are searched on their own and, once more, joined to recordings of up to a minute.
Hours count each file once; trials count both.

Last, e-values: the true pattern and some decoys, the same in all recordings, show whether products
of e-values over recordings that share a pattern stay small.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import sottovoce as sv
from benchmarks.data.speech import Clip, load_clips
from benchmarks.data.unmarked_audio import Recording, join_short, load_recordings
from benchmarks.evidence.decoys import (
    P_LEVELS,
    SCORE_EDGES,
    Tally,
    Window,
    binomial_excess,
    make_windows,
    search_decoys,
    search_window,
)
from benchmarks.evidence.nulls import NULLS, SR_HZ, make_null
from benchmarks.evidence.tails import describe, plot
from benchmarks.harness.harness import Benchmark, choose_clips, run_tasks
from sottovoce.core.evidence import log10_e_value, pool_dependent
from sottovoce.core.search import sync_spectra
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("false_positives", "Does unmarked audio score above the proved bound?")
_N_COMMON = 64
_LISTED = 5


@dataclass(frozen=True, slots=True)
class _Task:
    source: Clip | Recording | str
    number: int
    n_decoys: int
    seed: int

    @property
    def group(self) -> str:
        """Where the audio comes from: a package, the development set, or a null by name."""
        if isinstance(self.source, Recording):
            return self.source.package
        return "development set" if isinstance(self.source, Clip) else self.source

    @property
    def kind(self) -> str:
        return "made to break" if isinstance(self.source, str) else self.source.kind

    @property
    def joined(self) -> bool:
        return isinstance(self.source, Recording) and self.source.joined


@dataclass(frozen=True, slots=True)
class _Outcome:
    seconds: float
    n_windows: int
    tally: Tally
    found: bool
    log10_p: float
    score: float
    log10_e: npt.NDArray[np.float64]


@functools.cache
def _common_spectra(seed: int) -> npt.NDArray[np.complex64]:
    """Return the spectra of the true pattern and of decoys that all recordings share."""
    decoys = tuple(f"common decoy {seed} {number}" for number in range(_N_COMMON - 1))
    return sync_spectra((f"{FORMAT_1.name} sync", *decoys))


def _run(task: _Task) -> _Outcome:
    """Search one recording for the true pattern, as anyone would, and for the decoys."""
    source = task.source
    y, sr = (make_null(source, seed=task.seed), SR_HZ) if isinstance(source, str) else source.load()
    detection = sv.detect(y, sr=sr)
    windows = list(make_windows(y, sr))
    tally = search_decoys(windows, n_decoys=task.n_decoys, name=f"{task.seed} {task.number}")
    return _Outcome(
        seconds=y.shape[-1] / sr,
        n_windows=len(windows),
        tally=tally,
        found=detection.found,
        log10_p=detection.log10_p,
        score=detection.score,
        log10_e=_common_e_values([] if task.joined else windows, seed=task.seed),
    )


def _common_e_values(windows: list[Window], *, seed: int) -> npt.NDArray[np.float64]:
    """Return logarithms of the recording's e-values for the common patterns, the true one first."""
    spectra = _common_spectra(seed)
    own = [window for window in windows if window.kind == "ordinary"]
    rows = [log10_e_value(search_window(window, spectra)[1].T) for window in own]
    if not rows:
        return np.zeros(_N_COMMON)
    return np.array([pool_dependent(column) for column in np.array(rows).T])


def _sum_tallies(outcomes: Sequence[_Outcome]) -> Tally:
    total = Tally()
    for outcome in outcomes:
        total.add(outcome.tally)
    return total


def _group_rows(pairs: list[tuple[_Task, _Outcome]]) -> list[dict[str, Any]]:
    """Return one row a group, by kind and name."""
    groups: dict[tuple[str, str], list[tuple[_Task, _Outcome]]] = {}
    for task, outcome in pairs:
        groups.setdefault((task.kind, task.group), []).append((task, outcome))
    rows = []
    for (kind, group), own in sorted(groups.items()):
        outcomes = [outcome for _, outcome in own]
        tally = _sum_tallies(outcomes)
        versions = {t.source.version for t, _ in own if isinstance(t.source, Recording)}
        rows.append(
            {
                "kind": kind,
                "group": group,
                "version": ", ".join(sorted(versions)),
                "n_files": sum(not task.joined for task, _ in own),
                "n_joined": sum(task.joined for task, _ in own),
                "hours": round(sum(o.seconds for t, o in own if not t.joined) / 3600, 4),
                "n_windows": sum(outcome.n_windows for outcome in outcomes),
                "true_log10_p": round(min(outcome.log10_p for outcome in outcomes), 3),
                "true_score": round(max(outcome.score for outcome in outcomes), 3),
                "found": sum(outcome.found for outcome in outcomes),
                "decoys": tally.to_dict(),
                "excess_p": binomial_excess(tally),
            }
        )
    return rows


def _true_pattern(pairs: list[tuple[_Task, _Outcome]]) -> dict[str, Any]:
    """Return what `detect` said of recordings, over files and joined ones."""
    ranked = sorted(pairs, key=lambda pair: pair[1].log10_p)
    p = [outcome.log10_p for _, outcome in pairs]
    return {
        "n_recordings": len(pairs),
        "found": sum(outcome.found for _, outcome in pairs),
        "suspected": sum(-6 < value <= -3 for value in p),
        "largest_score": round(max(outcome.score for _, outcome in pairs), 3),
        "at_or_under": [int(np.sum(np.asarray(p) <= level)) for level in P_LEVELS],
        "smallest": [
            {"group": task.group, "path": _path(task), "log10_p": round(outcome.log10_p, 3)}
            for task, outcome in ranked[:_LISTED]
        ],
    }


def _path(task: _Task) -> str:
    if isinstance(task.source, Recording):
        return task.source.path
    return task.source.name if isinstance(task.source, Clip) else task.source


def _pooling(pairs: list[tuple[_Task, _Outcome]]) -> dict[str, Any]:
    """Return means and products of e-values over files, for each common pattern."""
    log10_e = np.array([outcome.log10_e for task, outcome in pairs if not task.joined])
    means = (10.0**log10_e).mean(axis=0)
    running = np.cumsum(log10_e, axis=0).max(axis=0)
    return {
        "n_files": len(log10_e),
        "mean_e": np.round(means, 4).tolist(),
        "mean_root_e": np.round((10.0 ** (0.5 * log10_e)).mean(axis=0), 4).tolist(),
        "mean_log10_e": np.round(log10_e.mean(axis=0), 4).tolist(),
        "log10_product": np.round(log10_e.sum(axis=0), 1).tolist(),
        "largest_log10_product_on_the_way": np.round(running, 2).tolist(),
    }


def _parse(arguments: Sequence[str] | None) -> Any:  # noqa: ANN401 - argparse's namespace
    add = BENCHMARK.parser.add_argument
    add("--decoys", type=int, default=50, help="patterns a window of packages (default: 50)")
    add("--clip-decoys", type=int, default=2_000, help="of clips (default: 2,000)")
    add("--null-decoys", type=int, default=3_000, help="of what is made to break (default: 3,000)")
    add("--recordings", type=int, help="every so many-th recording of packages (default: all)")
    return BENCHMARK.parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = _parse(arguments)
    own = load_recordings()[:: options.recordings or 1]
    clips = choose_clips(load_clips(None, kind=None), options.clips)
    sources: list[tuple[Clip | Recording | str, int]] = [
        *((clip, options.clip_decoys) for clip in clips),
        *((recording, options.decoys) for recording in [*own, *join_short(own)]),
        *((name, options.null_decoys) for name in NULLS),
    ]
    tasks = [
        _Task(source, number, n_decoys, options.seed)
        for number, (source, n_decoys) in enumerate(sources)
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="recordings")
    pairs = list(zip(tasks, outcomes, strict=True))
    real = [pair for pair in pairs if not isinstance(pair[0].source, str)]
    made = [pair for pair in pairs if isinstance(pair[0].source, str)]
    tally = _sum_tallies([outcome for _, outcome in real])
    results = BENCHMARK.write(
        options,
        _level_rows(tally),
        clips=clips,
        settings={
            "decoys": options.decoys,
            "clip_decoys": options.clip_decoys,
            "null_decoys": options.null_decoys,
        },
        hours=round(sum(o.seconds for t, o in real if not t.joined) / 3600, 3),
        levels_log10_p=P_LEVELS.tolist(),
        score_edges=SCORE_EDGES.tolist(),
        decoys=tally.to_dict(),
        excess_p=binomial_excess(tally),
        true_pattern=_true_pattern(real),
        sources=_group_rows(real),
        nulls=_group_rows(made),
        pooling=_pooling(real),
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _level_rows(tally: Tally) -> list[dict[str, Any]]:
    """Return the tail at whole powers of ten."""
    return [
        {"log10_p": float(level), "searches": tally.n_trials, "at_or_under": int(count)}
        for level, count in zip(P_LEVELS, tally.at_or_under, strict=True)
        if level < 0 and level == int(level)
    ]


if __name__ == "__main__":
    main()
