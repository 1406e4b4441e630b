"""Side by side: other watermarks on the same clips, through the same attacks."""

from __future__ import annotations

import functools
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks._harness import Benchmark, choose_clips, markdown_table, rng_for, run_tasks, wilson
from benchmarks._trials import MARGIN_S, Source, cut, load_source, run_attack
from benchmarks.attacks import ATTACKS
from benchmarks.judges import JUDGES, installed_judges
from benchmarks.peers import Peer, Sottovoce
from benchmarks.peers.perth import Perth
from benchmarks.speech import Clip, load_clips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("side_by_side", "What do other watermarks find on the same clips?")
_PEERS: tuple[type[Peer], ...] = (Sottovoce, Perth)
_SECONDS = 10.0
_SAME_RULE = "sottovoce, the peers' rule"
_PROVED = 6.0
"""Minus log10 of the p-value from which sottovoce says found."""
_ATTACKS = (
    "none",
    "mp3_32",
    "opus_16",
    "opus_8",
    "g711_mulaw",
    "gsm",
    "amr_5",
    "rnnoise",
    "dtln",
    "noise_white_20",
    "noise_white_10",
    "babble_10",
    "room_0.6",
    "requant_8",
    "griffin_lim_mel80",
    "world",
    "hifigan",
    "pitch_+1",
)
_CALIBRATION = ("none", "mp3_32", "opus_8", "noise_white_10", "rnnoise", "dtln")


@dataclass(frozen=True, slots=True)
class _Task:
    """One clip through one attack, marked by one peer or not."""

    peer: int
    source: Source
    attack: str
    marked: bool
    seed: int


def _mono(source: Source) -> tuple[Audio, int]:
    y, sr = load_source(source)
    return (y if y.ndim == 1 else y.mean(axis=0)), sr


@functools.lru_cache(maxsize=32)
def _sound(peer: int, source: Source, seed: int) -> tuple[Audio, int]:
    """Mark a clip once for all attacks: some peers take their time."""
    y, sr = _mono(source)
    y = cut(y, sr, 0.0, _SECONDS + 1.0)
    return _PEERS[peer]().mark(y, sr, rng_for(seed, "mark", peer, source.name)), sr


def _run(task: _Task) -> dict[str, Any]:
    # The same cuts, noise and rooms for all.
    rng = rng_for(task.seed, task.source.name, task.attack, task.marked)
    peer, attack = _PEERS[task.peer](), ATTACKS[task.attack]
    sent, sr = _sound(task.peer, task.source, task.seed) if task.marked else _mono(task.source)
    piece = cut(sent, sr, 0.0, _SECONDS + MARGIN_S + attack.loses_s)
    try:
        heard, heard_sr = run_attack(piece, sr, attack, _SECONDS, rng)
    except (ImportError, FileNotFoundError) as err:
        return {"attack": task.attack, "missing": str(err)}
    heard = heard if heard.ndim == 1 else heard.mean(axis=0)
    return {
        "peer": peer.name,
        "attack": task.attack,
        "marked": task.marked,
        "half": task.source.clips[0].half,
        "score": peer.score(heard, heard_sr),
    }


def _judge(task: tuple[int, Source, int]) -> dict[str, Any]:
    number, source, seed = task
    peer = _PEERS[number]()
    y, sr = _mono(source)
    marked, _ = _sound(number, source, seed)
    y, marked = y[: len(marked)], marked[: len(y)]
    return {"peer": peer.name, **{n: JUDGES[n](y, marked, sr) for n in installed_judges()}}


def _speeds(source: Source) -> list[dict[str, Any]]:
    """Time each peer on one thread, in units of decoding the same speech from FLAC."""
    y, sr = _mono(source)
    y = cut(y, sr, 0.0, _SECONDS)
    file = io.BytesIO()
    sf.write(file, y, sr, format="FLAC", subtype="PCM_16")

    def decode() -> None:
        file.seek(0)
        sf.read(file, dtype="float32")

    rows = []
    for kind in _PEERS:
        peer = kind()
        rng = np.random.default_rng(0)
        marked = peer.mark(y, sr, rng)
        flac_s = _best_s(decode)
        mark_s = _best_s(functools.partial(peer.mark, y, sr, rng))
        score_s = _best_s(functools.partial(peer.score, marked, sr))
        ratios = {"mark_to_flac": mark_s / flac_s, "score_to_flac": score_s / flac_s}
        rows.append({"peer": peer.name, **{k: round(v, 1) for k, v in ratios.items()}})
    return rows


def _best_s(work: Any, n: int = 5) -> float:  # noqa: ANN401 - any callable
    times = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _wide(clips: Sequence[Clip]) -> list[Clip]:
    return [clip for clip in clips if clip.sr >= 16_000]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=10)
    options = parser.parse_args(arguments)
    longest = _SECONDS + MARGIN_S + 0.3
    clips = choose_clips(_wide(load_clips("report", min_s=longest)), options.clips)
    tune = choose_clips(_wide(load_clips("tune", min_s=longest)), options.clips)
    sources, quiet = ([Source((clip,)) for clip in own] for own in (clips, tune))
    numbers = range(len(_PEERS))
    seed = options.seed
    tasks = [
        _Task(peer=p, source=s, attack=a, marked=True, seed=seed)
        for p in numbers
        for a in _ATTACKS
        for s in sources
    ]
    tasks += [
        _Task(peer=p, source=s, attack=a, marked=False, seed=seed)
        for p in numbers
        for a in _CALIBRATION
        for s in [*quiet, *sources]
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="trials")
    missing = {o["attack"]: o["missing"] for o in outcomes if "missing" in o}
    trials = [o for o in outcomes if "missing" not in o]
    judged = run_tasks(
        _judge,
        [(p, s, options.seed) for p in numbers for s in sources[:8]],
        jobs=options.jobs,
        label="judges",
    )
    names = [Sottovoce.name, _SAME_RULE, *(kind.name for kind in _PEERS[1:])]
    attacks = [attack for attack in _ATTACKS if attack not in missing]
    rows = [_row(trials, name, attack) for attack in attacks for name in names]
    about = [_about(trials, judged, name) for name in names]
    results = BENCHMARK.write(
        options,
        rows,
        clips=clips,
        settings={"seconds": _SECONDS},
        peers=about,
        speeds=run_tasks(_speeds, sources[:1], jobs=1, label="speed")[0],
        missing=missing,
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _runs_as(name: str) -> str:
    return Sottovoce.name if name == _SAME_RULE else name


def _of(trials: Sequence[dict[str, Any]], name: str, *, marked: bool) -> list[dict[str, Any]]:
    return [t for t in trials if t["peer"] == _runs_as(name) and t["marked"] is marked]


def _threshold(trials: Sequence[dict[str, Any]], name: str) -> tuple[float, int]:
    """Return the score from which a peer says found, and of how many clips it was learned."""
    if name == Sottovoce.name:
        return _PROVED, 0
    own = [
        t["score"] for t in trials if t["peer"] == name and not t["marked"] and t["half"] == "tune"
    ]
    return float(np.nextafter(max(own), np.inf)), len(own)


def _row(trials: Sequence[dict[str, Any]], name: str, attack: str) -> dict[str, Any]:
    least, _ = _threshold(trials, name)
    own = [
        t["score"] for t in trials if t["peer"] == name and t["marked"] and t["attack"] == attack
    ]
    n_found = sum(score >= least for score in own)
    low, high = wilson(n_found, len(own))
    return {
        "peer": name,
        "attack": attack,
        "strength": ATTACKS[attack].strength,
        "n": len(own),
        "n_found": n_found,
        "low": round(low, 4),
        "high": round(high, 4),
        "median_score": round(float(np.median(own)), 3),
    }


def _about(
    trials: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]], name: str
) -> dict[str, Any]:
    least, n_learned = _threshold(trials, name)
    quiet = [
        t["score"]
        for t in trials
        if t["peer"] == name and not t["marked"] and t["half"] == "report"
    ]
    own = [row for row in judged if row["peer"] == name]
    return {
        "peer": name,
        "threshold": round(least, 4),
        "n_learned": n_learned,
        "n_unmarked": len(quiet),
        "n_false": sum(score >= least for score in quiet),
        "highest_unmarked": round(max(quiet), 3),
        **{
            judge: round(float(np.nanmean([row[judge] for row in own])), 3)
            for judge in own[0]
            if judge in JUDGES
        },
    }


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    names = [about["peer"] for about in results["peers"]]
    by_case = {(row["attack"], row["peer"]): row for row in results["rows"]}
    attacks = list(dict.fromkeys(row["attack"] for row in results["rows"]))
    found = [
        [
            f"`{attack}`",
            by_case[attack, names[0]]["strength"],
            *(_share(by_case[attack, name]) for name in names),
        ]
        for attack in attacks
    ]
    speeds = {row["peer"]: row for row in results["speeds"]}
    judges = [name for name in JUDGES if name in results["peers"][0]]
    facts = [
        [
            about["peer"],
            "proved, p ≤ 1e-6"
            if about["n_learned"] == 0
            else f"none of {about['n_learned']} clips",
            f"{about['n_false']} of {about['n_unmarked']}",
            *(f"{about[judge]:.2f}" for judge in judges),
            speeds[_runs_as(about["peer"])]["mark_to_flac"],
            speeds[_runs_as(about["peer"])]["score_to_flac"],
        ]
        for about in results["peers"]
    ]
    head = ["watermark", "threshold", "false alarms"]
    return "\n\n".join(
        [
            f"Pieces of {results['settings']['seconds']:g} s; found, of how many, and the 95 %"
            " interval in %. A peer without a proved rate of false alarms says *found* above the"
            " highest score of unmarked speech of the other half, clean and attacked, which is a"
            " rate of about one in as many clips, not one in a million.",
            markdown_table(["attack", "what", *names], found),
            markdown_table(
                [
                    *head,
                    *judges,
                    "marking / FLAC",
                    "finding / FLAC",
                ],
                facts,
            ),
        ]
    )


def _share(row: dict[str, Any]) -> str:
    return f"{row['n_found']}/{row['n']} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found by each watermark."""
    from benchmarks._plots import save, subplots

    attacks = list(dict.fromkeys(row["attack"] for row in results["rows"]))
    figure, axes = subplots(height=1 + 0.25 * len(attacks))
    for i, about in enumerate(results["peers"]):
        own = [row for row in results["rows"] if row["peer"] == about["peer"]]
        at = np.arange(len(own)) + 0.35 * i
        share = [100 * row["n_found"] / row["n"] for row in own]
        axes.barh(at, share, height=0.33, label=about["peer"])
    axes.set_yticks(np.arange(len(attacks)) + 0.17, attacks, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("found, %")
    axes.legend(loc="lower left")
    save(figure, path)


if __name__ == "__main__":
    main()
