"""Whole or reported: what becomes of the sound of files as people have them.

Some three hundred files are made: every format that is read, headers that lie, files put one after
the other, several tracks, files that are really cut.  Their maker knows how many samples each
holds, and careful programs (flac, mpg123, opusdec, oggdec, ffmpeg) count them again.  Each is read,
protected, and examined afterwards; then each take in it is marked alone and the file is checked.
Every file has a process of its own, so that a crash is a row.

Then `protect` is timed with and without reading its output back, both in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, quartiles, run_on_one_thread
from benchmarks.whole_files import RECIPES, Missing, Workshop, make
from benchmarks.whole_files.handed import make_handed
from benchmarks.whole_files.sound import OWNER, SECONDS
from benchmarks.whole_files.verdicts import BAD, GOOD, judge_marked, judge_protect, judge_read
from sottovoce.files import protect_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.data.speech import Clip

__all__ = ["BENCHMARK", "describe", "main", "plot", "try_files"]

BENCHMARK = Benchmark(
    "whole", "Is any recording shortened, skipped, or reported as marked without proof?"
)
_LIMIT_S = 180
_KINDS = {
    "format": "formats, as written",
    "header": "headers that lie, things around",
    "join": "joined files",
    "tracks": "several tracks, pictures",
    "cut": "really cut",
    "damage": "holes and noise inside",
    "handed": "collected cases",
}
_TIMED = {
    "WAV": "wav_16.wav",
    "FLAC": "flac_16.flac",
    "MP3": "mp3_cbr.mp3",
    "Vorbis": "vorbis_44.ogg",
    "Opus": "opus_stereo.opus",
    "M4A": "m4a.m4a",
    "MKA, Opus": "mka_opus.mka",
}


def _try(task: dict[str, Any]) -> dict[str, Any]:
    """Ask everything of one file in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.whole_files.trial", json.dumps(task)]
    row: dict[str, Any] = {"name": task["name"]}
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_LIMIT_S)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as err:
        out, code = err.stdout or b"", -1
    else:
        out, code = done.stdout, done.returncode
        if code > 0:
            raise RuntimeError(f"{task['name']}: {done.stderr.decode(errors='replace')[-2000:]}")
    for line in out.splitlines():
        row |= json.loads(line)
    return {**row, "code": code}


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a trial: verdicts, counts, and what was said."""
    made, read, said = row["made"], row.get("read", {}), row.get("protect", {})
    written = next(
        (one for one in (said, said.get("partial"), said.get("other")) if one and "out" in one), {}
    )
    out = written.get("out", {})
    words = [said.get("refused", said.get("escaped", "")), said.get("remedy", "")]
    return {
        "name": row["name"],
        "kind": made["kind"],
        "form": made["form"],
        "samples": [part["n_samples"] for part in made["parts"]],
        "tolerance": made["tolerance"],
        "refusal": made["refusal"],
        "read": judge_read(row),
        "n_read": read.get("n", row.get("read_partial", {}).get("n")),
        "peers": row.get("peers", {}),
        "protect": judge_protect(row),
        "n_written": out.get("n"),
        "level_db": out.get("level_db"),
        "title_kept": out.get("title_kept"),
        "loss_told": any("lost" in line for line in written.get("warnings", [])),
        "owner_read": out.get("look", {}).get("owner"),
        "takes": judge_marked(row),
        "said": _without_paths(" ".join([*filter(None, words), *written.get("warnings", [])])),
    }


def _without_paths(text: str) -> str:
    """Return what was said without where the file lay for the moment."""
    words = (word.rsplit("/", 1)[-1] if word.startswith("/") else word for word in text.split())
    return " ".join(words)[:200]


def try_files(
    names: Iterable[str], *, seed: int, clips: tuple[str, ...], jobs: int, handed: bool = False
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a summary of every file, and what could not be made on this machine.

    Parameters
    ----------
    names : iterable of str
        Recipes.
    seed : int
        Seed of everything random.
    clips : tuple of str
        Names of clips to take speech from; the shipped one where there are none.
    jobs : int
        Processes at a time.
    handed : bool
        Also try the files of the scripts that are handed around.
    """
    with tempfile.TemporaryDirectory(prefix="sottovoce-handed-") as place:
        shared = {"seed": seed, "clips": clips}
        tasks = [{"name": name, **shared} for name in names]
        missing: list[str] = []
        if handed:
            folders = {name: Path(place) / name for name in ("handed", "handed_marked")}
            for name, folder in folders.items():
                own = make_handed(folder, seed=seed, clips=clips, marked=name == "handed_marked")
            places = {name: str(folder) for name, folder in folders.items()}
            tasks += [{"name": name, **shared, **places} for name in own]
            missing += [] if own else ["the collected cases, whose scripts are not here"]
        rows = []
        with ThreadPoolExecutor(jobs) as pool:
            for number, row in enumerate(pool.map(_try, tasks), 1):
                if "missing" in row:
                    missing.append(f"{row['name']}, which needs {row['missing']}")
                else:
                    rows.append(_summary(row))
                if number % 25 == 0:
                    sys.stderr.write(f"whole: {number}/{len(tasks)}\n")
    return rows, missing


def _times(seed: int, clips: tuple[str, ...], rounds: int) -> list[dict[str, Any]]:
    """Time `protect` with its proof and without, in turn."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for form, name in _TIMED.items():
            try:
                source = make(Workshop(Path(place), name, seed, None, clips)).path
            except Missing:
                continue
            taken: dict[bool, list[float]] = {True: [], False: []}
            for number in range(rounds + 1):
                for prove in (True, False):
                    began = time.perf_counter()
                    target = source.with_stem("out")
                    protect_file(source, target, notice=OWNER, prove=prove)
                    if number:  # the first round loads what is imported late
                        taken[prove].append(time.perf_counter() - began)
            ratios = [a / b for a, b in zip(taken[True], taken[False], strict=True)]
            rows.append(
                {
                    "form": form,
                    "with_ms": [round(1000 * value, 1) for value in quartiles(taken[True])],
                    "without_ms": [round(1000 * value, 1) for value in quartiles(taken[False])],
                    "ratio": [round(value, 3) for value in quartiles(ratios)],
                }
            )
    return rows


def _write_out(folder: Path, names: Iterable[str], seed: int, clips: tuple[str, ...]) -> None:
    """Write the files, and what is in each, for inspection."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name in names:
        try:
            made = asdict(make(Workshop(folder, name, seed, None, clips)))
        except Missing:
            continue
        expected[name] = {**made, "path": name}
    text = json.dumps(expected, indent=1)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def _clips(n: int | None) -> list[Clip]:
    """Return clips that fill a take, of the half whose figures are published."""
    try:
        found = load_clips("report", min_s=SECONDS)
    except FileNotFoundError:
        return []
    return [clip for clip in found if clip.sr >= 16_000][:n]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--out", type=Path, help="also write the files there, for inspection")
    parser.add_argument("--only", default="", help="only files whose name holds this")
    parser.add_argument("--rounds", type=int, default=7, help="of timing (default: 7)")
    options = parser.parse_args(arguments)
    clips = _clips(options.clips)
    names = tuple(clip.name for clip in clips)
    recipes = [name for name in RECIPES if options.only in name]
    if options.out:
        _write_out(options.out, recipes, options.seed, names)
    rows, missing = try_files(
        recipes, seed=options.seed, clips=names, jobs=options.jobs, handed=not options.only
    )
    times = _times(options.seed, names, options.rounds)
    settings = {
        "take length s": SECONDS,
        "strength": "standard",
        "rounds of timing": options.rounds,
    }
    results = BENCHMARK.write(
        options, rows, clips=clips, settings=settings, times=times, missing=missing
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _counts(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table of what became of each kind."""
    head = ["files", "made", "read whole", *GOOD, *BAD, "found in takes marked alone"]
    lines = []
    for kind, words in (*_KINDS.items(), ("", "all")):
        own = [row for row in rows if kind in ("", row["kind"])]
        if not own:
            continue
        outcomes = Counter(row["protect"] for row in own)
        takes = [take for row in own for take in row["takes"] if take != "refused"]
        fine = sum(row["read"] in ("whole", "refused with a remedy") for row in own)
        share = f"{takes.count('found')} of {len(takes)}"
        counts = [outcomes[word] for word in (*GOOD, *BAD)]
        lines.append([words, len(own), fine, *counts, share])
    return markdown_table(head, lines)


def _is_bad(row: dict[str, Any]) -> bool:
    read = row["read"] not in ("whole", "refused with a remedy")
    missed = any(take in ("missed", "crashed") for take in row["takes"])
    return read or row["protect"] in BAD or missed


def _bad_rows(rows: Sequence[dict[str, Any]]) -> str:
    bad = [
        [
            f"`{row['name']}`",
            row["read"],
            row["protect"],
            f"{row['samples'][0]:,}",
            "" if row["n_read"] is None else f"{row['n_read']:,}",
            "" if row["n_written"] is None else f"{row['n_written']:,}",
            ", ".join(row["takes"]),
            row["said"].replace("|", "\\|")[:100],
        ]
        for row in rows
        if _is_bad(row)
    ]
    if not bad:
        return "No file fails."
    head = ["file", "read", "protected", "holds", "is read", "is written", "takes", "message"]
    return f"The {len(bad)} files that fail:\n\n" + markdown_table(head, bad)


def _peers(rows: Sequence[dict[str, Any]]) -> str:
    """Say how often the count of the maker is the peers' count too."""
    within: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for row in rows:
        for peer, n in row["peers"].items():
            asked[peer] += 1
            within[peer] += abs(n - row["samples"][0]) <= row["tolerance"]
    words = [f"{peer} {within[peer]} of {n}" for peer, n in sorted(asked.items())]
    return (
        "The samples that the maker counts are, within the format's tolerance, also read by "
        + ", ".join(words)
        + "; where one reads less, it does not read past what the header says, or stops where"
        " links or packets change."
    )


def _level(rows: Sequence[dict[str, Any]]) -> str:
    steps = [row["level_db"] for row in rows if row["level_db"] is not None]
    titles = [row["title_kept"] for row in rows if row["title_kept"] is not None]
    if not steps:
        return "No level could be compared."
    untold = [f"`{r['name']}`" for r in rows if r["title_kept"] is False and not r["loss_told"]]
    lost = f"; it is lost without a warning in {len(untold)}" + (": " if untold else "")
    owners = [one for row in rows for one in row["owner_read"] or ()]
    return (
        f"Level of the written sound against the original: {min(steps):+.2f} to {max(steps):+.2f}"
        f" dB (RMS; median {np.median(steps):+.2f}), the mark included. The title is unchanged in"
        f" {sum(titles)} of {len(titles)} written files{lost}{', '.join(untold)}. The owner is"
        f" read, not only a mark found, in {sum(owners)} of {len(owners)} tracks of them, {SECONDS}"
        " s each."
    )


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    rows = results["rows"]
    parts = [_counts(rows), _peers(rows), _level(rows), _bad_rows(rows)]
    if results["missing"]:
        names = "; ".join(results["missing"])
        parts.append(f"Not made on this machine, {len(results['missing'])}: {names}.")
    if results["times"]:
        lines = []
        for row in results["times"]:
            low, middle, high = row["ratio"]
            own = [f"{row[key][1]:.0f}" for key in ("with_ms", "without_ms")]
            lines.append([row["form"], *own, f"{middle:.2f} ({low:.2f} to {high:.2f})"])
        parts.append("Time of `protect` with the proof and without: median (quartiles).")
        head = ["format", "with, ms", "without, ms", "ratio"]
        parts.append(markdown_table(head, lines))
    return "\n\n".join(parts)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what became of each kind of file."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6.5, height=3.2)
    rows = results["rows"]
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    left = np.zeros(len(kinds))
    for outcome in (*GOOD, *BAD):
        counts = np.array(
            [sum(r["protect"] == outcome for r in rows if r["kind"] == k) for k in kinds]
        )
        if counts.any():
            axes.barh([_KINDS[kind] for kind in kinds], counts, left=left, label=outcome)
        left += counts
    axes.invert_yaxis()
    axes.set_xlabel("files")
    axes.legend(fontsize="small")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.files.whole")
    main()
