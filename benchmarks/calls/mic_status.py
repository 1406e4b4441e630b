"""How soon the status of the microphone turns red once the mark stops, and whether it errs.

Speech of each person of the report half is marked and given to the ear of the status, a second at a
time.  In one run the mark ends in the middle of a talk, in another it continues through a pause of
half a minute, silent or with the hum of a fan and of the mains, while nobody speaks.  Seconds are
those of sound, so that a busy computer changes nothing; the buffers of the sound system come on
top, less than half a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import sottovoce as sv
from benchmarks.attacks.timing import resample
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_tasks
from benchmarks.harness.trials import join_by_person, load_source
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.live.listening.hearing import CHUNK_S, Ear

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.harness.trials import Source
    from sottovoce.live.listening.hearing import Hearing

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "mic_status", "How soon does the status turn red, and is it ever red without reason?"
)
_SR = 16_000
_WINDOW_S = 12.0
_LEVEL_DBFS = -26.0
_LEAST_S = 24.0
_MOST_S = 40.0
_PAUSE_S = 30.0
_GREEN_S = 8.0
PAUSES = ("silence", "fan", "mains hum")

Audio = npt.NDArray[np.float32]


def listen(y: Audio) -> list[Hearing]:
    """Return what the ear of the status says at every second."""
    ear, hearings = Ear(sr=_SR, window_s=_WINDOW_S, brief=True), []
    n, n_second = round(CHUNK_S * _SR), round(1 / CHUNK_S)
    for i in range(len(y) // n):
        ear.push(y[i * n : (i + 1) * n])
        if i % n_second == n_second - 1:
            hearings.append(ear.look((i + 1) * CHUNK_S))
    return hearings


def _load(source: Source) -> Audio:
    y, sr = load_source(source)
    y = np.atleast_2d(y)[..., : round(_MOST_S * sr)].mean(axis=0)
    y = resample(y.astype(np.float32), sr, _SR) if sr != _SR else y
    y = y * 10 ** (_LEVEL_DBFS / 20) / max(float(np.sqrt(np.mean(y**2))), 1e-9)
    return y.astype(np.float32)


def _make_pause(kind: str, rng: np.random.Generator) -> Audio:
    t = np.arange(round(_PAUSE_S * _SR)) / _SR
    match kind:
        case "fan":
            y = 10 ** (-50 / 20) * rng.standard_normal(len(t))
        case "mains hum":
            y = sum(0.01 / k * np.sin(2 * np.pi * 50 * k * t) for k in (1, 2, 3, 5, 7))
        case _:
            y = np.zeros(len(t))
    return np.asarray(y, dtype=np.float32)


def _measure(task: tuple[Source, str, int]) -> dict[str, Any]:
    source, strength, seed = task
    rng = rng_for(seed, "sign", source.name, strength)
    y, db = _load(source), STRENGTHS_DB[strength]
    notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
    end_s = float(rng.uniform(_GREEN_S, len(y) / _SR - 14))
    cut = round(end_s * _SR)
    marked = sv.protect(y, sr=_SR, notice=notice, strength_db=db)
    hearings = listen(np.concatenate([marked[:cut], y[cut:]]))
    red = [h.at_s - end_s for h in hearings if h.at_s > end_s and h.missing]
    green = [h.at_s for h in hearings if h.detection.found and not h.missing]
    row: dict[str, Any] = {
        "source": source.name,
        "strength": strength,
        "green_s": green[0] if green else None,
        "red_s": round(red[0], 2) if red else None,
    }
    half = len(y) // 2
    for kind in PAUSES:
        sound = np.concatenate([y[:half], _make_pause(kind, rng), y[half:]])
        looks = listen(sv.protect(sound, sr=_SR, notice=notice, strength_db=db))
        row[kind] = [sum(h.missing for h in looks), len(looks)]
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    add = parser.add_argument
    add("--strength", choices=STRENGTHS_DB, action="append", help="only this one (default: all)")
    options = parser.parse_args(arguments)
    sources = [s for s in join_by_person(load_clips("report")) if s.seconds >= _LEAST_S]
    tasks = [
        (s, strength, options.seed)
        for s in sources
        for strength in options.strength or STRENGTHS_DB
    ]
    rows = run_tasks(_measure, tasks, jobs=options.jobs, label="mic_status")
    used = [clip for source in sources for clip in source.clips]
    settings = {"level_dbfs": _LEVEL_DBFS, "pause_s": _PAUSE_S}
    results = BENCHMARK.write(options, rows, clips=used, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    table = []
    for strength in dict.fromkeys(row["strength"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["strength"] == strength]
        red = [row["red_s"] for row in rows if row["red_s"] is not None]
        green = [row["green_s"] for row in rows if row["green_s"] is not None]
        false = [np.sum([row[kind] for row in rows], axis=0) for kind in PAUSES]
        table.append(
            [
                strength,
                str(len(rows)),
                f"{np.median(green):.0f} ({max(green):.0f})",
                f"{len(red)} of {len(rows)}",
                f"{np.median(red):.1f} ({max(red):.1f})",
                *(f"{n_red} of {n:,}" for n_red, n in false),
            ]
        )
    head = ["strength", "speakers", "green after, s (longest)", "turned red"]
    head += ["red after the mark's end, s (longest)"]
    head += [f"red checks, pause of {kind}" for kind in PAUSES]
    return (
        "One check per second, while each person speaks; the mark ends at a random moment of the"
        " talk. In the last columns the mark is present all the time, and in the middle nobody"
        f" speaks for {results['settings']['pause_s']:.0f} s: no check should be red.\n\n"
        + markdown_table(head, table)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share of talks whose status is red, over the seconds since the mark's end."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    for strength in dict.fromkeys(row["strength"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["strength"] == strength]
        red = sorted(row["red_s"] for row in rows if row["red_s"] is not None)
        shares = 100 * np.arange(1, len(red) + 1) / len(rows)
        axes.step([0, *red, 10], [0, *shares, shares[-1]], where="post", label=strength)
    axes.set_xlabel("seconds since the mark's end")
    axes.set_ylabel("talks whose status is red, %")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
