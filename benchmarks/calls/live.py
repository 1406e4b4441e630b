"""Live: what the virtual microphone adds in delay, and whether it keeps up.

Speech goes to the hardware microphone of an audio server of our own and through `sottovoce mic`,
at three sizes of block on PipeWire and at one on PulseAudio, on a machine with little else to do
and on one whose every core is kept busy.  Both ends are recorded side by side, so that each tenth
of a second shows the delay, on PipeWire to the sample, and whether the sound came through whole.

The sizes of one sound system run at the same time, each on a server of its own: half an hour
instead of an hour, and harder than one alone.  How busy all cores were is shown next to them.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks.attacks.timing import resample
from benchmarks.harness.harness import Benchmark, markdown_table, shipped_clip
from rig.mic import MicProgram
from rig.pulse import PulseServer
from rig.ruler import find_delays
from rig.server import AudioServer, find_process

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("live", "What does the virtual microphone add in delay, and does it keep up?")
BLOCKS = {"pipewire": (128, 256, 512), "pulse": (960,)}
_SERVERS = {"pipewire": AudioServer, "pulse": PulseServer}
_NAMES = {"pipewire": "PipeWire", "pulse": "PulseAudio"}
_SR = 48_000
_WHOLE = 0.99
_STRENGTH_DB = 0.01
"""So that what comes out can be laid over what went in; to mark so softly takes as much work."""


def _make_clip(path: Path, seconds: float) -> None:
    """Write the shipped clip, over and over."""
    y, sr = shipped_clip()
    y = resample(y, sr, _SR)
    sf.write(path, np.resize(y, round(seconds * _SR)), _SR)


def _rss_mb(process: int) -> float:
    with open(f"/proc/{process}/status") as file:  # noqa: PTH123 - no path of the disk
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def _jiffies() -> tuple[int, int]:
    """Return how long all processors together have worked, and how long they have been there."""
    first = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, idle, waiting, *rest = (int(word) for word in first.split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting


def _measure(name: str, block: int, seconds: float, *, loaded: bool) -> dict[str, Any]:
    server = _SERVERS[name]()
    try:
        server.start()
        # One set of hogs for all sizes.
        n_hogs = (os.cpu_count() or 1) if loaded and block == BLOCKS[name][0] else 0
        row = _measure_on(server, block, seconds, n_hogs=n_hogs)
    finally:
        server.close()
    return {"server": name, "loaded": loaded, **row}


def _measure_on(server: AudioServer, block: int, seconds: float, *, n_hogs: int) -> dict[str, Any]:
    clip = server.folder / "said.wav"
    _make_clip(clip, seconds + 5)
    mic = MicProgram(server, "--block", str(block), "--strength", str(_STRENGTH_DB))
    hogs = [server.spawn(sys.executable, "-c", "while True: pass") for _ in range(n_hogs)]
    try:
        mic.wait_for(status="marking")
        play = server.play(clip)
        engine = find_process(server, "engine")
        time.sleep(2)
        begin_mb = _rss_mb(engine)
        both = server.record_both("hw_mic", "sottovoce", seconds=seconds)
        end_mb = _rss_mb(engine)
        play.kill()
        # The states come every ten or twenty seconds.
        state = mic.states()[-1]
    finally:
        for hog in hogs:
            hog.kill()
        mic.end()
        server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    delays = find_delays(both, least=_WHOLE)
    whole = [1e3 * delay for delay in delays if delay is not None]
    return {
        "block": block,
        "asked": block,
        "given": state["block"],
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
    parser.add_argument("--server", choices=BLOCKS, help="only this one (default: both)")
    options = parser.parse_args(arguments)
    names = [options.server] if options.server else list(BLOCKS)
    rows = []
    for name, loaded in itertools.product(names, (False, True)):
        busy, there = _jiffies()
        with ThreadPoolExecutor(len(BLOCKS[name])) as threads:
            measure = functools.partial(_measure, name, seconds=options.seconds, loaded=loaded)
            together = list(threads.map(measure, BLOCKS[name]))
        busy_after, there_after = _jiffies()
        share = (busy_after - busy) / (there_after - there)
        rows += [{**row, "machine_busy": round(share, 3)} for row in together]
        sys.stderr.write(f"live: {together}\n")
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
    head = ["sound system", "block", "seconds", "machine", "delay, ms (shortest to longest)"]
    head += ["broken windows", "missed blocks", "share of a core, %", "memory, MB (begin, end)"]
    table = [
        [
            _NAMES[row["server"]],
            str(row["given"]),
            f"{row['seconds']:.0f}",
            f"{'hogs' if row['loaded'] else 'no hogs'}, {row['machine_busy']:.0%} busy",
            f"{row['delay_ms']:.2f} ({row['shortest_ms']:.2f} to {row['longest_ms']:.2f})",
            f"{row['n_broken']} of {row['n_windows']}",
            f"{row['missed']} of {row['blocks']:,}",
            f"{100 * row['busy']:.1f}",
            f"{row['begin_mb']:.0f}, {row['end_mb']:.0f}",
        ]
        for row in results["rows"]
    ]
    priority = "with" if results["settings"]["real_time_priority"] else "without"
    return (
        f"All sizes of a sound system at the same time, {priority} real-time priority; the column"
        " *machine* also shows how busy all of its cores were. A window of 0.1 s is broken if it"
        f" correlates by less than {_WHOLE} with what was said, whatever the delay; for that, the"
        f" mark is written at {_STRENGTH_DB} dB, which is as much work as at any other strength."
        " The delay is what marking adds; a device's own comes on top.\n\n"
        + markdown_table(head, table)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what a block costs on PipeWire: the share of a core, and of sound that is broken."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    for loaded, label in ((False, "no hogs"), (True, "hogs")):
        rows = [
            row
            for row in results["rows"]
            if row["loaded"] == loaded and row["server"] == "pipewire"
        ]
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
