"""Slips: how lost or inserted sound moves the pattern, and what is read then.

Speech from the report half is marked, and pieces of 20 s are cut at random places: some
milliseconds are taken out, or silence is inserted, as jitter buffers, lost packets and damaged
files do.  Each piece is checked after its first 5 s and at its end.  Rows without slips and with
regular gaps of digital silence say what must not change.  Every row uses the same pieces, notices
and phases, and `--before` shows the results of another version next to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import sottovoce as sv
from benchmarks.attacks import random_crop
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    load_results,
    markdown_table,
    rng_for,
    run_tasks,
)
from benchmarks.harness.trials import (
    MARGIN_S,
    Source,
    cut,
    join_by_person,
    load_source,
    mark,
    pieces_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot", "slip"]

BENCHMARK = Benchmark("slips", "Is the owner read where sound is lost or inserted?")
SECONDS = 20.0
FIRST_S = 5.0
N_SLIPS = 8
MOST_PIECES = 2
_STRENGTHS = ("strong", "standard")


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to a piece.

    Attributes
    ----------
    kind : str
        "none", "cut" and "insert" for slips, "both" for those of either kind by turns, "gaps" for
        regular digital silence.
    ms : float
        Length of each slip, or of the sound between gaps three times as long, in milliseconds.
    """

    kind: str
    ms: float = 0.0

    @property
    def name(self) -> str:
        """In words, for the table."""
        words = {
            "none": "none",
            "cut": f"{N_SLIPS} cuts of {self.ms:g} ms",
            "insert": f"{N_SLIPS} inserts of {self.ms:g} ms",
            "both": f"{N_SLIPS} cuts and inserts of {self.ms:g} ms by turns",
            "gaps": f"none; {3 * self.ms:g} ms of every {4 * self.ms:g} ms silent",
        }
        return words[self.kind]


CASES = (
    Case("none"),
    *(Case(kind, ms) for kind in ("cut", "insert") for ms in (4.0, 11.0, 50.0, 96.0)),
    Case("both", 20.0),
    *(Case("gaps", ms) for ms in (300.0, 1_000.0, 1_700.0)),
)


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of marked speech and what happens to it."""

    source: Source
    start_s: float
    strength: str
    case: Case
    seed: int


def slip(y: Audio, sr: int, case: Case, rng: np.random.Generator) -> Audio:
    """Return audio with slips at random places, or with gaps.

    Parameters
    ----------
    y : np.ndarray, shape=(..., n)
        Audio.
    sr : int
        Its rate in Hz.
    case : Case
        What happens.
    rng : np.random.Generator
        Draws the places.
    """
    n = round(case.ms * 1e-3 * sr)
    if case.kind == "none":
        return y
    if case.kind == "gaps":
        return np.where(np.arange(y.shape[-1]) // n % 4 == 0, y, np.float32(0))
    silence = np.zeros((*y.shape[:-1], n), dtype=y.dtype)
    parts, position = [], 0
    for number, place in enumerate(sorted(rng.integers(0, y.shape[-1] - n, N_SLIPS).tolist())):
        begin = max(place, position)
        parts.append(y[..., position:begin])
        position = begin
        if case.kind == "cut" or (case.kind == "both" and number % 2 == 0):
            position += n
        else:
            parts.append(silence)
    return np.concatenate([*parts, y[..., position:]], axis=-1)


def _run(task: _Task) -> dict[str, Any]:
    """Mark, let slip and look, once."""
    rng = rng_for(task.seed, "slips", task.source.name, task.start_s)
    y, sr = load_source(task.source)
    marked, notice, _ = mark(y, sr, rng, strength_db=sv.STRENGTHS_DB[task.strength])
    piece, _ = random_crop(cut(marked, sr, task.start_s, SECONDS + MARGIN_S), sr, rng)
    heard = slip(piece[..., : round(SECONDS * sr)], sr, task.case, rng)
    first = sv.detect(heard[..., : round(FIRST_S * sr)], sr=sr)
    whole = sv.detect(heard, sr=sr)
    read = [voice.notice for look in (first, whole) for voice in look.voices if voice.notice]
    return {
        "found_first": first.found,
        "found": whole.found,
        "log10_p": whole.log10_p,
        "read": any(voice.notice == notice for voice in whole.voices),
        "n_wrong": sum(one != notice for one in read),
        "n_voices": len(whole.voices),
    }


def _row(strength: str, case: Case, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row of the results."""
    return {
        "strength": strength,
        "case": case.name,
        "kind": case.kind,
        "ms": case.ms,
        "n": len(outcomes),
        "n_found_first": sum(one["found_first"] for one in outcomes),
        "n_found": sum(one["found"] for one in outcomes),
        "median_log10_p": round(float(np.median([one["log10_p"] for one in outcomes])), 2),
        "n_read": sum(one["read"] for one in outcomes),
        "n_wrong": sum(one["n_wrong"] for one in outcomes),
        "n_one_voice": sum(one["n_voices"] == 1 for one in outcomes),
        "most_voices": max(one["n_voices"] for one in outcomes),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--pieces", type=int, default=24, help="maximum number (default: 24)")
    parser.add_argument("--before", type=Path, help="results of another version, to set beside")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips(options.half), options.clips)
    length = SECONDS + MARGIN_S
    pieces, _ = pieces_of(join_by_person(clips), seconds=length, most_per_source=MOST_PIECES)
    pieces = sorted(pieces, key=lambda piece: piece[1])[: options.pieces]
    groups = [(strength, case) for strength in _STRENGTHS for case in CASES]
    tasks = [
        _Task(source, start_s, strength, case, options.seed)
        for strength, case in groups
        for source, start_s in pieces
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="slips")
    n = len(pieces)
    rows = [
        _row(*group, outcomes[number * n : (number + 1) * n]) for number, group in enumerate(groups)
    ]
    before = load_results(options.before)["rows"] if options.before else []
    results = BENCHMARK.write(
        options,
        rows,
        clips=[clip for source, _ in pieces for clip in source.clips],
        settings={"seconds": SECONDS, "slips": N_SLIPS, "max_fpr": 1e-6},
        before=before,
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    before = {(row["strength"], row["case"]): row for row in results["before"]}
    table = []
    for row in results["rows"]:
        old = before.get((row["strength"], row["case"]))

        def tell(key: str, row: dict[str, Any] = row, old: dict[str, Any] | None = old) -> str:
            return f"{row[key]}" if old is None else f"{row[key]} ({old[key]})"

        keys = ("n_found_first", "n_found", "median_log10_p", "n_read", "n_one_voice")
        keys += ("most_voices", "n_wrong")
        table.append([row["strength"], row["case"], *map(tell, keys), str(row["n"])])
    head = ["strength", f"slips in {SECONDS:g} s", f"found in {FIRST_S:g} s", "found", "log10 p"]
    head += ["owner read", "one voice reported", "most voices", "wrong", "pieces"]
    said = (
        f"Pieces of {SECONDS:g} s; counts of pieces, the evidence of the median one, and wrong"
        " payloads in all checks. Slips are at random places; slips of one kind add up."
    )
    if before:
        said += " In brackets the version before slips were followed, on the same pieces."
    return f"{said}\n\n{markdown_table(head, table)}"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw how often the owner is read, for each kind of slips."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=8, height=4)
    names = list(dict.fromkeys(row["case"] for row in results["rows"]))
    for strength, marker in zip(_STRENGTHS, ("o", "s"), strict=True):
        for rows, word, fill in (
            (results["before"], ", before", "none"),
            (results["rows"], "", None),
        ):
            own = [row for row in rows if row["strength"] == strength]
            shares = [100 * row["n_read"] / row["n"] for row in own]
            at = [names.index(row["case"]) for row in own]
            if own:
                axes.plot(shares, at, marker, markerfacecolor=fill, label=strength + word)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("owner read, % of pieces")
    axes.set_xlim(-3, 103)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


if __name__ == "__main__":
    main()
