"""How far somebody gets who writes a guess at the seal into other speech, as strongly as they like.

Sealed speech at *strong*, the best that a forger can read from; the guess in other speech at
several strengths, beside a payload that is right, that is made as weak as the guess, or is not
there.  As in `benchmarks.robustness.seal`, scores are those at the true numbers and pay for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks.adversary import transplant
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
from sottovoce.core.seal import heed_payload

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["describe", "main"]

BENCHMARK = Benchmark(
    "seal_forgery", "Does a guess at the seal count where it is written strongly?"
)
_SECONDS = (20.0, 60.0)
_STRENGTHS_DB = (1.18, 2.0, 3.0)
_PAYLOADS = {
    1.0: "the owner's",
    0.8: "the owner's, a fifth of it wrong",
    0.0: "none",
}


@dataclass(frozen=True, slots=True)
class _Task:
    """A guess from one piece of speech, in another one."""

    source: Source
    begin_s: float
    other: Source
    seconds: float
    strength_db: float
    payload: float
    seed: int


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.source.name, task.begin_s, task.seconds)
    y, sr = take_piece(task.source, task.begin_s, task.seconds)
    notice, key, phase_s = random_notice(rng), rng.bytes(32), float(rng.uniform(0, 10))
    strong = sv.STRENGTHS_DB["strong"]
    marked, number = mark_sealed(
        y, sr, notice, key=key, phase_s=phase_s, strength_db=strong, rng=rng
    )
    other, other_sr = take_piece(task.other, 0.0, task.seconds)
    other = librosa.resample(other, orig_sr=other_sr, target_sr=sr)
    forged = transplant(
        marked,
        sr,
        other,
        notice,
        phase_s=phase_s,
        strength_db=task.strength_db,
        payload=task.payload,
    )
    voices = sv.detect(forged, sr=sr, seal_key={notice.owner_id: key}).voices
    beside = [voice.seal for voice in voices if voice.seal is not None]
    match = heed_payload(search_seal(forged, sr, key, numbers_around(number)), beside)
    held = [one for one in (*beside, match) if one.holds]
    return {
        "seconds": task.seconds,
        "strength_db": task.strength_db,
        "payload": task.payload,
        "person": task.source.name,
        "read": any(voice.notice == notice for voice in voices),
        "likely": match.is_likely or any(one.is_likely for one in beside),
        "counts": bool(held),
        "unwarned": any(not one.may_be_guessed for one in held),
        "agreement": round(match.agreement, 4),
        "share": match.share,
        "pesq": pesq_after_alignment(other, sr, forged, sr),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.set_defaults(clips=60)
    options = parser.parse_args(arguments)
    sources = join_by_person(load_clips("report"))
    tasks, used = [], {}
    for seconds in _SECONDS:
        pieces = draw_pieces(sources, seconds=seconds, most=options.clips, seed=options.seed)
        used.update({source.name: source for source, _ in pieces})
        tasks += [
            _Task(
                source,
                begin_s,
                pieces[(i + 1) % len(pieces)][0],
                seconds,
                strength_db,
                payload,
                options.seed,
            )
            for i, (source, begin_s) in enumerate(pieces)
            for payload in _PAYLOADS
            for strength_db in _STRENGTHS_DB
        ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="cases")
    rows = [
        _row([o for o in outcomes if case.items() <= o.items()], case)
        for payload in _PAYLOADS
        for strength_db in _STRENGTHS_DB
        for seconds in _SECONDS
        for case in [{"payload": payload, "strength_db": strength_db, "seconds": seconds}]
    ]
    clips = [clip for source in used.values() for clip in source.clips]
    settings = {"strength": "strong"}
    results = BENCHMARK.write(
        options, [row for row in rows if row["n"]], clips=clips, settings=settings
    )
    print(describe(results))


def _row(outcomes: Sequence[dict[str, Any]], case: dict[str, float]) -> dict[str, Any]:
    n = len(outcomes)
    row: dict[str, Any] = {**case, "n": n}
    if not n:
        return row
    for name in ("read", "likely", "counts", "unwarned"):
        row[name] = sum(o[name] for o in outcomes)
        row[f"{name}_low"], row[f"{name}_high"] = wilson(row[name], n)
    row["agreement"] = max(o["agreement"] for o in outcomes)
    shares = [o["share"] for o in outcomes if o["share"] is not None]
    row["share"] = max(shares, default=None)
    row["pesq"] = round(float(np.nanmedian([o["pesq"] for o in outcomes])), 2)
    return row


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    lines = []
    for row in results["rows"]:
        high = {name: f"{100 * row[f'{name}_high']:.0f} %" for name in ("counts", "unwarned")}
        lines.append(
            [
                _PAYLOADS[row["payload"]],
                f"{row['strength_db']:g} dB",
                f"{row['seconds']:g} s",
                f"{row['read']} of {row['n']}",
                f"{row['likely']}",
                f"{row['counts']} (up to {high['counts']})",
                f"{row['unwarned']} (up to {high['unwarned']})",
                f"{row['agreement']:.3f}",
                "" if row["share"] is None else f"{row['share']:.2f}",
                f"{row['pesq']:.2f}",
            ]
        )
    head = [
        "payload beside it",
        "written at",
        "length",
        "owner read",
        "p ≤ 1e-6",
        "counts",
        "counts, and no warning",
        "largest agreement",
        "largest share",
        "PESQ",
    ]
    table = markdown_table(head, lines)
    return (
        "Forged seals: those that chance does not explain, those that count as their owner's, and"
        f" those of which `check` does not say that they may be a guess.\n\n{table}"
    )


if __name__ == "__main__":
    main()
