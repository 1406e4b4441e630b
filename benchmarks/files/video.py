"""The picture kept: what becomes of films when their sound is marked.

Films are made with FFmpeg: every container with the codecs of picture and sound that it takes, and
odd ones, as recorders, telephones and cameras write them.  Each is protected in a process of its
own.  Then another program, ffprobe, hashes every packet of both files and prints what they say of
themselves, and FFmpeg decodes both sounds beside their pictures, and once more ignoring all
time stamps, so that cross-correlation shows by how many samples the new one has moved.  Some
films begin in the middle of a word, since silence at the beginning hides an encoder's delay.

With ``--long`` only films of two hours are protected, and time, memory and progress measured; the
rest of the results stays unchanged.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.film_files import FILMS
from benchmarks.film_files.recipes import SECONDS
from benchmarks.film_files.trial import try_long
from benchmarks.harness.harness import (
    RESULTS_DIR,
    Benchmark,
    load_results,
    markdown_table,
    run_on_one_thread,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("video", "What changes in a film, apart from the mark in its sound?")
_SPEECH = Path(__file__).resolve().parents[2] / "examples/data/sense_and_sensibility.flac"
_LONG = (".mp4", ".mkv")


def _try(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.film_files.trial", name, str(_SPEECH)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - ours
    if done.returncode == 0:
        row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return row
    film = FILMS[name]
    return {
        "name": name,
        "kind": film.kind,
        "container": name.rsplit(".", 1)[-1],
        "video": film.video,
        "audio": film.audio,
        "failed": done.stderr.decode(errors="replace").strip().splitlines()[-1][:200],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--only", default="", help="only films whose name holds this")
    parser.add_argument("--long", action="store_true", help="only the films of two hours")
    parser.add_argument("--hours", type=float, default=2.0, help="of the long films (default: 2)")
    parser.add_argument("--suffixes", nargs="+", default=_LONG, help="of the long films")
    options = parser.parse_args(arguments)
    path = options.json or RESULTS_DIR / "video.json"
    known = load_results(path) if path.is_file() else {}
    long, rows = known.get("long", []), known.get("rows", [])
    if options.long:
        for suffix in options.suffixes:
            row = try_long(_SPEECH, hours=options.hours, suffix=suffix)
            long = [one for one in long if one["name"] != row["name"]] + [row]
    else:
        names = [name for name in FILMS if options.only in name]
        rows = []
        with ThreadPoolExecutor(options.jobs) as pool:
            for number, row in enumerate(pool.map(_try, names), 1):
                rows.append(row)
                if number % 20 == 0:
                    sys.stderr.write(f"video: {number}/{len(names)}\n")
    settings = {"film length s": SECONDS, "strength": "standard", "speech": "the shipped clip"}
    results = BENCHMARK.write(options, rows, settings=settings, long=long)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _is_fine(row: dict[str, Any]) -> bool:
    return "failed" not in row and not row["differences"] and row["order_kept"]


def _worst_lag(rows: Sequence[dict[str, Any]]) -> str:
    lags = [abs(lag) for row in rows for track in row.get("lags", []) for lag in track]
    return f"{max(lags)}" if lags else "-"


def _share(rows: Sequence[dict[str, Any]], key: str) -> str:
    told = [one for row in rows for one in row.get(key, [False])]
    return f"{sum(told)} of {len(told)}"


def _line(words: list[str], rows: Sequence[dict[str, Any]]) -> list[object]:
    equal = f"{sum(map(_is_fine, rows))} of {len(rows)}"
    return [*words, equal, _worst_lag(rows), _share(rows, "found"), _share(rows, "owner")]


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    rows = [row for row in results["rows"] if "missing" not in row]
    head = ["all else equal", "shifted by at most, samples", "mark found, tracks", "owner read"]
    plain = [row for row in rows if row["kind"] == "codecs"]
    lines = []
    for container in sorted({row["container"] for row in plain}):
        for audio in sorted({r["audio"] for r in plain if r["container"] == container}):
            own = [r for r in plain if (r["container"], r["audio"]) == (container, audio)]
            videos = ", ".join(sorted({r["video"] for r in own}))
            lines.append(_line([f"{container}, {audio}", videos], own))
    parts = [markdown_table(["container, sound", "pictures", *head], lines)]
    odd = [row for row in rows if row["kind"] != "codecs"]
    kinds = list(dict.fromkeys(row["kind"] for row in odd))
    lines = []
    for kind in kinds:
        own = [row for row in odd if row["kind"] == kind]
        names = ", ".join(f"`{row['name']}`" for row in own)
        lines.append(_line([kind, names], own))
    lines.append(_line(["all films", ""], rows))
    parts.append(markdown_table(["peculiarity", "films", *head], lines))
    parts.append(
        "*All else equal*: of every stream but the sound, every packet (hash, times, flags, side"
        " data), its extradata, language, title, disposition, colours and matrix; of the sound,"
        " codec, rate, layout, language, title and start; of the file, tags, chapters and brands,"
        " and the order of an MP4's boxes."
    )
    parts.append(_bad(rows))
    parts += [_long(results["long"])] if results.get("long") else []
    return "\n\n".join(part for part in parts if part)


def _bad(rows: Sequence[dict[str, Any]]) -> str:
    bad = [row for row in rows if not _is_fine(row)]
    if not bad:
        return "In every film, everything else is unchanged."
    lines = [
        [f"`{row['name']}`", row.get("failed") or "; ".join(row["differences"]) or "order"]
        for row in bad
    ]
    return markdown_table(["film", "what changed"], lines)


def _long(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        [
            row["name"],
            f"{row['hours']:g}",
            f"{row['n_bytes'] / 1e6:.0f}",
            f"{row['seconds'] / 60:.1f}",
            f"{row['peak_mib']:.0f}",
            f"{row['n_told']}" + ("" if row["is_steady"] else ", backwards too"),
            f"{row['longest_pause_s']:.1f}",
            f"{row['marked_s'] / row['duration_s']:.3f}",
        ]
        for row in rows
    ]
    head = ["film", "hours", "MB", "minutes", "peak memory, MiB", "progress reports"]
    return markdown_table([*head, "longest pause between, s", "share that is marked"], lines)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw how many films of each container are equal in all but the sound."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6.5, height=2.8)
    rows = [row for row in results["rows"] if "missing" not in row]
    containers = sorted({row["container"] for row in rows})
    good = [sum(_is_fine(r) for r in rows if r["container"] == c) for c in containers]
    bad = [sum(not _is_fine(r) for r in rows if r["container"] == c) for c in containers]
    axes.barh(containers, good, label="all else equal")
    axes.barh(containers, bad, left=good, label="something else changed")
    axes.set_xlabel("films")
    axes.legend(fontsize="small")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.files.video")
    main()
