"""Speed of detecting and embedding, in units of work that cannot be avoided.

The units are (a) the bare float32 FFT of the same frames, already cut and windowed, and (b)
decoding the same audio from FLAC.  Everything runs in one process on one thread, one after the
other in each round, and a figure is the ratio within a round, so that a busy machine slows both
sides.  Long audio is one array; 3 s clips one by one and as a batch.
"""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import (
    RESULTS_DIR,
    Benchmark,
    load_results,
    markdown_table,
    quartiles,
    run_on_one_thread,
    shipped_clip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "bare_fft", "describe", "main", "plot"]

BENCHMARK = Benchmark("speed", "How fast are detect and protect, beside a bare FFT and FLAC?")
RATES_HZ = (16_000, 48_000)
_BATCH_FRAMES = 256
_CLIP_S = 3
# A guard that trips on a busy machine would soon be ignored.
_SMOKE_FACTOR = 2.0


def _speech(sr: int, seconds: float) -> Audio:
    """Return the shipped reading at a rate, repeated to a length; content hardly matters here."""
    import soxr  # type: ignore[import-untyped]  # no types in its releases

    y, own_sr = shipped_clip()
    y = soxr.resample(y, own_sr, sr)
    return np.resize(y, round(seconds * sr)).astype(np.float32)


def bare_fft(y: Audio, sr: int, window_s: float) -> Callable[[], object]:
    """Return the transform of every frame of `window_s` at a hop of 8 ms, cut beforehand."""
    n_window, hop = round(window_s * sr), round(0.008 * sr)
    window = np.hanning(n_window + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, n_window)[::hop] * window
    frames = np.ascontiguousarray(frames)

    def transform() -> None:
        # In batches that stay in the cache: the fairest, since fastest, way to do it.
        for begin in range(0, len(frames), _BATCH_FRAMES):
            scipy.fft.rfft(frames[begin : begin + _BATCH_FRAMES], axis=-1)

    return transform


def _flac(y: Audio, sr: int) -> Callable[[], object]:
    """Return the decoding of the same audio from 16-bit FLAC in memory to float32."""
    file = io.BytesIO()
    sf.write(file, y, sr, format="FLAC", subtype="PCM_16")

    def decode() -> None:
        file.seek(0)
        sf.read(file, dtype="float32")

    return decode


def _contestants(sr: int, seconds: float) -> dict[str, Callable[[], object]]:
    """Return what is timed, each ready to run on the same audio."""
    y = _speech(sr, seconds)
    marked = sv.protect(y, sr=sr, phase_s=0.0)
    clips = y[: len(y) // (_CLIP_S * sr) * _CLIP_S * sr].reshape(-1, _CLIP_S * sr)

    def one_by_one() -> None:
        for clip in clips:
            sv.detect(clip, sr=sr)

    contestants: dict[str, Callable[[], object]] = {
        "fft_24ms": bare_fft(y, sr, 0.024),
        "fft_16ms": bare_fft(y, sr, 0.016),
        "flac": _flac(y, sr),
        "detect": lambda: sv.detect(y, sr=sr),
        "detect_marked": lambda: sv.detect(marked, sr=sr),
        "detect_clips": one_by_one,
        "detect_batch": lambda: sv.detect_batch(clips, sr=sr),
        "protect": lambda: sv.protect(y, sr=sr, phase_s=0.0),
    }
    if sr == RATES_HZ[0]:
        contestants["detect_thorough"] = lambda: sv.detect(y, sr=sr, thorough=True)
    return contestants


def _time(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return seconds of every contestant in every round, interleaved, after one for warming up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _rows(sr: int, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Measure at one rate."""
    taken = _time(_contestants(sr, seconds), rounds)
    rows = []
    for name, own in taken.items():
        fft = taken["fft_16ms" if name == "protect" else "fft_24ms"]
        rows.append(
            {
                "what": name,
                "sr": sr,
                "times_real_time": [round(v, 1) for v in quartiles(seconds / t for t in own)],
                "to_fft": _ratio(own, fft),
                "to_flac": _ratio(own, taken["flac"]),
            }
        )
    return rows


def _ratio(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """Return the quartiles of the ratio of two times in the same round."""
    return [round(v, 3) for v in quartiles(x / y for x, y in zip(a, b, strict=True))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results, or compare with those that were written."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=60.0, help="of audio (default: 60)")
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    parser.add_argument("--smoke", action="store_true", help="only compare with the results")
    options = parser.parse_args(arguments)
    if options.smoke:
        sys.exit(_smoke())
    rows = [row for sr in RATES_HZ for row in _rows(sr, options.seconds, options.rounds)]
    settings = {"seconds": options.seconds, "rounds": options.rounds, "threads": 1}
    results = BENCHMARK.write(options, rows, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _smoke() -> int:
    """Fail where something has become twice as slow, measured in bare FFTs."""
    path = RESULTS_DIR / "speed.json"
    if not path.is_file():
        sys.stderr.write(
            f"speed: no {path.name} to compare with; run python -m benchmarks.cost.speed\n"
        )
        return 1
    before = {(row["what"], row["sr"]): row["to_fft"][1] for row in load_results(path)["rows"]}
    slow = 0
    for row in _rows(16_000, 20.0, 5):
        least = row["to_fft"][0]
        allowed = _SMOKE_FACTOR * before.get((row["what"], row["sr"]), float("inf"))
        # Decoding and bare transforms are the yardsticks, not the work.
        if row["what"] in ("flac", "fft_16ms", "fft_24ms"):
            continue
        verdict = "ok" if least <= allowed else "TOO SLOW"
        slow += least > allowed
        print(f"{row['what']}: {least:.2f} bare FFTs, at most {allowed:.2f} allowed: {verdict}")
    return int(slow > 0)


_NAMES = {
    "fft_24ms": "bare FFT, 24 ms frames",
    "fft_16ms": "bare FFT, 16 ms frames",
    "flac": "decode from FLAC",
    "detect": "`detect`, unmarked, one array",
    "detect_marked": "`detect`, marked, with payload",
    "detect_clips": "`detect`, unmarked, 3 s clips",
    "detect_batch": "`detect_batch`, unmarked, 3 s clips",
    "protect": "`protect`",
    "detect_thorough": "`detect(thorough=True)`, unmarked",
}


def _three(values: Sequence[float], digits: int) -> str:
    """Return a median and its quartiles."""
    low, middle, high = values
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown: median (quartiles)."""
    return markdown_table(
        ["work", "rate", "times real time", "in bare FFTs", "in FLAC decodings"],
        [
            (
                _NAMES[row["what"]],
                f"{row['sr'] / 1000:g} kHz",
                _three(row["times_real_time"], 0),
                _three(row["to_fft"], 2),
                _three(row["to_flac"], 2),
            )
            for row in results["rows"]
        ],
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw times real time on a logarithmic axis."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    names = [f"{_NAMES[row['what']].replace('`', '')}, {row['sr'] / 1000:g} kHz" for row in rows]
    figure, axes = subplots(height=0.8 + 0.22 * len(rows))
    for i, row in enumerate(rows):
        low, middle, high = row["times_real_time"]
        axes.barh(i, middle, color="tab:blue" if "detect" in row["what"] else "tab:gray")
        axes.plot([low, high], [i, i], color="black", lw=1)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("times real time, one thread")
    axes.grid(axis="x", alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.cost.speed")
    main()
