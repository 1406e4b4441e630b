"""Live: what the virtual microphone adds in delay, and whether it keeps up.

Speech goes to the hardware microphone of an audio server of our own and through `sottovoce mic`,
at three sizes of block, on a machine with nothing else to do and on one whose every core is kept
busy.  One recorder hears both ends as two channels, so that each tenth of a second tells the delay
to the sample, and whether the sound came through whole.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf
from scipy import signal

from benchmarks._harness import Benchmark, markdown_table, shipped_clip
from benchmarks.attacks.timing import resample
from benchmarks.rig.mic import MicProgram
from benchmarks.rig.server import AudioServer, find_process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("live", "What does the virtual microphone add in delay, and does it keep up?")
BLOCKS = (128, 256, 512)
_SR = 48_000
_WINDOW_S = 0.1
_SEARCH_S = 0.1
_WHOLE = 0.95
_LOUD = 1e-3


def _make_clip(path: Path, seconds: float) -> None:
    """Write the shipped clip, over and over."""
    y, sr = shipped_clip()
    y = resample(y, sr, _SR)
    sf.write(path, np.resize(y, round(seconds * _SR)), _SR)


def _delays(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> list[float | None]:
    """Return the delay of each loud window in seconds, or None where the sound is broken."""
    n, most = round(_WINDOW_S * _SR), round(_SEARCH_S * _SR)
    delays: list[float | None] = []
    for start in range(0, len(before) - n - most, n):
        said, heard = before[start : start + n], after[start : start + n + most]
        if np.sqrt(np.mean(said**2)) < _LOUD:
            continue
        lags = signal.correlate(heard, said, mode="valid", method="fft")
        best = int(np.argmax(lags))
        size = np.linalg.norm(said) * np.linalg.norm(heard[best : best + n])
        delays.append(best / _SR if lags[best] > _WHOLE * size else None)
    return delays


def _rss_mb(process: int) -> float:
    with open(f"/proc/{process}/status") as file:  # noqa: PTH123 - no path of the disk
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def _measure(server: AudioServer, block: int, seconds: float, *, loaded: bool) -> dict[str, Any]:
    clip, both = server.folder / "said.wav", server.folder / "both.wav"
    _make_clip(clip, seconds + 2)
    mic = MicProgram(server, "--owner", "anonymous", "--block", str(block))
    hogs = [
        server.spawn(sys.executable, "-c", "while True: pass")
        for _ in range(loaded * (os.cpu_count() or 1))
    ]
    try:
        mic.wait_for(sign="marking")
        ruler = server.spawn(
            *("timeout", "-s", "INT", str(seconds + 1), "pw-record", "--target", "0"),
            *("-P", "{ node.name=ruler }", "--rate", str(_SR), "--channels", "2"),
            *("--format", "f32", str(both)),
        )
        server.wait(lambda: "ruler:input_FR" in server.run("pw-link", "-i"), "the ruler")
        server.run("pw-link", "hw_mic:capture_MONO", "ruler:input_FL")
        server.run("pw-link", "sottovoce:capture_MONO", "ruler:input_FR")
        play = server.play(clip)
        engine = find_process(server, "sottovoce.live.engine")
        time.sleep(2)
        begin_mb = _rss_mb(engine)
        ruler.wait()
        end_mb = _rss_mb(engine)
        play.kill()
        # The states come about every ten seconds.
        state = mic.states()[-1]
    finally:
        for hog in hogs:
            hog.kill()
        mic.end()
        server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    y, _ = sf.read(both, dtype="float32")
    delays = _delays(*y.T)
    whole = [1e3 * delay for delay in delays if delay is not None]
    return {
        "block": block,
        "asked": block,
        "given": state["block"],
        "loaded": loaded,
        "seconds": seconds,
        "n_windows": len(delays),
        "n_broken": len(delays) - len(whole),
        "delay_ms": round(float(np.median(whole)), 2),
        "longest_ms": round(max(whole), 2),
        "shortest_ms": round(min(whole), 2),
        "blocks": state["blocks"],
        "missed": state["missed"],
        "unmarked": state["unmarked"],
        "busy": state["busy"],
        "begin_mb": round(begin_mb, 1),
        "end_mb": round(end_mb, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=600.0, help="of each row (default: 600)")
    options = parser.parse_args(arguments)
    rows = []
    for loaded in (False, True):
        for block in BLOCKS:
            server = AudioServer()
            try:
                server.start()
                rows.append(_measure(server, block, options.seconds, loaded=loaded))
            finally:
                server.close()
            sys.stderr.write(f"live: {rows[-1]}\n")
    results = BENCHMARK.write(options, rows, settings={"real_time_priority": _can_be_real_time()})
    print(describe(results))


def _can_be_real_time() -> bool:
    """Whether this user may ask for the priority that sound has on a desktop."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["block", "machine", "delay, ms (shortest to longest)", "broken windows"]
    head += ["missed blocks", "share of a core, %", "memory, MB (begin, end)"]
    table = [
        [
            str(row["given"]),
            "every core busy" if row["loaded"] else "idle",
            f"{row['delay_ms']:.2f} ({row['shortest_ms']:.2f} to {row['longest_ms']:.2f})",
            f"{row['n_broken']} of {row['n_windows']}",
            f"{row['missed']} of {row['blocks']:,}",
            f"{100 * row['busy']:.1f}",
            f"{row['begin_mb']:.0f}, {row['end_mb']:.0f}",
        ]
        for row in results["rows"]
    ]
    seconds = results["rows"][0]["seconds"]
    priority = "with" if results["settings"]["real_time_priority"] else "without"
    return (
        f"{seconds:.0f} s a row, {priority} real-time priority. A window of 0.1 s is broken if it"
        " correlates by less than 0.95 with what was said, whatever the delay. The delay is what"
        " marking adds; a device's own comes on top.\n\n" + markdown_table(head, table)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what a block costs: the share of a core, and the share of sound that is broken."""
    from benchmarks._plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    for loaded, label in ((False, "idle"), (True, "every core busy")):
        rows = [row for row in results["rows"] if row["loaded"] == loaded]
        blocks = [str(row["asked"]) for row in rows]
        axes.plot(blocks, [100 * row["busy"] for row in rows], "o-", label=f"core, {label}")
        broken = [100 * row["n_broken"] / max(row["n_windows"], 1) for row in rows]
        axes.plot(blocks, broken, "s:", label=f"broken windows, {label}")
    axes.set_xlabel("samples in a block")
    axes.set_ylabel("%")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
