"""Quality: what the judges say of the mark, beside everyday codecs and another watermark.

The first 10 s of clips of the report half, downmixed, at the level at which they were recorded.
`same` compares a clip with itself: the most that a judge can give on these clips.  The worst 5 %
are given beside the mean, since one bad clip is what people remember.  The main table is of speech
at 16 kHz and more; classes of sound follow, telephone speech, music and very quiet speech too.

The default takes about a quarter of an hour on two cores: 28 clips of as many speakers as possible,
6 of each further class.  ``--clips 99`` takes all, ``--quick`` is minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks.codecs import opus, through
from benchmarks.attacks.timing import resample
from benchmarks.data.speech import Clip, load_clips
from benchmarks.harness.harness import Benchmark, choose_clips, markdown_table, rng_for, run_tasks
from benchmarks.harness.judges import JUDGES, installed_judges
from benchmarks.harness.trials import SUPERFRAME_S
from benchmarks.peers import missing_peers
from benchmarks.peers.perth import Perth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("quality", "How much of the mark do metrics of sound quality register?")
_PEERS = {"perth": Perth}
CONDITIONS = ("same", "studio", "standard", "strong", "mp3_128", "opus_32", *_PEERS)
LENGTH_S = 10.0
MIN_S = 3.0
CLASSES = {
    "wide": "speech at 16 to 24 kHz",
    "studio": "speech at 44.1 and 48 kHz",
    "telephone": "speech recorded at 8 kHz",
    "music": "music",
    "quiet": "speech at -45 dBFS, 16 bits",
}
_QUIET = 10 ** (-45 / 20)
_N_CLIPS, _N_QUICK = 28, 4
_MOST_OF_A_CLASS = 6
_N_NAMED = 5
# They hear no band under 4 kHz apart from the rest: nothing to say of telephones.
_NOT_FOR_TELEPHONES = ("pesq_wb", "visqol_audio", "zimtohrli_mos")
_TARGETS = {"pesq_wb": 4.45, "visqol_speech": 4.45, "visqol_audio": 4.70, "zimtohrli_mos": 4.95}


@dataclass(frozen=True, slots=True)
class _Task:
    """One clip, or a part of it, under one condition."""

    clip: Clip
    start_s: float
    kind: str
    condition: str
    judges: tuple[str, ...]
    seed: int


def _process(y: Audio, sr: int, condition: str, rng: np.random.Generator) -> Audio:
    """Return `y` under a condition, at the same rate."""
    if condition == "same":
        return y
    if condition in sv.STRENGTHS_DB:
        phase_s = float(rng.uniform(0, SUPERFRAME_S))
        return sv.protect(y, sr=sr, strength_db=sv.STRENGTHS_DB[condition], phase_s=phase_s)
    if condition in _PEERS:
        return _PEERS[condition]().mark(y, sr, rng)
    name, kbps = condition.split("_")
    effect = opus(float(kbps)) if name == "opus" else through(name, float(kbps))
    out, out_sr = effect(y, sr, rng)
    return resample(out, out_sr, sr)


def _run(task: _Task) -> dict[str, float]:
    """Let every judge rate one clip."""
    y, sr = task.clip.load()
    mono = librosa.to_mono(y)
    start = round(task.start_s * sr)
    mono = mono[start : start + round(LENGTH_S * sr)]
    if task.kind == "quiet":
        level = max(float(np.sqrt(np.mean(mono**2))), 1e-9)
        mono = _in_16_bits(mono * np.float32(_QUIET / level))
    rng = rng_for(task.seed, task.clip.name, task.start_s, "quality")
    processed = _process(mono, sr, task.condition, rng)
    if task.kind == "quiet":
        processed = _in_16_bits(processed)
    left_out = _NOT_FOR_TELEPHONES if task.kind == "telephone" else ()
    return {name: JUDGES[name](mono, processed, sr) for name in task.judges if name not in left_out}


def _in_16_bits(y: Audio) -> Audio:
    return (np.round(y * 32_768) / 32_768).astype(np.float32)


def _class_of(clip: Clip) -> str:
    if clip.kind == "music":
        return "music"
    return "telephone" if clip.sr < 16_000 else "wide" if clip.sr < 44_100 else "studio"


def _pieces(clips: Sequence[Clip], most: int) -> list[tuple[Clip, float, str]]:
    """Return what is judged: clip, start in seconds, class; a few of each further class."""
    pieces = [(clip, 0.0, _class_of(clip)) for clip in clips]
    phone = [clip for clip in load_clips("report", min_s=MIN_S) if clip.sr < 16_000]
    pieces += [(clip, 0.0, "telephone") for clip in choose_clips(phone, most)]
    pieces += [(clip, 0.0, "quiet") for clip in choose_clips(clips, most)]
    music = [
        (clip, i * LENGTH_S, "music")
        for clip in load_clips("report", kind="music")
        for i in range(int(clip.seconds / LENGTH_S))
    ]
    return pieces + music[:most]


def _row(
    kind: str, condition: str, judge: str, values: Sequence[float], names: Sequence[str]
) -> dict[str, Any]:
    """Return one row of the results."""
    heard = np.array(values)
    named = np.array(names)[np.isfinite(heard)]
    heard = heard[np.isfinite(heard)]
    n_worst = max(1, round(0.05 * len(heard)))
    order = np.argsort(heard)
    return {
        "kind": kind,
        "condition": condition,
        "judge": judge,
        "n": len(heard),
        "mean": round(heard.mean(), 4) if len(heard) else None,
        "deviation": round(heard.std(ddof=1), 4) if len(heard) > 1 else 0.0,
        "worst_5_percent": round(heard[order[:n_worst]].mean(), 4) if len(heard) else None,
        "worst_clips": named[order[:_N_NAMED]].tolist(),
        "values": [round(value, 4) for value in heard.tolist()],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument(
        "--judges", nargs="+", choices=tuple(JUDGES), default=list(installed_judges())
    )
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--quick", action="store_true", help="4 clips, 2 of each class: minutes")
    options = parser.parse_args(arguments)
    wide = [clip for clip in load_clips("report", min_s=MIN_S) if clip.sr >= 16_000]
    n_clips = options.clips or (_N_QUICK if options.quick else _N_CLIPS)
    clips = choose_clips(wide, n_clips)
    judges = tuple(options.judges)
    missing = missing_peers(_PEERS[name] for name in options.conditions if name in _PEERS)
    missing |= {name: "not installed" for name in JUDGES if name not in installed_judges()}
    conditions = [name for name in options.conditions if name not in missing]
    tasks = [
        _Task(clip, start_s, kind, condition, judges, options.seed)
        for condition in conditions
        for clip, start_s, kind in _pieces(clips, 2 if options.quick else _MOST_OF_A_CLASS)
    ]
    ratings = run_tasks(_run, tasks, jobs=options.jobs, label="quality")
    judged = list(zip(tasks, ratings, strict=True))
    rows = []
    for kind in ("all", *CLASSES):
        kinds = ("wide", "studio") if kind == "all" else (kind,)
        for condition in conditions:
            own = [(t, r) for t, r in judged if t.condition == condition and t.kind in kinds]
            names = [task.clip.name for task, _ in own]
            rows += [
                _row(kind, condition, name, [rating[name] for _, rating in own], names)
                for name in judges
                if own and name in own[0][1]
            ]
    settings = {"length_s": LENGTH_S, "targets": _TARGETS, "strengths_db": sv.STRENGTHS_DB}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings, missing=missing)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _table(results: dict[str, Any], kind: str = "all") -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of a class by condition and judge."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for row in results["rows"]:
        # The first results had speech at 16 kHz and more alone.
        if row.get("kind", "all") == kind:
            table.setdefault(row["condition"], {})[row["judge"]] = row
    return table


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown: mean (worst 5 %)."""
    table = _table(results)
    judges = list(dict.fromkeys(row["judge"] for row in results["rows"]))
    lines = [[f"`{name}`", *_cells(own, judges)] for name, own in table.items()]
    targets = results["settings"]["targets"]
    named = (f"{targets[judge]:.2f}" if judge in targets else "" for judge in judges)
    lines.append(["target, *standard*", *named])
    classes = [
        [words, max(row["n"] for row in own.values()), f"`{condition}`", *_cells(own, judges)]
        for kind, words in CLASSES.items()
        for condition, own in _table(results, kind).items()
    ]
    parts = [
        "Mean over clips, and in brackets the mean of the worst 5 % of clips.",
        markdown_table(["condition", *judges], lines),
    ]
    if "standard" in table:
        worst = [
            f"{judge}: " + ", ".join(f"`{name}`" for name in row["worst_clips"])
            for judge, row in table["standard"].items()
            if judge in targets
        ]
        parts.append("The clips with the worst scores under *standard*. " + "; ".join(worst) + ".")
    if classes:
        head = ["class", "pieces", "condition", *judges]
        parts += ["By class of sound:", markdown_table(head, classes)]
    parts += [f"Not run: `{name}`, {why}." for name, why in results.get("missing", {}).items()]
    return "\n\n".join(parts)


def _cells(own: dict[str, dict[str, Any]], judges: Sequence[str]) -> list[str]:
    """Return what each judge says, empty where one was not asked or could not tell."""
    rows = (own.get(judge) for judge in judges)
    return [
        f"{row['mean']:.3f} ({row['worst_5_percent']:.3f})" if row and row["n"] else ""
        for row in rows
    ]


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the spread over clips of each condition, one panel a judge."""
    from benchmarks.harness.plots import save, subplot_grid

    table = _table(results)
    judges = list(dict.fromkeys(row["judge"] for row in results["rows"]))
    figure, panels = subplot_grid(len(judges), width=14.0, height=3.2)
    for axes, judge in zip(panels, judges, strict=True):
        axes.boxplot([own[judge]["values"] for own in table.values()], whis=(5, 95))
        target = results["settings"]["targets"].get(judge)
        if target is not None:
            axes.axhline(target, color="tab:green", lw=0.8, ls="--")
        axes.set_xticks(range(1, len(table) + 1), list(table), rotation=60, fontsize=7)
        axes.set_title(judge, fontsize=9)
        axes.grid(alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    main()
