"""Grants in a data set: how much of what is granted is released, and anything else.

Short clips of speech, marked by one of three owners at random phases, go through attacks into a
folder of FLAC files, which is scanned as any data set is.  The first owner grants one use.  Whether
a recording is released is then decided from the ledger alone.  Of two talkers, each marked by an
owner of their own, nothing may be released as long as both marks are found.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
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
from sottovoce.core.permission import Permission
from sottovoce.core.policy import Use
from sottovoce.scan import Ledger, Releases, scan_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks import Audio
    from sottovoce.scan import Finding

__all__ = ["BENCHMARK", "describe", "main"]

BENCHMARK = Benchmark(
    "scan_licensed", "Does a grant release what it covers in a data set, and nothing else?"
)
OWNERS = (0x4F2A91C077DE, 0x0B63D85E19A4, 0xCDC0062A0DF7)
"""The first one grants."""
ATTACKED = ("none", "opus_16", "opus_8", "gsm", "noise_white_10", "room_0.3", "two talkers")
LENGTHS_S = (2, 3, 5, 10)
_DAY = date(2026, 11, 28)
_MOST_PIECES = 4
_CONTEXT_S = 1.0
_USE, _OTHER_USE = Use.TRAIN_GENERATIVE, Use.CLONE


@dataclass(frozen=True, slots=True)
class _Task:
    """One clip to write."""

    source: Source
    start_s: float
    other: Source
    seconds: float
    attack: str
    owner: int
    number: int
    seed: int
    folder: str

    @property
    def name(self) -> str:
        """Name of its file."""
        kind = self.attack.replace(" ", "_")
        return f"{kind}-{self.seconds:g}s-{self.owner}-{self.number:05d}.flac"


def _marked(source: Source, start_s: float, length_s: float, owner: int, phase_s: float) -> Audio:
    """Mark a piece with a second of context."""
    y, sr = load_source(source)
    mono = y if y.ndim == 1 else y.mean(axis=0)
    before_s = min(_CONTEXT_S, start_s)
    piece = cut(mono, sr, start_s - before_s, before_s + length_s + _CONTEXT_S)
    notice = sv.Notice(owner_id=OWNERS[owner], year=2026)
    return cut(sv.protect(piece, sr=sr, notice=notice, phase_s=phase_s), sr, before_s, length_s)


def _write(task: _Task) -> str:
    """Write one clip, and return its name."""
    rng = rng_for(task.seed, task.name)
    attack = ATTACKS["none" if task.attack == "two talkers" else task.attack]
    sr = load_source(task.source)[1]
    length_s = task.seconds + MARGIN_S + attack.loses_s
    phases = rng.uniform(0, SUPERFRAME_S, 2)
    y = _marked(task.source, task.start_s, length_s, task.owner, phases[0])
    if task.attack == "two talkers":
        # Another voice, as loud, marked by the next owner.
        other = _marked(task.other, 0.0, length_s, (task.owner + 1) % 3, phases[1])
        n = min(len(y), len(other))
        level = np.sqrt(np.mean(y[:n] ** 2) / max(np.mean(other[:n] ** 2), 1e-12))
        y = 0.5 * (y[:n] + level * other[:n])
    heard, sr = run_attack(y.astype(np.float32), sr, attack, task.seconds, rng)
    peak = max(1.0, float(np.abs(heard).max()))
    sf.write(Path(task.folder) / task.name, (heard / peak).T, sr, subtype="PCM_16")
    return task.name


def _tasks(sources: Sequence[Source], folder: str, options: Any) -> list[_Task]:  # noqa: ANN401 - argparse's namespace
    """Return the clips of the data set: equally many for each row, the owners in turn."""
    tasks: list[_Task] = []
    for attack in ATTACKED:
        loses_s = 0.0 if attack == "two talkers" else ATTACKS[attack].loses_s
        for seconds in LENGTHS_S:
            length = seconds + MARGIN_S + loses_s
            pieces, _ = pieces_of(sources, seconds=length, most_per_source=_MOST_PIECES)
            for number in range(options.trials if pieces else 0):
                source, start_s = pieces[number % len(pieces)]
                others = [
                    one
                    for one in sources
                    if one.clips[0].person != source.clips[0].person
                    and one.clips[0].sr == source.clips[0].sr
                    and one.seconds > length + _CONTEXT_S
                ]
                other = others[number % len(others)] if others else source
                tasks.append(
                    _Task(
                        *(source, start_s, other, seconds, attack),
                        *(number % 3, number, options.seed, folder),
                    )
                )
    return tasks


def _permit(use: Use) -> Permission:
    return Permission(
        owner_id=OWNERS[0],
        notices=((0x7F, 2026),),
        uses=use,
        serial="benchmark",
        grantee="a laboratory",
        first_day=_DAY,
        last_day=_DAY,
        revocation_known_to=_DAY,
    )


def _row(
    attack: str, seconds: float, tasks: Sequence[_Task], found: dict[str, Finding]
) -> dict[str, Any]:
    """Return one row of the results."""
    releases = Releases([_permit(_USE)], use=_USE, day=_DAY)
    others = Releases([_permit(_USE)], use=_OTHER_USE, day=_DAY)
    own = [found[one.name] for one in tasks if one.owner == 0]
    foreign = [found[one.name] for one in tasks if one.owner != 0]
    marked = [one for one in own if one.marked]
    released = [releases.decide(one) for one in marked]
    n_released = sum(one.released for one in released)
    low, high = wilson(n_released, max(len(marked), 1))
    return {
        "attack": attack,
        "seconds": seconds,
        "n": len(own),
        "n_found": len(marked),
        "n_released": n_released,
        "n_matched": sum(one.released and one.is_matched for one in released),
        "low": round(low, 5),
        "high": round(high, 5),
        "n_foreign": len(foreign),
        "n_foreign_found": sum(one.marked for one in foreign),
        "n_foreign_released": sum(releases.decide(one).released for one in foreign),
        "n_other_use": sum(others.decide(one).released for one in (*own, *foreign)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--trials", type=int, default=240, help="clips per row (default: 240)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = join_by_person(clips)
    with tempfile.TemporaryDirectory(prefix="sottovoce-licensed-") as place:
        data = Path(place) / "data"
        data.mkdir()
        tasks = _tasks(sources, str(data), options)
        run_tasks(_write, tasks, jobs=options.jobs, label="scan_licensed")
        ledger = Path(place) / "ledger.sqlite"
        for _ in scan_paths([data], ledger=ledger, workers=options.jobs):
            pass
        with Ledger(ledger, read_only=True) as known:
            found = {os.path.basename(one.id): one for one in known.findings()}  # noqa: PTH119 - of an id
    groups: dict[tuple[str, float], list[_Task]] = {}
    for task in tasks:
        groups.setdefault((task.attack, task.seconds), []).append(task)
    rows = [_row(*key, own, found) for key, own in groups.items()]
    settings = {"strength": "standard", "owners": len(OWNERS), "use": "train-generative"}
    print(describe(BENCHMARK.write(options, rows, clips=clips, settings=settings)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table and words in Markdown."""
    rows = results["rows"]
    table = markdown_table(
        ["attack", "seconds", "found", "released of these, %", "matched", "foreign released"],
        [
            (
                f"`{row['attack']}`",
                f"{row['seconds']:g}",
                f"{row['n_found']} of {row['n']}",
                f"{100 * row['n_released'] / row['n_found']:.0f} ({100 * row['low']:.0f} to"
                f" {100 * row['high']:.0f})"
                if row["n_found"]
                else "none",
                row["n_matched"],
                f"{row['n_foreign_released']} of {row['n_foreign_found']}",
            )
            for row in rows
        ],
    )
    plain = [row for row in rows if row["attack"] != "two talkers"]
    talkers = [row for row in rows if row["attack"] == "two talkers"]
    n = sum(row["n"] + row["n_foreign"] for row in rows)

    def total(key: str, of: list[dict[str, Any]]) -> int:
        return sum(row[key] for row in of)

    return "\n\n".join(
        [
            table,
            f"A data set of {n:,} clips of three owners, one of whom granted one use. Recordings of"
            f" the others that were released: **{total('n_foreign_released', plain)}** of"
            f" {total('n_foreign_found', plain):,} found; released for another use:"
            f" **{total('n_other_use', rows)}**. *Matched*: released although the mark was too"
            " short to be read. What is not released stays refused.",
            "Of two talkers with one owner each, a recording is released if the other owner's mark"
            f" is not found in it: {total('n_released', talkers)} of {total('n_found', talkers)}"
            f" with the grantor in front, {total('n_foreign_released', talkers)} of"
            f" {total('n_foreign_found', talkers)} with another. A mark that is not found cannot"
            " keep anything out.",
        ]
    )


if __name__ == "__main__":
    main()
