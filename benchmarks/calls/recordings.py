"""Recordings: whole meetings as a host keeps them, and what `sottovoce check` says of them.

Four people take turns for two hours; three have the microphone.  Each voice goes out as the
microphone marks it, mutes included, and then through a network of its own: a clock that is up to
60 ppm off, a jitter buffer that drops or doubles 20 ms every 20 s on average, a lost connection
every 20 minutes that comes back with another delay, Opus at 24 kb/s.  The host's mixture is kept as
WebM or MP4, and the command reads that file.

A time that is reported is right where that person speaks, to 3 s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks.codecs import opus
from benchmarks.attacks.noise import active_rms
from benchmarks.attacks.timing import resample
from benchmarks.attacks.warping import jitter_buffer
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, choose_clips, markdown_table, rng_for, run_tasks
from benchmarks.harness.trials import Source, join_by_person, load_source, random_notice
from sottovoce.rights import format_owner_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("recordings", "What does a check of a whole meeting's recording say?")
_SR = 16_000
_TOLERANCE_S = 3.0
_JITTER_EVERY_S = 20.0
_LOST_EVERY_S = 1200.0
_MOST_PPM = 60.0
_CONTAINERS = {"webm": ("webm", "libopus", 48_000, 48_000), "mp4": ("mp4", "aac", 48_000, 96_000)}
_GRID_S = 0.1


@dataclass(frozen=True, slots=True)
class _Task:
    """One meeting, drawn by its number."""

    sources: tuple[Source, ...]
    seconds: float
    container: str
    number: int
    seed: int


def _take_turns(
    n: int, seconds: float, rng: np.random.Generator
) -> list[list[tuple[float, float]]]:
    """Return from when to when each person speaks; now and then two speak at once."""
    turns: list[list[tuple[float, float]]] = [[] for _ in range(n)]
    now_s = 0.0
    while now_s < seconds:
        length_s = float(np.clip(rng.lognormal(2.3, 0.8), 2.0, 60.0))
        turns[int(rng.integers(n))].append((now_s, min(now_s + length_s, seconds)))
        now_s += length_s + float(rng.uniform(-1.5, 1.0))
    return [sorted(own) for own in turns]


def _speak(source: Source, turns: Sequence[tuple[float, float]], seconds: float) -> Audio:
    """Return a person's microphone: the recording again and again, and silence between turns."""
    own, own_sr = load_source(source)
    speech = resample(librosa.to_mono(own), own_sr, _SR)
    speech = speech * np.float32(0.05 / active_rms(speech, _SR))
    y = np.zeros(round(seconds * _SR), dtype=np.float32)
    position = 0
    for begin_s, end_s in turns:
        begin, end = round(begin_s * _SR), min(round(end_s * _SR), len(y))
        places = (position + np.arange(end - begin)) % len(speech)
        # Not faded: the microphone is open or muted.
        y[begin:end] = speech[places]
        position += end - begin
    return y


def _send(y: Audio, rng: np.random.Generator) -> Audio:
    """Return what the host gets of a voice."""
    n = len(y)
    y = resample(y, _SR, _SR * (1 + 1e-6 * rng.uniform(-_MOST_PPM, _MOST_PPM)))
    y, _ = jitter_buffer(_JITTER_EVERY_S)(y, _SR, rng)
    parts, begin = [], 0
    while begin < len(y):
        end = begin + round(rng.exponential(_LOST_EVERY_S) * _SR)
        parts.append(y[begin:end])
        # Silence while the connection is lost, and another delay after it.
        lost = round(rng.uniform(0.5, 8.0) * _SR)
        parts.append(np.zeros(lost, dtype=np.float32))
        begin = end + lost + round(rng.uniform(-0.3, 0.3) * _SR)
    y, sr = opus(24)(np.concatenate(parts)[:n], _SR, rng)
    y = resample(y, sr, _SR)
    return np.pad(y, (0, max(n - len(y), 0)))[:n]


def _write(path: Path, y: Audio, container: str) -> None:
    """Keep a mixture as a host's program does."""
    form, codec, sr, bit_rate = _CONTAINERS[container]
    pcm = resample(y, _SR, sr)
    with av.open(str(path), "w", format=form) as file:
        stream = file.add_stream(codec, rate=sr, layout="mono")
        stream.bit_rate = bit_rate
        for begin in range(0, len(pcm), sr):
            block = np.ascontiguousarray(pcm[None, begin : begin + sr])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = sr, begin
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


_MEASURE = """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""A child counts the memory of its parent too, so that has to be a small process."""


def _check(path: Path) -> tuple[dict[str, Any], float, float]:
    """Return what the command says, its time in seconds and its memory in MB."""
    program = Path(sys.executable).with_name("sottovoce")
    began_s = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - the installed program itself
        [sys.executable, "-c", _MEASURE, program, "check", "--json", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    spent_s = time.perf_counter() - began_s
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout), spent_s, int(done.stderr.split()[-1]) / 1024


def _paint(spans: Sequence[Sequence[float]], seconds: float, *, wider_s: float = 0.0) -> Audio:
    """Return where spans are, on a grid of 0.1 s."""
    grid = np.zeros(round(seconds / _GRID_S), dtype=bool)
    for begin_s, end_s in spans:
        begin, end = begin_s - wider_s, end_s + wider_s
        grid[max(round(begin / _GRID_S), 0) : max(round(end / _GRID_S), 0)] = True
    return grid


def _run(task: _Task) -> list[dict[str, Any]]:
    """Hold a meeting, keep it, check it; one row for each marked voice."""
    rng = rng_for(task.seed, task.container, task.number)
    people = rng.choice(len(task.sources), 4, replace=False)
    turns = _take_turns(len(people), task.seconds, rng)
    mix = np.zeros(round(task.seconds * _SR), dtype=np.float32)
    notices: list[sv.Notice | None] = []
    for number, person in enumerate(people):
        y = _speak(task.sources[person], turns[number], task.seconds)
        notice = random_notice(rng) if number else None
        if notice is not None:
            phase_s = float(rng.uniform(0, 10.24))
            strong = sv.STRENGTHS_DB["strong"]
            y = sv.protect(y, sr=_SR, notice=notice, strength_db=strong, phase_s=phase_s)
        mix += _send(y, rng) * np.float32(10 ** (rng.uniform(-3, 3) / 20))
        notices.append(notice)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"meeting.{task.container}"
        _write(path, mix, task.container)
        said, spent_s, peak_mb = _check(path)
    read = {v["payload"]["owner"]: v for v in said["voices"] if v["payload"]}
    owners = {format_owner_id(notice.owner_id) for notice in notices if notice}
    shared = {
        "meeting": f"{task.container} {task.number + 1}",
        "n_voices": len(said["voices"]),
        "n_unread": sum(v["payload"] is None for v in said["voices"]),
        "n_wrong": len(read.keys() - owners),
        "times_real_time": round(task.seconds / spent_s),
        "peak_mb": round(peak_mb),
    }
    rows = []
    for notice, own in zip(notices, turns, strict=True):
        if notice is None:
            continue
        voice = read.get(format_owner_id(notice.owner_id))
        shown = _paint(voice["segments_s"] if voice else [], task.seconds)
        spoken = _paint(own, task.seconds)
        near = _paint(own, task.seconds, wider_s=_TOLERANCE_S)
        rows.append(
            {
                **shared,
                "spoken_s": round(float(spoken.sum()) * _GRID_S),
                "read": voice is not None,
                "covered": round(float((shown & spoken).sum() / spoken.sum()), 4),
                "right": round(float((shown & near).sum() / max(shown.sum(), 1)), 4),
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--meetings", type=int, default=2, help="of each container (default: 2)")
    parser.add_argument("--seconds", type=float, default=7200.0, help="of each (default: 7200)")
    options = parser.parse_args(arguments)
    clips = choose_clips(load_clips("report"), options.clips)
    sources = tuple(source for source in join_by_person(clips) if source.seconds >= 15)
    tasks = [
        _Task(sources, options.seconds, container, number, options.seed)
        for number in range(options.meetings)
        for container in _CONTAINERS
    ]
    groups = run_tasks(_run, tasks, jobs=options.jobs, label="recordings")
    rows = [row for group in groups for row in group]
    settings = {"strength": "strong", "seconds": options.seconds, "people": 4, "marked": 3}
    results = BENCHMARK.write(options, rows, clips=clips, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    rows = results["rows"]
    head = ["meeting", "speaks, s", "owner read", "of that time reported, %"]
    head += ["of the reported time right, %", "voices", "unread", "wrong"]
    table = markdown_table(
        head,
        [
            (
                row["meeting"],
                row["spoken_s"],
                "yes" if row["read"] else "no",
                f"{100 * row['covered']:.0f}",
                f"{100 * row['right']:.0f}",
                row["n_voices"],
                row["n_unread"],
                row["n_wrong"],
            )
            for row in rows
        ],
    )
    speed = min(row["times_real_time"] for row in rows)
    peak = max(row["peak_mb"] for row in rows)
    hours = results["settings"]["seconds"] / 3600
    return (
        f"Meetings of {hours:g} h, four people of whom three are marked (*strong*).\n\n{table}\n\n"
        f"The command takes at most {peak} MB, and is at least {speed} times as fast as the"
        " meeting, decoding included."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw, for each voice, how much of its time is reported and how much of that is right."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3.5)
    rows = results["rows"]
    places = np.arange(len(rows))
    axes.bar(
        places - 0.2, [100 * row["covered"] for row in rows], 0.4, label="of its time reported"
    )
    axes.bar(places + 0.2, [100 * row["right"] for row in rows], 0.4, label="of that right")
    axes.set_xticks(places, [row["meeting"] for row in rows], rotation=30)
    axes.set_ylabel("%")
    axes.set_ylim(0, 103)
    axes.legend(loc="lower right")
    save(figure, path)


if __name__ == "__main__":
    main()
