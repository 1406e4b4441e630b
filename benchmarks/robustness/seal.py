"""What is left of the seal where somebody has removed the public mark, and what a forger gets.

The search over all numbers is not repeated for each case: scores are those at the true numbers,
over all places, and pay for the whole search.  `--full N` repeats it for N cases, which must agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS, noise
from benchmarks.attacks._types import chain
from benchmarks.attacks.adversary import (
    cancel_averaged,
    cancel_known,
    cancel_sync,
    overwrite,
    random_gains,
    transplant,
)
from benchmarks.attacks.filters import wiener
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_tasks, wilson
from benchmarks.harness.sealed import mark_sealed, numbers_around, search_seal
from benchmarks.harness.trials import (
    Source,
    draw_pieces,
    join_by_person,
    random_notice,
    take_piece,
)
from benchmarks.harness.worth import pesq_after_alignment
from sottovoce.core.seal import LEAST_AGREEMENT, LEAST_SHARE
from sottovoce.core.seal_signs import N_STARTS
from sottovoce.core.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio, Effect

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("seal", "What is left of the seal without the public mark, and to a forger?")
_SECONDS = (10.0, 20.0, 60.0)
_MAX_LOG10_P = -6.0
_ATTACKS = {
    "nothing": "none",
    "cancel": "the public signs upside down",
    "cancel_data": "the public signs and the payload's upside down",
    "guess_once": "the same, and a guess at the seal",
    "guess_twice": "the same twice, with a new guess",
    "gains_1db": "public signs upside down, then gains of ±1 dB every 50 ms",
    "gains_3db": "public signs upside down, then gains of ±3 dB every 50 ms",
    "noise_denoise": "public signs upside down, then white noise at 5 dB and Wiener",
    "average_8": "public signs, payload and a guess from 8 files upside down",
    "average_64": "public signs, payload and a guess from 64 files upside down",
    "overwrite": "public signs upside down, then another owner's mark",
    "transplant": "a guess at the seal, written into other speech with the payload",
    "replay": "the marked speech itself, 10 dB under other speech",
}
_FORGERIES = ("transplant",)
_CHANNELS = ("none", "opus_16", "mp3_32", "room_0.3", "tempo_+5")
_STRETCHED = {"tempo_+5": Stretch(1.05, 1.0)}
"""Channels that are searched with `--thorough`, and where; all of its speeds are paid for."""
_MOST_AVERAGED = {"average_8": 30, "average_64": 12}
"""Pieces of each length: 64 files are marked for each of them."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One attack on one piece of speech, through one channel."""

    attack: str
    channel: str
    source: Source
    begin_s: float
    other: Source
    seconds: float
    seed: int
    full: bool


def _take_other(task: _Task, sr: int) -> Audio:
    other, other_sr = take_piece(task.other, 0.0, task.seconds)
    return librosa.resample(other, orig_sr=other_sr, target_sr=sr)


def _attack(task: _Task, marked: Audio, sr: int, sealed: dict[str, Any]) -> Audio:
    rng = rng_for(task.seed, task.attack, task.source.name, task.begin_s)
    notice, phase_s = sealed["notice"], sealed["phase_s"]
    known = {"notice": notice, "phase_s": phase_s}
    if task.attack == "nothing":
        return marked
    if task.attack == "cancel_data":
        return cancel_known(marked, sr, **known)
    if task.attack.startswith("guess"):
        y = cancel_known(marked, sr, **known, with_guess=True)
        return cancel_known(y, sr, **known, with_guess=True) if "twice" in task.attack else y
    if task.attack.startswith("average"):
        others = []
        for number in range(int(task.attack.rpartition("_")[2]) - 1):
            phase = float(rng.uniform(0, 10))
            begin = int(rng.integers(len(marked))) if number else 0
            y = np.roll(sealed["plain"], begin)
            key = sealed["key"]
            others.append((sv.protect(y, sr=sr, notice=notice, phase_s=phase, seal_key=key), phase))
        return cancel_averaged(marked, sr, **known, others=others)
    if task.attack == "transplant":
        return transplant(marked, sr, _take_other(task, sr), notice, phase_s=phase_s)
    if task.attack == "replay":
        other = _take_other(task, sr)
        n = min(len(other), len(marked))
        gain = math.sqrt(float(np.mean(marked[:n] ** 2) / np.mean(other[:n] ** 2))) * 10**0.5
        return (marked[:n] + gain * other[:n]) / (1 + gain)
    removed, _ = cancel_sync()(marked, sr, rng)
    then: dict[str, Effect] = {
        "gains_1db": random_gains(1, 0.05),
        "gains_3db": random_gains(3, 0.05),
        "noise_denoise": chain(noise.coloured(5), wiener(-15)),
        "overwrite": overwrite(1),
    }
    return removed if task.attack == "cancel" else then[task.attack](removed, sr, rng)[0]


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.source.name, task.begin_s, task.seconds)
    y, sr = take_piece(task.source, task.begin_s, task.seconds)
    notice, key, phase_s = random_notice(rng), rng.bytes(32), float(rng.uniform(0, 10))
    standard = sv.STRENGTHS_DB["standard"]
    marked, number = mark_sealed(
        y, sr, notice, key=key, phase_s=phase_s, strength_db=standard, rng=rng
    )
    sealed = {"notice": notice, "phase_s": phase_s, "key": key, "plain": y}
    attacked = _attack(task, marked, sr, sealed)
    forged = task.attack in _FORGERIES
    pesq = None if forged or task.attack == "replay" else pesq_after_alignment(y, sr, attacked, sr)
    heard, sr = ATTACKS[task.channel].apply(attacked, sr, rng)
    stretch = _STRETCHED.get(task.channel)
    match = search_seal(heard, sr, key, numbers_around(number), stretch)
    detection = sv.detect(
        heard, sr=sr, seal_key={notice.owner_id: key}, thorough=stretch is not None
    )
    own = [voice.seal for voice in detection.voices if voice.seal is not None]
    outcome = {
        "attack": task.attack,
        "channel": task.channel,
        "seconds": task.seconds,
        "person": task.source.name,
        "public": detection.found,
        "score": match.score,
        "log10_p": match.log10_p,
        "agreement": match.agreement,
        "share": max((one.share for one in own if one.share is not None), default=None),
        "share_log10_p": min((one.log10_p for one in own), default=None),
        "pesq": pesq,
    }
    if task.full:
        whole = search_seal(heard, sr, key, range(N_STARTS), stretch)
        outcome["full_log10_p"] = whole.log10_p
    return outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=60)
    parser.add_argument("--full", type=int, default=8, help="cases searched in full (default: 8)")
    options = parser.parse_args(arguments)
    sources = join_by_person(load_clips("report"))
    tasks, used = [], {}
    for seconds in _SECONDS:
        pieces = draw_pieces(sources, seconds=seconds, most=options.clips, seed=options.seed)
        used.update({source.name: source for source, _ in pieces})
        tasks += [
            _Task(
                attack,
                channel,
                source,
                begin_s,
                pieces[(i + 1) % len(pieces)][0],
                seconds,
                options.seed,
                full=attack == "cancel" and channel == "opus_16" and i < options.full,
            )
            for i, (source, begin_s) in enumerate(pieces)
            for attack in _ATTACKS
            if i < _MOST_AVERAGED.get(attack, len(pieces))
            for channel in _CHANNELS
        ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="cases")
    rows = [
        _row([o for o in outcomes if case.items() <= o.items()], case)
        for attack in _ATTACKS
        for channel in _CHANNELS
        for seconds in _SECONDS
        for case in [{"attack": attack, "channel": channel, "seconds": seconds}]
    ]
    rows = [row for row in rows if row["n"]]
    full = [
        [round(o["log10_p"], 2), round(o["full_log10_p"], 2)]
        for o in outcomes
        if "full_log10_p" in o
    ]
    clips = [clip for source in used.values() for clip in source.clips]
    results = BENCHMARK.write(
        options, rows, clips=clips, settings={"strength": "standard"}, full=full
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _row(outcomes: Sequence[dict[str, Any]], case: dict[str, Any]) -> dict[str, Any]:
    n = len(outcomes)
    n_found = sum(o["log10_p"] <= _MAX_LOG10_P for o in outcomes)
    row: dict[str, Any] = {**case, "n": n, "n_found": n_found}
    if not n:
        return row
    row["low"], row["high"] = wilson(n_found, n)
    row["n_public"] = sum(o["public"] for o in outcomes)
    row["median_log10_p"] = round(float(np.median([o["log10_p"] for o in outcomes])), 1)
    row["agreement"] = sorted(round(o["agreement"], 4) for o in outcomes)
    # Of those that chance does not explain: what a share or an agreement has to tell apart.
    row["likely_agreement"] = sorted(
        round(o["agreement"], 4) for o in outcomes if o["log10_p"] <= _MAX_LOG10_P
    )
    row["likely_share"] = sorted(
        round(o["share"], 3)
        for o in outcomes
        if o["share"] is not None and o["share_log10_p"] <= _MAX_LOG10_P
    )
    pesq = [o["pesq"] for o in outcomes if o["pesq"] is not None]
    row["pesq"] = round(float(np.nanmedian(pesq)), 2) if pesq else None
    return row


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    rows = results["rows"]
    seconds = sorted({row["seconds"] for row in rows})
    lines = []
    for case in dict.fromkeys((row["attack"], row["channel"]) for row in rows):
        own = {row["seconds"]: row for row in rows if (row["attack"], row["channel"]) == case}
        cells = [
            f"{own[s]['n_found']} of {own[s]['n']} ({own[s]['median_log10_p']:.0f})"
            if s in own
            else ""
            for s in seconds
        ]
        public = sum(row["n_public"] for row in own.values())
        n = sum(row["n"] for row in own.values())
        pesq = [row["pesq"] for row in own.values() if row["pesq"] is not None]
        lines.append(
            [
                _ATTACKS[case[0]],
                ATTACKS[case[1]].strength,
                *cells,
                f"{public} of {n}",
                f"{np.mean(pesq):.2f}" if pesq and case[1] == "none" else "",
            ]
        )
    head = ["attack", "channel", *(f"{s:g} s" for s in seconds), "public mark found", "PESQ"]
    both = "; ".join(f"{one:.1f} and {other:.1f}" for one, other in results["full"])
    return (
        "Seals found at p ≤ 1e-6 with no help from the public mark, and the median of log10 p."
        f"\n\n{markdown_table(head, lines)}\n\n{_describe_shares(rows)}\n\n"
        f"The same cases at the true number and searched in full, log10 p: {both or 'none'}."
    )


def _describe_shares(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    measures = (
        ("likely_agreement", f"agreement, alone, at least {LEAST_AGREEMENT}", LEAST_AGREEMENT),
        ("likely_share", f"share, at least {LEAST_SHARE}", LEAST_SHARE),
    )
    for name, what, least in measures:
        for forged in (False, True):
            values = np.array(
                [v for row in rows if (row["attack"] in _FORGERIES) == forged for v in row[name]]
            )
            who = "transplanted" if forged else "genuine"
            if not len(values):
                lines.append([what, who, "0", "", "", "", ""])
                continue
            quantiles = [f"{one:.3f}" for one in np.quantile(values, (0.01, 0.5, 0.99))]
            n, n_held = len(values), int((values >= least).sum())
            low, high = wilson(n_held, n)
            held = f"{n_held} ({100 * low:.1f} to {100 * high:.1f} %)"
            lines.append([what, who, str(n), *quantiles, held])
    table = markdown_table(["measure", "seal", "n", "1 %", "median", "99 %", "counts"], lines)
    return f"Of those with p ≤ 1e-6, and how many of them count as their owner's:\n\n{table}"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw how well genuine and transplanted seals agree."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(height=3.5)
    for forged, label in ((False, "genuine"), (True, "transplanted")):
        values = [
            value
            for row in results["rows"]
            if (row["attack"] in _FORGERIES) == forged
            for value in row["likely_share"]
        ]
        axes.hist(values, bins=np.linspace(0, 2, 61), density=True, alpha=0.5, label=label)
    axes.set_xlabel("agreement of the seal over that of the payload, where p ≤ 1e-6")
    axes.set_ylabel("density")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
