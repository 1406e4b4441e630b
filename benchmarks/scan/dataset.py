"""A data set as it might be: a few voices in a hundred refuse, some after codecs; all are scanned.

Clips of 1 to 15 s are cut at random from the report half's speakers.  Two in a hundred are cut from
marked recordings of three owners, half of these after MP3, Opus or a change of rate.  One person's
clips are marked throughout, all too short to be found for sure alone.  A second set has no mark.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, choose_clips, markdown_table, rng_for, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks import Audio
    from benchmarks.data.speech import Clip
    from sottovoce.scan import Finding

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "scan_dataset", "Does a scan find every marked clip of a data set, and only those?"
)
OWNERS = (0x1A2B3C4D5E6F, 0x2B3C4D5E6F70, 0x3C4D5E6F7081)
CHANNELS = ("mp3_32", "opus_16", "resample_8k", "resample_22k")
LENGTHS_S = ((1, 2), (2, 3), (3, 5), (5, 10), (10, 15))
_MARKED_SHARE = 0.02
_N_SHORT = 40
_SHORT_S = (1.0, 1.6)


def _make(
    folder: Path, clips: Sequence[Clip], n: int, *, share: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Write a data set; return what is in each file: owner or None, channel, seconds."""
    sounds = {clip.name: _mono(clip) for clip in clips}
    marked: dict[tuple[str, int], Audio] = {}
    truth: dict[str, dict[str, Any]] = {}
    for number in range(n):
        rng = rng_for(seed, "clip", number)
        clip = clips[int(rng.integers(len(clips)))]
        length_s = rng.uniform(*LENGTHS_S[int(rng.integers(len(LENGTHS_S)))])
        owner, channel, sr, sound = None, "none", clip.sr, sounds[clip.name]
        if rng.random() < share:
            owner = OWNERS[int(rng.integers(len(OWNERS)))]
            if (clip.name, owner) not in marked:
                marked[clip.name, owner] = _mark(sound, sr, owner, rng)
            sound = marked[clip.name, owner]
        y = _cut(sound, length_s * sr, rng)
        if owner is not None and rng.random() < 0.5:
            channel = CHANNELS[int(rng.integers(len(CHANNELS)))]
            y, sr = ATTACKS[channel].apply(y, sr, rng)
        _write(folder, truth, f"{clip.person}/{number:05}.flac", y, sr, owner, channel)
    return truth


def _make_short(folder: Path, clips: Sequence[Clip], truth: dict[str, Any], *, seed: int) -> None:
    """Add a folder of clips of one person, marked throughout and too short to be sure of alone."""
    rng = rng_for(seed, "short")
    clip = max(clips, key=lambda one: one.seconds)
    sound = _mark(_mono(clip), clip.sr, OWNERS[0], rng)
    for number in range(_N_SHORT):
        y = _cut(sound, rng.uniform(*_SHORT_S) * clip.sr, rng)
        y, sr = ATTACKS["opus_16"].apply(y, clip.sr, rng)
        _write(folder, truth, f"short/{number:05}.flac", y, sr, OWNERS[0], "opus_16")


def _mono(clip: Clip) -> Audio:
    y, _ = clip.load()
    return y if y.ndim == 1 else y.mean(axis=0)


def _mark(y: Audio, sr: int, owner: int, rng: np.random.Generator) -> Audio:
    notice = sv.Notice(owner_id=owner, year=2026)
    marked: Audio = sv.protect(y, sr=sr, notice=notice, phase_s=float(rng.uniform(0, 10.24)))
    return marked


def _cut(y: Audio, n: float, rng: np.random.Generator) -> Audio:
    start = int(rng.integers(max(len(y) - round(n), 0) + 1))
    return y[start : start + round(n)]


def _write(
    folder: Path,
    truth: dict[str, dict[str, Any]],
    name: str,
    y: Audio,
    sr: int,
    owner: int | None,
    channel: str,
) -> None:
    name = name.replace(" ", "_")
    (folder / name).parent.mkdir(exist_ok=True)
    sf.write(folder / name, np.clip(y, -1, 1), sr)
    truth[name] = {"owner": owner, "channel": channel, "seconds": len(y) / sr}


def _scan(folder: Path) -> list[Finding]:
    from sottovoce.scan import scan_paths

    return list(scan_paths([folder]))


def _rows(
    findings: dict[str, Finding], truth: dict[str, dict[str, Any]], wanted: dict[str, list[str]]
) -> list[dict[str, Any]]:
    """Return recall for each class of marked clips."""
    rows = []
    for what, names in wanted.items():
        found = [name for name in names if findings[name].marked]
        read = [name for name in found if findings[name].owner_ids]
        right = [name for name in read if findings[name].owner_ids == (truth[name]["owner"],)]
        low, high = wilson(len(found), len(names))
        rows.append(
            {
                "what": what,
                "n": len(names),
                "found": len(found),
                "low": round(low, 3),
                "high": round(high, 3),
                "owner_read": len(read),
                "owner_right": len(right),
            }
        )
    return rows


def _classes(truth: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    marked = {
        name: one
        for name, one in truth.items()
        if one["owner"] is not None and not name.startswith("short/")
    }
    wanted = {
        f"{low} to {high} s": [n for n, one in marked.items() if low <= one["seconds"] < high]
        for low, high in LENGTHS_S
    }
    long = {name: one for name, one in marked.items() if one["seconds"] >= 5}
    for channel in ("none", *CHANNELS):
        words = "as marked" if channel == "none" else ATTACKS[channel].strength
        wanted[f"5 s and more, {words}"] = [
            name for name, one in long.items() if one["channel"] == channel
        ]
    return wanted


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    from sottovoce.scan import summarise

    parser = BENCHMARK.parser
    parser.add_argument("--n", type=int, default=12_000, help="clips of each set")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report", min_s=5.0), options.clips)
    with tempfile.TemporaryDirectory(prefix="sottovoce-dataset-") as place:
        (mixed := Path(place) / "mixed").mkdir()
        (clean := Path(place) / "clean").mkdir()
        truth = _make(mixed, clips, options.n, share=_MARKED_SHARE, seed=options.seed)
        _make_short(mixed, clips, truth, seed=options.seed)
        _make(clean, clips, options.n, share=0.0, seed=options.seed + 1)
        sys.stderr.write("scan_dataset: the sets are made\n")
        found = {f.id.removeprefix(f"{mixed}/"): f for f in _scan(mixed)}
        unmarked = summarise(_scan(clean))
    summary = summarise(found.values())
    false = [name for name, f in found.items() if f.marked and truth[name]["owner"] is None]
    short = next((g for g in summary.groups if g.name.endswith("/short")), None)
    alone = sum(f.marked for name, f in found.items() if name.startswith("short/"))
    totals = {
        "n": len(found),
        "n_marked": sum(one["owner"] is not None for one in truth.values()),
        "false": len(false),
        "found": summary.n_marked,
        "owners": summary.owners,
        "short_n": _N_SHORT,
        "short_alone": alone,
        "short_log10_e": short.log10_e if short else 0.0,
        "short_log10_e_mixture": short.log10_e_mixture if short else 0.0,
        "n_groups": summary.n_groups,
        "groups": [
            {"name": Path(g.name).name, "n_marked": g.n_marked, "mixture": g.log10_e_mixture}
            for g in summary.groups
        ],
        "clean_n": unmarked.n_recordings,
        "clean_hours": unmarked.seconds / 3600,
        "clean_marked": unmarked.n_marked,
        "clean_suspected": unmarked.statuses["suspected"],
        "clean_groups": len(unmarked.groups),
        "unread": summary.n_unread + unmarked.n_unread,
    }
    rows = _rows(found, truth, _classes(truth))
    print(describe(BENCHMARK.write(options, rows, clips=clips, totals=totals)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as text and a table in Markdown."""
    head = ["marked clips", "number", "found, % (95 %)", "owner read", "right"]
    table = [
        [
            row["what"],
            str(row["n"]),
            f"{100 * row['found'] / max(row['n'], 1):.1f}"
            f" ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
            str(row["owner_read"]),
            str(row["owner_right"]),
        ]
        for row in results["rows"]
    ]
    t = results["totals"]
    return (
        f"{t['n']:,} clips, {t['n_marked']} of them marked by {len(OWNERS)} owners; {t['found']}"
        f" reported, {t['false']} of these falsely. {t['unread']} clips were not read.\n\n"
        f"{markdown_table(head, table)}\n\n"
        f"*Pooled*: {t['short_n']} clips of {_SHORT_S[0]} to {_SHORT_S[1]} s of one marked voice"
        f" after Opus at 16 kb/s, of which {t['short_alone']} were found alone. Together: log10 e ="
        f" {t['short_log10_e']:.1f} (the mean, proved) and {t['short_log10_e_mixture']:.1f} (the"
        f" mixture, under its conditions), among {t['n_groups']} groups.\n\n"
        f"*The set without a mark*: {t['clean_n']:,} clips, {t['clean_hours']:.1f} hours;"
        f" {t['clean_marked']} reported, {t['clean_suspected']} suspected (at most"
        f" {t['clean_n'] * 1e-3:.0f} expected), {t['clean_groups']} groups reported."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share that is found by length."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    rows = [row for row in results["rows"] if "more" not in row["what"]]
    shares = [row["found"] / max(row["n"], 1) for row in rows]
    low = [max(share - row["low"], 0) for share, row in zip(shares, rows, strict=True)]
    high = [max(row["high"] - share, 0) for share, row in zip(shares, rows, strict=True)]
    axes.errorbar([row["what"] for row in rows], shares, yerr=[low, high], fmt="o")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("found")
    save(figure, path)


if __name__ == "__main__":
    main()
