"""Mute: what programs receive from the virtual microphone when it is muted or turned down.

Speech goes to the hardware microphone of an audio server of our own and through `sottovoce mic`.
Programs record it as it is, at 30 % of its volume, and muted; then the hardware microphone is
muted in its place.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks.harness.harness import Benchmark, markdown_table, shipped_clip
from rig.browser import open_page
from rig.clients import CLIENTS, hear_with, measure_dbfs
from rig.mic import MicProgram
from rig.pulse import PulseServer
from rig.server import AudioServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

__all__ = ["STATES", "describe", "main", "measure_state", "plot"]

BENCHMARK = Benchmark(
    "mute", "What do programs receive from a microphone that is muted or turned down?"
)
SERVERS = {"PipeWire": AudioServer, "PulseAudio": PulseServer}
_LEVEL_DBFS = -20.0

STATES = {
    "as it is": (("sottovoce", "mute", "0"), ("sottovoce", "volume", "100%")),
    "at 30 %": (("sottovoce", "volume", "30%"),),
    "muted": (("sottovoce", "volume", "100%"), ("sottovoce", "mute", "1")),
    "hardware muted": (("sottovoce", "mute", "0"), ("hw_mic", "mute", "1")),
    "not muted any more": (("hw_mic", "mute", "0"),),
}
"""What is done to the volumes before each measurement, by ``pactl set-source-…``."""


def write_clip(path: Path, seconds: float) -> None:
    """Write the shipped reading at an even level, over and over."""
    y, sr = shipped_clip()
    y = y / np.sqrt(np.mean(y**2)) * 10 ** (_LEVEL_DBFS / 20)
    sf.write(path, np.clip(np.resize(y, round(seconds * sr)), -1, 1), sr)


def measure_state(
    server: AudioServer, mic: MicProgram, state: str, *, page: Page | None, seconds: float
) -> dict[str, float]:
    """Set the volumes of a state, and return the level in each program, in dBFS."""
    for source, what, value in STATES[state]:
        server.run("pactl", f"set-source-{what}", source, value)
    mutes = {"muted": state == "muted", "microphone_muted": state == "hardware muted"}
    mic.wait_for(**mutes)
    clients = CLIENTS if type(server) is AudioServer else CLIENTS[1:]
    return {
        client: measure_dbfs(
            hear_with(
                client,
                server,
                source="sottovoce",
                label="Sottovoce",
                seconds=seconds,
                page=page if client == "chromium" else None,
            )
        )
        for client in clients
    }


def _measure(name: str, seconds: float) -> list[dict[str, Any]]:
    server = SERVERS[name]()
    try:
        server.start()
        clip = server.folder / "said.wav"
        write_clip(clip, 600)
        mic = MicProgram(server, always=False)
        mic.wait_for(status="asleep")
        server.play(clip)
        rows = []
        with open_page(server.environment) as page:
            for state in STATES:
                levels = measure_state(server, mic, state, page=page, seconds=seconds)
                rows.append({"server": name, "state": state, **levels})
                sys.stderr.write(f"mute: {rows[-1]}\n")
        mic.end()
    finally:
        server.close()
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=6.0, help="of each recording (default: 6)")
    options = parser.parse_args(arguments)
    rows = [row for name in SERVERS for row in _measure(name, options.seconds)]
    settings = {"level_dbfs": _LEVEL_DBFS, "seconds": options.seconds}
    print(describe(BENCHMARK.write(options, rows, settings=settings)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["sound system", "the microphone Sottovoce", *CLIENTS]
    table = [
        [
            row["server"],
            row["state"],
            *(f"{row[client]:.0f}" if client in row else "" for client in CLIENTS),
        ]
        for row in results["rows"]
    ]
    return (
        f"Level that programs record, in dBFS, while somebody speaks at"
        f" {results['settings']['level_dbfs']:.0f} dBFS on average; -120 is digital silence."
        " `pw-record` speaks to PipeWire alone.\n\n" + markdown_table(head, table)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the level in each program, for each state of the microphone."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=7, height=3.5)
    for row in results["rows"]:
        levels = [row.get(client, float("nan")) for client in CLIENTS]
        mark = "o" if row["server"] == "PipeWire" else "x"
        axes.plot(CLIENTS, levels, mark, label=f"{row['server']}, {row['state']}")
    axes.set_ylabel("dBFS")
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


if __name__ == "__main__":
    main()
