"""Known payloads: how short a clip names its owner if one knows whom to ask for, and errors.

Speech is marked at random phases, each speaker's under one random notice, cut to a few seconds,
attacked and cropped as for `payload`.  Each clip is detected once; a mark that is not decoded is
then tested, out of its soft cells alone, for the notices that an owner usually has; for the true
owner with one digit mistyped; and for thousands of foreign ids under the true policy and year.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS
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
    SUPERFRAME_S,
    Source,
    cut,
    join_by_person,
    load_source,
    pieces_of,
    run_attack,
)
from sottovoce.core.known_payload import N_IDS, make_usual_notices, rank_known
from sottovoce.core.owner_code import near_owner_ids
from sottovoce.core.policy import POLICIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark(
    "known_payload", "How much sound does it take to name an owner whom one asks for, and is it"
    " ever the wrong one?",
)  # fmt: skip
ATTACKED = ("none", "opus_16", "opus_8", "gsm", "noise_white_10", "room_0.3")
LENGTHS_S = (2, 3, 5, 8)
_LAST_YEAR = 2027
_POOL_SIZE = 4
_MOST_PIECES = 4
_CONTEXT_S = 1.0
_N_RANKS = 4
_N_BINS = 20
_N_TIMINGS = 25


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of marked speech to name."""

    source: Source
    start_s: float
    seconds: float
    attack: str
    repeat: int
    n_foreign: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was found, decoded and matched, and every mistake."""

    found: bool
    decoded: bool
    cells: sv.SoftCells | None = None
    matched: bool = False
    wrong_digit: bool = False
    n_foreign: int = 0
    n_wrong: int = 0
    ranks: tuple[int, ...] = ()


def _notice_of(source: Source, seed: int) -> sv.Notice:
    """Draw the notice of a speaker: a preset policy and one of the years tried."""
    rng = rng_for(seed, "notice", source.clips[0].person)
    return sv.Notice(
        policy=list(POLICIES.values())[int(rng.integers(len(POLICIES)))],
        year=int(rng.integers(2026, _LAST_YEAR + 1)),
        owner_id=int(rng.integers(1, 2**48)),
    )


def _make_clip(task: _Task, rng: np.random.Generator, notice: sv.Notice) -> tuple[Audio, int]:
    """Mark a piece with a second of context, attack it and keep its length."""
    y, sr = load_source(task.source)
    attack = ATTACKS[task.attack]
    length_s = task.seconds + MARGIN_S + attack.loses_s
    before_s = min(_CONTEXT_S, task.start_s)
    piece = cut(y, sr, task.start_s - before_s, before_s + length_s + _CONTEXT_S)
    phase_s = float(rng.uniform(0, SUPERFRAME_S))
    marked = sv.protect(piece, sr=sr, notice=notice, phase_s=phase_s)
    return run_attack(cut(marked, sr, before_s, length_s), sr, attack, task.seconds, rng)


def _run(task: _Task) -> _Outcome:
    """Mark, attack, detect and ask once."""
    rng = rng_for(task.seed, task.source.name, task.start_s, task.seconds, task.attack, task.repeat)
    notice = _notice_of(task.source, task.seed)
    heard, sr = _make_clip(task, rng, notice)
    voices = sv.detect(heard, sr=sr, keep_cells=True).voices
    decoded = any(voice.notice is not None for voice in voices)
    kept = [voice.cells for voice in voices if voice.cells is not None]
    if decoded or not kept:
        return _Outcome(found=bool(voices), decoded=decoded)
    cells = kept[0]
    match = sv.match_known(cells, make_usual_notices(notice.owner_id, last_year=_LAST_YEAR))
    typed = int(rng.choice(near_owner_ids(notice.owner_id)))
    wrong = sv.match_known(cells, make_usual_notices(typed, last_year=_LAST_YEAR))
    foreign = [
        sv.Notice(owner_id=int(owner), policy=notice.policy, year=notice.year)
        for owner in rng.integers(1, 2**48, task.n_foreign)
    ]
    return _Outcome(
        found=True,
        decoded=False,
        cells=cells,
        matched=match is not None,
        wrong_digit=wrong is not None,
        n_foreign=len(foreign),
        n_wrong=sum(sv.match_known(cells, [one]) is not None for one in foreign),
        ranks=tuple(rank_known(cells, [one]) or 0 for one in foreign[:_N_RANKS]),
    )


def _tasks(sources: Sequence[Source], attack: str, seconds: float, options: Any) -> list[_Task]:  # noqa: ANN401 - argparse's namespace
    """Return trials spread evenly over the pieces."""
    length = seconds + MARGIN_S + ATTACKS[attack].loses_s
    pieces, _ = pieces_of(sources, seconds=length, most_per_source=_MOST_PIECES)
    if not pieces:
        return []
    repeats = -(-options.trials // len(pieces))
    tasks = [
        _Task(source, start, seconds, attack, repeat, options.foreign, options.seed)
        for source, start in pieces
        for repeat in range(repeats)
    ]
    chosen = np.linspace(0, len(tasks) - 1, options.trials).round().astype(int)
    return [tasks[number] for number in chosen]


def _pool(tasks: Sequence[_Task], outcomes: Sequence[_Outcome]) -> tuple[int, int]:
    """Return how many pools of clips of one speaker there are, and how many are matched.

    Every clip that is found and not decoded is in one, whatever became of it alone.
    """
    clips: dict[str, list[sv.SoftCells]] = {}
    owners: dict[str, sv.Notice] = {}
    for task, outcome in zip(tasks, outcomes, strict=True):
        person = task.source.clips[0].person
        owners[person] = _notice_of(task.source, task.seed)
        if outcome.cells is not None:
            clips.setdefault(person, []).append(outcome.cells)
    n, n_matched = 0, 0
    for person, own in clips.items():
        asked = make_usual_notices(owners[person].owner_id, last_year=_LAST_YEAR)
        for begin in range(0, len(own) - _POOL_SIZE + 1, _POOL_SIZE):
            n += 1
            n_matched += sv.pool_known(own[begin : begin + _POOL_SIZE], asked) is not None
    return n, n_matched


def _row(tasks: Sequence[_Task], outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """Return one row of the results."""
    n, n_unread = len(outcomes), sum(one.cells is not None for one in outcomes)
    n_decoded = sum(one.decoded for one in outcomes)
    n_named = n_decoded + sum(one.matched for one in outcomes)
    n_pools, n_pools_matched = _pool(tasks, outcomes)
    low, high = wilson(n_named, n)
    return {
        "attack": tasks[0].attack,
        "strength": ATTACKS[tasks[0].attack].strength,
        "seconds": tasks[0].seconds,
        "n": n,
        "n_persons": len({task.source.clips[0].person for task in tasks}),
        "n_found": sum(one.found for one in outcomes),
        "n_decoded": n_decoded,
        "n_unread": n_unread,
        "n_named": n_named,
        "low": round(low, 5),
        "high": round(high, 5),
        "n_wrong_digit": sum(one.wrong_digit for one in outcomes),
        "n_foreign": sum(one.n_foreign for one in outcomes),
        "n_wrong": sum(one.n_wrong for one in outcomes),
        "n_pools": n_pools,
        "n_pools_matched": n_pools_matched,
    }


def _rank_counts(outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """Return how often foreign ids took each twentieth of the places, and how unlikely that is."""
    from scipy.stats import chi2

    ranks = np.array([rank for one in outcomes for rank in one.ranks], dtype=np.int64)
    counts = np.bincount((ranks - 1) * _N_BINS // N_IDS, minlength=_N_BINS)
    expected = len(ranks) / _N_BINS
    statistic = float(((counts - expected) ** 2 / max(expected, 1e-9)).sum())
    return {
        "n": len(ranks),
        "counts": counts.tolist(),
        "first": int((ranks == 1).sum()),
        "uniform_p": round(float(chi2.sf(statistic, _N_BINS - 1)), 4),
    }


def _time(source: Source, seed: int) -> dict[str, Any]:
    """Compare 10,000 candidates with the detection of the clip: ratio of times, alternating."""
    rng = rng_for(seed, "time")
    notice = _notice_of(source, seed)
    task = _Task(source, 0.0, 2.0, "none", 0, 0, seed)
    heard, sr = _make_clip(task, rng, notice)
    voices = sv.detect(heard, sr=sr, keep_cells=True).voices
    cells = voices[0].cells if voices else None
    if cells is None:
        return {}
    ids = [*map(int, rng.integers(1, 2**48, N_IDS - 1)), notice.owner_id]
    asked = [sv.Notice(owner_id=i, policy=notice.policy, year=notice.year) for i in ids]
    detections, matches = [], []
    for _ in range(_N_TIMINGS):
        begin = time.perf_counter()
        sv.detect(heard, sr=sr, keep_cells=True)
        middle = time.perf_counter()
        sv.match_known(cells, asked)
        detections.append(middle - begin)
        matches.append(time.perf_counter() - middle)
    ratios = np.array(matches[1:]) / np.array(detections[1:])
    return {"ratio": quartiles(ratios.tolist()), "match_s": quartiles(matches[1:])}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--trials", type=int, default=100, help="per row (default: 100)")
    parser.add_argument("--foreign", type=int, default=100, help="ids per clip (default: 100)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = join_by_person(clips)
    groups = [
        _tasks(sources, attack, seconds, options) for attack in ATTACKED for seconds in LENGTHS_S
    ]
    groups = [group for group in groups if group]
    flat = [task for group in groups for task in group]
    outcomes = run_tasks(_run, flat, jobs=options.jobs, label="known_payload")
    rest = iter(outcomes)
    rows = [_row(group, [next(rest) for _ in group]) for group in groups]
    sixteen = [one for one in sources if one.clips[0].sr == 16_000 and one.seconds > 4]
    results = BENCHMARK.write(
        options,
        rows,
        clips=clips,
        settings={"strength": "standard", "ids_per_rank": N_IDS, "clips_per_pool": _POOL_SIZE},
        ranks=_rank_counts(outcomes),
        time=_time((sixteen or sources)[0], options.seed),
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _share(row: dict[str, Any], key: str) -> str:
    return f"{100 * row[key] / row['n']:.0f}"


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables and words in Markdown."""
    rows = results["rows"]
    table = markdown_table(
        ["attack", "seconds", "found, %", "decoded, %", "decoded or matched, %", "n", "pools"],
        [
            (
                f"`{row['attack']}`",
                f"{row['seconds']:g}",
                _share(row, "n_found"),
                _share(row, "n_decoded"),
                f"{_share(row, 'n_named')} ({100 * row['low']:.0f} to {100 * row['high']:.0f})",
                row["n"],
                f"{row['n_pools_matched']} of {row['n_pools']}" if row["n_pools"] else "",
            )
            for row in rows
        ],
    )
    n_unread = sum(row["n_unread"] for row in rows)
    n_foreign = sum(row["n_foreign"] for row in rows)
    n_wrong = sum(row["n_wrong"] for row in rows)
    n_typed = sum(row["n_wrong_digit"] for row in rows)
    ranks = results["ranks"]
    parts = [
        "*Pools* are of four clips of one speaker, found and not decoded, tested together.",
        f"Wrong owners: **{n_wrong}** in {n_foreign:,} pairs of a marked clip that was not decoded"
        f" and a foreign id, under the true policy and year. The true id with one digit mistyped,"
        f" or two exchanged: {n_typed} of {n_unread:,} matched. Of {ranks['n']:,} foreign ids"
        f" {ranks['first']} came first of {results['settings']['ids_per_rank']:,}; the"
        f" distribution of their places is drawn below, and its difference from the uniform one"
        f" has p = {ranks['uniform_p']:.2g} (chi-square, twenty bins).",
    ]
    if results["time"]:
        _, ratio, _ = results["time"]["ratio"]
        _, match_s, _ = results["time"]["match_s"]
        parts.append(
            f"Ten thousand owners in one clip take {1e3 * match_s:.0f} ms, {ratio:.1f} times the"
            " detection of its 2 s."
        )
    return "\n\n".join([table, *parts])


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share of named clips over their length, and the places of foreign ids."""
    from benchmarks.harness.plots import save, subplot_grid

    figure, axes = subplot_grid(2, width=9.0, height=4.0)
    for attack in dict.fromkeys(row["attack"] for row in results["rows"]):
        own = [row for row in results["rows"] if row["attack"] == attack]
        seconds = [row["seconds"] for row in own]
        (line,) = axes[0].plot(
            seconds, [100 * r["n_named"] / r["n"] for r in own], marker="o", ms=3, label=attack
        )
        decoded = [100 * r["n_decoded"] / r["n"] for r in own]
        axes[0].plot(seconds, decoded, ls=":", color=line.get_color())
    axes[0].set_xlabel("length of the speech, s")
    axes[0].set_ylabel("owner named, %; dotted: decoded")
    axes[0].grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    counts = np.array(results["ranks"]["counts"])
    expected = counts.sum() / len(counts)
    axes[1].bar(np.arange(len(counts)) + 0.5, counts / expected, width=0.9)
    axes[1].axhline(1.0, color="black", lw=0.8)
    axes[1].set_xlabel("place of a foreign id, in twentieths")
    axes[1].set_ylabel("how often, uniform = 1")
    save(figure, path)


if __name__ == "__main__":
    main()
