"""Power: what the microphone takes of a processor while somebody speaks, is silent or is away.

All processes of `sottovoce mic` are counted, and the programs of the sound system that it starts,
those that have ended already too.  The servers themselves are not.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.calls.mute import SERVERS, write_clip
from benchmarks.harness.harness import Benchmark, markdown_table
from rig.mic import MicProgram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rig.server import AudioServer

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("power", "How much processor time does the microphone take?")
_TICKS = os.sysconf("SC_CLK_TCK")
_SETTLING_S = 14.0
"""The status's window: what was said before is out of it then."""
DOING = ("speaking", "silent", "asleep")


def spent_s(root: int) -> float:
    """Return the processor time of a process and all that descend from it, in seconds."""
    parents, ticks = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended, and its parent has its time
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = sum(int(word) for word in fields[11:15])
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(number, 0) for number in family) / _TICKS


def _measure(server: AudioServer, name: str, seconds: float) -> list[dict[str, Any]]:
    clip = server.folder / "said.wav"
    write_clip(clip, seconds + 2 * _SETTLING_S)
    mic = MicProgram(server, always=False)
    mic.wait_for(status="asleep")
    call = server.spawn("parec", "--client-name=Call", "--device=sottovoce", "/dev/null")
    player = server.play(clip)
    rows = []
    for doing in DOING:
        if doing == "silent":
            player.kill()
        if doing == "asleep":
            call.kill()
            mic.wait_for(status="asleep")
        time.sleep(_SETTLING_S)
        before_s, began_s = spent_s(mic.process.pid), time.monotonic()
        time.sleep(seconds)
        share = (spent_s(mic.process.pid) - before_s) / (time.monotonic() - began_s)
        rows.append({"server": name, "doing": doing, "share": round(share, 5)})
        sys.stderr.write(f"power: {rows[-1]}\n")
    mic.end()
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row (default: 60)")
    options = parser.parse_args(arguments)
    rows = []
    for name, kind in SERVERS.items():
        server = kind()
        try:
            server.start()
            rows += _measure(server, name, options.seconds)
        finally:
            server.close()
    print(describe(BENCHMARK.write(options, rows, settings={"seconds": options.seconds})))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    names = list(dict.fromkeys(row["server"] for row in results["rows"]))
    shares = {(row["server"], row["doing"]): row["share"] for row in results["rows"]}
    table = [[name, *(f"{100 * shares[name, doing]:.2f}" for doing in DOING)] for name in names]
    head = ["sound system", *(f"{doing}, % of a core" for doing in DOING)]
    return (
        "A program records while somebody speaks or nobody does; or no program records. All"
        " processes of the microphone together, over"
        f" {results['settings']['seconds']:.0f} s each.\n\n" + markdown_table(head, table)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share of a core for each sound system and what the person does."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=5, height=3)
    names = list(dict.fromkeys(row["server"] for row in results["rows"]))
    for i, name in enumerate(names):
        shares = [100 * row["share"] for row in results["rows"] if row["server"] == name]
        axes.bar([k + 0.4 * i for k in range(len(shares))], shares, width=0.35, label=name)
    axes.set_xticks([k + 0.2 for k in range(len(DOING))], DOING)
    axes.set_ylabel("share of a core, %")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
