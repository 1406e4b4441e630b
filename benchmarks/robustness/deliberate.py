"""Deliberate attacks: what somebody who knows the public pattern can do, and what it costs.

Nothing here is promised to fail.  The pattern is public so that everybody can check; therefore
everybody can also cancel it, write over it and forge it.  Only the keyed seal cannot be forged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks import noise
from benchmarks.attacks._types import chain
from benchmarks.attacks.adversary import (
    averaged_estimate,
    cancel_sync,
    hill_climb,
    overwrite,
    random_gains,
    transplant,
)
from benchmarks.attacks.filters import wiener
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
from benchmarks.harness.trials import Source, load_source, random_notice
from benchmarks.harness.worth import pesq_after_alignment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Effect

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "deliberate", "What do deliberate attacks leave of the mark, and of the sound?"
)
_SECONDS = 20.0
_N_QUERIES = 1_000
_N_ORACLE_CLIPS = 3
_N_DRAWN = 50

_EFFECTS: dict[str, tuple[str, Effect | None]] = {
    "nothing": ("none", None),
    "overwrite_1": ("marked again by another owner", overwrite(1)),
    "overwrite_3": ("marked again by three others", overwrite(3)),
    "gains_1db_50ms": ("random gains of the bands, ±1 dB every 50 ms", random_gains(1, 0.05)),
    "gains_3db_50ms": ("random gains of the bands, ±3 dB every 50 ms", random_gains(3, 0.05)),
    "gains_3db_300ms": ("random gains of the bands, ±3 dB every 0.3 s", random_gains(3, 0.3)),
    "gains_3db_2s": ("random gains of the bands, ±3 dB every 2 s", random_gains(3, 2.0)),
    "noise_5_denoise": (
        "white noise 5 dB, then Wiener",
        chain(noise.coloured(5), wiener(-15)),
    ),
    "cancel": ("the public signs written upside down", cancel_sync(1.0)),
    "cancel_half": ("the same at half the strength", cancel_sync(0.5)),
    "transplant": ("the mark copied to other speech", None),
    "oracle": (f"{_N_QUERIES:,} questions to the detector, 10 s", None),
}


@dataclass(frozen=True, slots=True)
class _Task:
    """One attack on one clip."""

    attack: str
    source: Source
    other: Source
    seed: int


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.attack, task.source.name)
    y, sr = _mono(task.source)
    notice, key, phase_s = random_notice(rng), rng.bytes(32), float(rng.uniform(0, 10))
    marked = sv.protect(y, sr=sr, notice=notice, phase_s=phase_s, seal_key=key)
    if task.attack == "oracle":
        marked = marked[: 10 * sr]
        attacked, scores = hill_climb(marked, sr, rng, n_queries=_N_QUERIES)
        more: dict[str, Any] = {"scores": [round(s, 2) for s in scores[:: _N_QUERIES // _N_DRAWN]]}
    elif task.attack == "transplant":
        target = resample(*_mono(task.other), sr)
        attacked = transplant(marked, sr, target, notice, phase_s=phase_s)
        more = {}
    else:
        effect = _EFFECTS[task.attack][1]
        attacked = marked if effect is None else effect(marked, sr, rng)[0]
        more = {}
    detection = sv.detect(attacked, sr=sr, seal_key=key)
    own = next((voice for voice in detection.voices if voice.notice == notice), None)
    seal = None if own is None else own.seal_log10_p
    if task.attack != "transplant":
        more["pesq"] = pesq_after_alignment(marked, sr, attacked, sr)
    return {
        "attack": task.attack,
        "found": detection.found,
        "log10_p": detection.log10_p,
        "read": own is not None,
        "n_owners": len({v.notice.owner_id for v in detection.voices if v.notice}),
        "seal_log10_p": seal,
        **more,
    }


def _mono(source: Source) -> tuple[Any, int]:
    y, sr = load_source(source)
    y = librosa.to_mono(y)
    return y[: round(_SECONDS * sr)], sr


def _row(name: str, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    n, n_found = len(outcomes), sum(o["found"] for o in outcomes)
    low, high = wilson(n_found, n)
    sealed = [o["seal_log10_p"] for o in outcomes if o["seal_log10_p"] is not None]
    pesq = [o["pesq"] for o in outcomes if "pesq" in o]
    row = {
        "attack": name,
        "what": _EFFECTS[name][0],
        "n": n,
        "n_found": n_found,
        "low": round(low, 4),
        "high": round(high, 4),
        "median_log10_p": round(float(np.median([o["log10_p"] for o in outcomes])), 2),
        "n_read": sum(o["read"] for o in outcomes),
        "mean_owners": round(float(np.mean([o["n_owners"] for o in outcomes])), 2),
        "n_sealed": sum(p <= -6 for p in sealed),
        "seal_log10_p": round(float(np.median(sealed)), 1) if sealed else None,
        "pesq": round(float(np.nanmedian(pesq)), 3) if pesq else None,
    }
    if name == "oracle":
        row["scores"] = [o["scores"] for o in outcomes]
    return row


def _averages(sources: Sequence[Source], seed: int) -> list[dict[str, Any]]:
    """Average marked speech of one owner, at phases of its own each time and at one phase."""
    rows = []
    for phases in ("random, as written", "the same in all"):
        rng = rng_for(seed, "average", phases)
        clips = []
        for source in sources:
            y, sr = _mono(source)
            phase_s = 1.0 if phases == "the same in all" else float(rng.uniform(0, 10))
            marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=phase_s)
            clips.append((marked, sr))
        cosines = averaged_estimate(clips)
        rows.append({"phases": phases, "cosines": np.round(cosines, 4).tolist()})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=8)
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report", min_s=12.0), options.clips)
    sources = [Source((clip,)) for clip in clips]
    tasks = [
        _Task(name, source, sources[(i + 1) % len(sources)], options.seed)
        for name in _EFFECTS
        for i, source in enumerate(sources[:_N_ORACLE_CLIPS] if name == "oracle" else sources)
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="attacks")
    rows = [_row(name, [o for o in outcomes if o["attack"] == name]) for name in _EFFECTS]
    averages = _averages(sources, options.seed)
    settings = {"seconds": _SECONDS, "strength": "standard", "max_fpr": 1e-6}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings, averages=averages)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    head = ["attack", "what", "found", "log10 p", "first owner read", "owners read"]
    head += ["seal holds", "log10 p of the seal", "PESQ"]
    rows = [
        [
            f"`{row['attack']}`",
            row["what"],
            f"{row['n_found']} of {row['n']}",
            f"{row['median_log10_p']:.1f}",
            row["n_read"],
            f"{row['mean_owners']:.1f}",
            row["n_sealed"],
            "" if row["seal_log10_p"] is None else f"{row['seal_log10_p']:.0f}",
            "" if row["pesq"] is None else f"{row['pesq']:.2f}",
        ]
        for row in results["rows"]
    ]
    lines = [
        f"With phases {average['phases']}: cosine {average['cosines'][0]:.2f} from one clip,"
        f" {average['cosines'][-1]:.2f} from {len(average['cosines'])}."
        for average in results["averages"]
    ]
    return "\n\n".join(
        [
            "Files of up to 20 s, sealed by their owner. *Seal holds*: the owner's key is verified"
            " at p ≤ 1e-6. PESQ is against the marked file.",
            markdown_table(head, rows),
            "Averaging many clips of one owner, and looking for the sync signs in the mean of"
            " their cell scores: " + " ".join(lines) + " The pattern is public anyway; random"
            " phases keep an owner's *data* from being averaged without a detector.",
        ]
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the detector's score while it is being asked."""
    from benchmarks.harness.plots import save, subplots

    oracle = next(row for row in results["rows"] if row["attack"] == "oracle")
    figure, axes = subplots(height=3)
    for scores in oracle["scores"]:
        axes.plot(np.arange(len(scores)) * _N_QUERIES / _N_DRAWN, scores)
    axes.axhline(6.2, color="0.5", linestyle="--")
    axes.set_xlabel("questions to the detector")
    axes.set_ylabel("score (dashed: found)")
    axes.grid(alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    main()
