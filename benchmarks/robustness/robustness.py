"""Robustness: what is found and read in 2 to 40 s of speech after each attack of the battery.

The speech of each person of the report half is joined, marked at a random phase, attacked once and
cut into windows that do not overlap; each is cropped by a random number of samples and given to
`detect`.  Windows of one person depend on each other, which the intervals ignore.  Every trial
is kept in a file of raw results, so that an interrupted run resumes.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import sottovoce as sv
from benchmarks.attacks import ATTACKS, GROUPS, random_crop
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    RESULTS_DIR,
    Benchmark,
    markdown_table,
    rng_for,
    run_tasks,
    wilson,
)
from benchmarks.harness.trials import Source, cut, join_by_person, load_source, mark, prepare
from benchmarks.harness.worth import (
    dnsmos_drop,
    in_budget,
    likeness,
    pesq_after_alignment,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.attacks import Attack, Audio

__all__ = ["choose_sources", "describe", "main", "make_tasks", "measure", "plot", "summarise"]

BENCHMARK = Benchmark("robustness", "What is found and read after each attack, by duration?")
LENGTHS_S = (2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
_QUICK_LENGTHS_S = (5.0, 10.0)
_THOROUGH_LENGTHS_S = (5.0, 10.0, 20.0)
_MARGIN_S = 0.05
_N_WORTH = 3
_N_SLOW = 8
_WORTH_S = 8.0
# What is cut, PESQ cannot compare.
_CUT = ("crop_front_3.3s", "cut_middle_1s", "shuffled_cuts", "silence_removed")
RAW = RESULTS_DIR / "raw" / "robustness.jsonl.gz"
_RAW_QUICK = RAW.with_name("robustness_quick.jsonl.gz")


@dataclass(frozen=True, slots=True)
class _Task:
    """One attack on the speech of one person."""

    source: Source
    attack: str
    marked: bool
    lengths_s: tuple[float, ...]
    most_s: float
    judged: bool
    seed: int
    strength_db: float


@dataclass(frozen=True, slots=True)
class _Trial:
    """One window, heard once."""

    attack: str
    source: str
    marked: bool
    seconds: float
    found: bool
    log10_p: float
    read: str  # right, wrong or nothing


def _run(task: _Task) -> list[dict[str, Any]]:
    """Return a line for each window, and one for the judges; or one that says what was missing."""
    name = task.source.name
    rng = rng_for(task.seed, name, task.attack, task.marked)
    attack = ATTACKS[task.attack]
    y, sr = load_source(task.source)
    y, sr = prepare(y[..., : round(task.most_s * sr)], sr, attack, rng)
    marked, notice, _ = mark(y, sr, rng, strength_db=task.strength_db)
    sent = random_crop(marked if task.marked else y, sr, rng)[0]
    try:
        heard, heard_sr = attack(sent, sr, rng)
    except (ImportError, FileNotFoundError) as err:
        return [{"attack": task.attack, "missing": str(err)}]
    lines = [
        asdict(_Trial(task.attack, name, task.marked, seconds, found.found, found.log10_p, read))
        for seconds, found, read in _listen(heard, heard_sr, attack, task.lengths_s, notice, rng)
    ]
    if task.judged:
        worth = _judge(sent, sr, heard, heard_sr, attack)
        lines.append({"attack": task.attack, "source": name, "worth": worth})
    return lines


def _listen(
    heard: Audio,
    sr: int,
    attack: Attack,
    lengths_s: Sequence[float],
    notice: sv.Notice,
    rng: np.random.Generator,
) -> Iterator[tuple[float, sv.Detection, str]]:
    """Cut into windows of each length, and detect."""
    for seconds in lengths_s:
        step = seconds + _MARGIN_S
        for i in range(int(heard.shape[-1] / sr / step)):
            window, _ = random_crop(cut(heard, sr, i * step, step), sr, rng)
            window = np.ascontiguousarray(window[..., : round(seconds * sr)])
            found = sv.detect(window, sr=sr, thorough=attack.stretches)
            notices = [voice.notice for voice in found.voices if voice.notice is not None]
            wrong = any(read != notice for read in notices)
            yield seconds, found, "wrong" if wrong else "right" if notices else "nothing"


def _judge(sent: Audio, sr: int, heard: Audio, heard_sr: int, attack: Attack) -> dict[str, float]:
    sent, heard = cut(sent, sr, 0, _WORTH_S), cut(heard, heard_sr, 0, _WORTH_S)
    if attack.group in ("resynthesis", "time_pitch"):
        return {
            "likeness": round(likeness(sent, sr, heard, heard_sr), 3),
            "dnsmos_drop": round(dnsmos_drop(sent, sr, heard, heard_sr), 3),
        }
    return {"pesq": round(pesq_after_alignment(sent, sr, heard, heard_sr), 3)}


def choose_sources(n_persons: int | None) -> list[Source]:
    """Return the speech of each person of the report half, those with the most first."""
    sources = sorted(join_by_person(load_clips("report")), key=lambda source: -source.seconds)
    return [s for s in sources if s.seconds >= _QUICK_LENGTHS_S[0] + 1][:n_persons]


def make_tasks(
    sources: Sequence[Source], names: Sequence[str], *, quick: bool, seed: int, strength_db: float
) -> list[_Task]:
    """Return one task for each attack and person, and those of the control."""
    most_s = 10.5 if quick else 41.0
    tasks = []
    for name in names:
        attack = ATTACKS[name]
        lengths = _QUICK_LENGTHS_S if quick else LENGTHS_S
        if attack.stretches:
            lengths = tuple(s for s in lengths if s in _THOROUGH_LENGTHS_S)
        own = sources[:_N_SLOW] if attack.slow or attack.stretches else sources
        for i, source in enumerate(own):
            task = _Task(
                source=source,
                attack=name,
                marked=True,
                lengths_s=lengths,
                most_s=most_s + attack.loses_s,
                judged=i < (1 if quick else _N_WORTH),
                seed=seed,
                strength_db=strength_db,
            )
            tasks.append(task)
    for name in ("none", "noise_white_10", "mp3_32", "opus_8", "rnnoise", "speed_+5"):
        # The control: the same without a mark must give nothing.
        own = sources[:_N_SLOW] if ATTACKS[name].stretches else sources
        tasks += [
            _Task(
                source=source,
                attack=name,
                marked=False,
                lengths_s=_QUICK_LENGTHS_S,
                most_s=most_s,
                judged=False,
                seed=seed,
                strength_db=strength_db,
            )
            for source in own
        ]
    return tasks


def _row(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row of the results."""
    first = trials[0]
    attack = ATTACKS[first["attack"]]
    n, n_found = len(trials), sum(trial["found"] for trial in trials)
    low, high = wilson(n_found, n)
    log10_p = [trial["log10_p"] for trial in trials]
    return {
        "attack": attack.name,
        "group": attack.group,
        "strength": attack.strength,
        "marked": first["marked"],
        "seconds": first["seconds"],
        "n": n,
        "n_persons": len({trial["source"] for trial in trials}),
        "n_found": n_found,
        "found": round(n_found / n, 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "median_log10_p": round(float(np.median(log10_p)), 2),
        "p90_log10_p": round(float(np.percentile(log10_p, 90)), 2),
        "found_at_1e-3": round(float(np.mean(np.array(log10_p) <= -3)), 5),
        "read": round(sum(trial["read"] == "right" for trial in trials) / n, 5),
        "n_wrong": sum(trial["read"] == "wrong" for trial in trials),
    }


def summarise(lines: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Turn raw lines into rows, and into what was found about each attack."""
    cases: dict[tuple[str, bool, float], list[dict[str, Any]]] = {}
    worth: dict[str, list[dict[str, float]]] = {}
    missing: dict[str, str] = {}
    for line in lines:
        if "missing" in line:
            missing[line["attack"]] = line["missing"]
        elif "worth" in line:
            worth.setdefault(line["attack"], []).append(line["worth"])
        else:
            key = (line["attack"], line["marked"], line["seconds"])
            cases.setdefault(key, []).append(line)
    order = {name: i for i, name in enumerate(ATTACKS)}
    keys = sorted(cases, key=lambda key: (not key[1], order[key[0]], key[2]))
    medians = {}
    for name, verdicts in worth.items():
        if name in _CUT:
            continue
        middle = {k: round(float(np.nanmedian([v[k] for v in verdicts])), 3) for k in verdicts[0]}
        medians[name] = {**middle, "in_budget": in_budget(middle)}
    return [_row(cases[key]) for key in keys], {"worth": medians, "missing": missing}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--quick", action="store_true", help="10 speakers, 5 and 10 s: minutes")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--attacks", nargs="+", choices=tuple(ATTACKS), metavar="NAME")
    parser.add_argument(
        "--persons", type=int, help="maximum number of speakers (default: all; quick: 10)"
    )
    parser.add_argument("--strength", choices=tuple(sv.STRENGTHS_DB), default="standard")
    parser.add_argument("--fresh", action="store_true", help="forget the raw results of before")
    parser.add_argument("--raw", type=Path, help="file of raw results, by default of the form")
    options = parser.parse_args(arguments)
    sources = choose_sources(options.persons or (10 if options.quick else None))
    names = options.attacks or [n for n, a in ATTACKS.items() if a.group in options.groups]
    if options.quick:
        names = [name for name in names if not ATTACKS[name].slow]
    tasks = make_tasks(
        sources,
        names,
        quick=options.quick,
        seed=options.seed,
        strength_db=sv.STRENGTHS_DB[options.strength],
    )
    form = "quick" if options.quick else "full"
    settings = {"strength": options.strength, "max_fpr": 1e-6, "form": form}
    raw = options.raw or (_RAW_QUICK if options.quick else RAW)
    lines = measure(
        tasks, raw, {**settings, "seed": options.seed}, jobs=options.jobs, fresh=options.fresh
    )
    rows, about = summarise(lines)
    used = [clip for source in sources for clip in source.clips]
    results = BENCHMARK.write(options, rows, clips=used, settings=settings, **about)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def measure(
    tasks: Sequence[_Task], raw: Path, settings: dict[str, Any], *, jobs: int, fresh: bool
) -> list[dict[str, Any]]:
    """Run what is not in the raw file yet, attack by attack, and keep it there.

    An attack that was measured on fewer speakers than are requested now is measured again.
    """
    raw.parent.mkdir(parents=True, exist_ok=True)
    head, kept = _read_raw(raw) if raw.is_file() and not fresh else (settings, [])
    if head != settings:
        sys.exit(f"{raw} holds results of {head}: say --fresh to forget them, or another --raw")
    wanted = _persons_of_cases((task.attack, task.marked, task.source.name) for task in tasks)
    have = _persons_of_cases(
        (line["attack"], line.get("marked", True), line.get("source")) for line in kept
    )
    # Where something is missing on this machine, it is missing for everybody: source is None.
    cases = [c for c, names in wanted.items() if not {None} & have[c] and not names <= have[c]]
    kept = [line for line in kept if (line["attack"], line.get("marked", True)) not in cases]
    _write_raw(raw, settings, kept)
    todo = [task for task in tasks if (task.attack, task.marked) in cases]
    step = 8
    for begin in range(0, len(cases), step):
        batch = set(cases[begin : begin + step])
        own = [task for task in todo if (task.attack, task.marked) in batch]
        label = f"attacks {begin + 1} to {min(begin + step, len(cases))} of {len(cases)}"
        new = [line for part in run_tasks(_run, own, jobs=jobs, label=label) for line in part]
        kept += new
        _write_raw(raw, settings, kept)
    return kept


def _persons_of_cases(
    cases: Iterable[tuple[str, bool, str | None]],
) -> defaultdict[tuple[str, bool], set[str | None]]:
    """Return the names by attack and by whether the speech is marked."""
    persons: defaultdict[tuple[str, bool], set[str | None]] = defaultdict(set)
    for attack, marked, name in cases:
        persons[attack, marked].add(name)
    return persons


def _read_raw(raw: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the settings, which stand in the first line, and the lines of the trials."""
    with gzip.open(raw, "rt", encoding="utf-8") as file:
        head, *lines = map(json.loads, file)
    return head, lines


def _write_raw(raw: Path, settings: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
    """Replace the raw file; one that is broken off in the middle leaves the old one."""
    part = raw.with_suffix(".part")
    with gzip.open(part, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in (settings, *lines))
    part.replace(raw)


def _cell(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{100 * row['found']:.0f} ({100 * row['low']:.0f})"


def _by_attack(results: dict[str, Any]) -> dict[str, dict[float, dict[str, Any]]]:
    table: dict[str, dict[float, dict[str, Any]]] = {}
    for row in results["rows"]:
        if row["marked"]:
            table.setdefault(row["attack"], {})[row["seconds"]] = row
    return table


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    parts = [
        "Found at p ≤ 1e-6 in windows of the given number of seconds, in %, with the lower end of"
        " the 95 % interval in brackets; then the share at p ≤ 1e-3 in 5 s, as the literature"
        " counts; the median of log10 p in 10 s; the payload read in 20 s; and what is left:"
        " PESQ, or likeness of the speaker and the loss of DNSMOS. An attack that leaves less"
        " than PESQ 2.5, or likeness 0.80 and a loss of 0.5, is in *italics*: as an attack it"
        " costs too much, as bad luck (noise, rooms) it is common enough.",
    ]
    table = _by_attack(results)
    lengths = sorted({row["seconds"] for row in results["rows"]})
    head = ["attack", "what", *(f"{s:g} s" for s in lengths), "1e-3", "log10 p", "read", "left"]
    for group in GROUPS:
        own = {n: rows for n, rows in table.items() if next(iter(rows.values()))["group"] == group}
        if own:
            parts.append(f"**{group.replace('_', ' and ').capitalize()}**")
            parts.append(markdown_table(head, [_line(results, n, own[n], lengths) for n in own]))
    control = [row for row in results["rows"] if not row["marked"]]
    n, n_found = sum(row["n"] for row in control), sum(row["n_found"] for row in control)
    n_wrong = sum(row["n_wrong"] for row in results["rows"])
    parts.append(
        f"Control: of {n} windows without a mark, attacked alike, {n_found} were found."
        f" Wrong payloads shown: {n_wrong} of {sum(row['n'] for row in results['rows'])} windows."
    )
    if results["missing"]:
        missing = ", ".join(f"`{name}` ({why})" for name, why in results["missing"].items())
        parts.append(f"Not run: {missing}.")
    return "\n\n".join(parts)


def _line(
    results: dict[str, Any],
    name: str,
    rows: dict[float, dict[str, Any]],
    lengths: Sequence[float],
) -> list[str]:
    worth = results["worth"].get(name, {})
    left = (
        f"{worth['pesq']:.2f}"
        if "pesq" in worth
        else f"{worth['likeness']:.2f} / {worth['dnsmos_drop']:+.2f}"
        if worth
        else ""
    )
    shown = f"`{name}`" if worth.get("in_budget", True) else f"*`{name}`*"
    return [
        shown,
        next(iter(rows.values()))["strength"],
        *(_cell(rows.get(seconds)) for seconds in lengths),
        f"{100 * rows[5.0]['found_at_1e-3']:.0f}" if 5.0 in rows else "",
        f"{rows[10.0]['median_log10_p']:.1f}" if 10.0 in rows else "",
        f"{100 * rows[20.0]['read']:.0f}" if 20.0 in rows else "",
        left,
    ]


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw a map of the share found: attacks down, durations across."""
    from benchmarks.harness.plots import save, subplots

    table = _by_attack(results)
    lengths = sorted({row["seconds"] for row in results["rows"]})
    share = np.full((len(table), len(lengths)), np.nan)
    for i, rows in enumerate(table.values()):
        for j, seconds in enumerate(lengths):
            if seconds in rows:
                share[i, j] = 100 * rows[seconds]["found"]
    figure, axes = subplots(width=6, height=1 + 0.16 * len(table))
    image = axes.imshow(share, aspect="auto", cmap="RdYlGn", vmin=0, vmax=100)
    axes.set_xticks(range(len(lengths)), [f"{s:g} s" for s in lengths])
    axes.set_yticks(range(len(table)), list(table), fontsize=6)
    for i, j in np.argwhere(np.isfinite(share)):
        axes.text(j, i, f"{share[i, j]:.0f}", ha="center", va="center", fontsize=5)
    figure.colorbar(image, label="found at p ≤ 1e-6, %", shrink=0.4)
    save(figure, path)


if __name__ == "__main__":
    main()
