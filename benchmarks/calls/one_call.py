"""One call that is measured: what a person says, who she is, and what its beginnings show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import markdown_table, wilson
from benchmarks.harness.trials import load_source
from rig.browser import hold_call
from rig.mic import MicProgram
from rig.takes import SR
from sottovoce.rights import format_owner_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from benchmarks.attacks import Audio
    from benchmarks.harness.trials import Source
    from rig.relay import Network
    from rig.server import AudioServer
    from rig.takes import Take

__all__ = [
    "LEAST_S",
    "LEVEL_DBFS",
    "count_looks",
    "load_said",
    "look",
    "measure_call",
    "plot_looks",
    "sum_up_processing",
    "tabulate_looks",
]

LEVEL_DBFS = -26.0
LEAST_S = 11.0


def measure_call(
    page: Page,
    server: AudioServer,
    source: Source,
    *,
    processing: bool,
    lengths_s: Sequence[float],
    most_s: float,
    rng: np.random.Generator,
    network: Network | None = None,
) -> tuple[Take, dict[str, Any]]:
    """Hold one call, and look for the mark in beginnings of some lengths.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The browser's.
    server : AudioServer
        Where the microphone is made.
    source : Source
        Who speaks.
    processing : bool
        Whether the browser cancels echoes, suppresses noise and controls the gain.
    lengths_s : sequence of float
        Seconds from where the talker begins.
    most_s : float
        What of the source is said, in seconds.
    rng : np.random.Generator
        Chance: the owner, and what the network does.
    network : Network or None
        What is between the two ends, if anything.

    Returns
    -------
    take : Take
        What the far end heard.
    record : dict
        `source`, `likeness`, `n_damaged`, `n_missed` and `looks`.
    """
    y, sr = load_said(source, most_s)
    clip = server.folder / "said.wav"
    sf.write(clip, y, sr, subtype="PCM_16")
    owner = int(rng.integers(1, 2**48))
    mic = MicProgram(server, "--owner", format_owner_id(owner))
    try:
        mic.wait_for(status="marking")
        take = hold_call(page, server, clip, processing=processing, network=network, rng=rng)
        state = mic.states()[-1]
    finally:
        mic.end()
        server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    return take, {
        "source": source.name,
        "likeness": round(take.likeness, 3),
        "n_damaged": take.n_damaged,
        "n_missed": state["missed"],
        "looks": [
            look(take.y, seconds, owner) for seconds in lengths_s if seconds <= len(y) / sr + 0.5
        ],
    }


def load_said(source: Source, most_s: float) -> tuple[Audio, int]:
    """Return what a person says, as one channel of `LEVEL_DBFS`, and its sampling rate."""
    y, sr = load_source(source)
    y = np.atleast_2d(y)[..., : round(most_s * sr)].mean(axis=0)
    y *= 10 ** (LEVEL_DBFS / 20) / max(float(np.sqrt(np.mean(y**2))), 1e-9)
    return np.clip(y, -1, 1), sr


def look(y: Audio, seconds: float, owner: int) -> dict[str, Any]:
    """Look for the mark in the first `seconds` of what the far end heard, from the talker on."""
    # The call is silent until the clip begins.
    begin = int(np.argmax(np.abs(y) > 1e-3))
    detection = sv.detect(y[begin : begin + round(seconds * SR)], sr=SR)
    read = {voice.notice.owner_id for voice in detection.voices if voice.notice}
    return {
        "seconds": seconds,
        "found": detection.found,
        "log10_p": round(detection.log10_p, 2),
        "read": "nothing" if not read else "right" if read == {owner} else "wrong",
    }


def count_looks(calls: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return what the looks of one length show together, or nothing where there are none."""
    looks = [look for call in calls for look in call["looks"] if look["seconds"] == seconds]
    if not looks:
        return {}
    n, n_found = len(looks), sum(look["found"] for look in looks)
    low, high = wilson(n_found, n)
    return {
        "seconds": seconds,
        "n": n,
        "n_found": n_found,
        "low": round(low, 5),
        "high": round(high, 5),
        "median_log10_p": round(float(np.median([look["log10_p"] for look in looks])), 2),
        "n_read": sum(look["read"] == "right" for look in looks),
        "n_wrong": sum(look["read"] == "wrong" for look in looks),
    }


def sum_up_processing(
    calls: Sequence[dict[str, Any]], lengths_s: Sequence[float]
) -> list[dict[str, Any]]:
    """Return a row for each length of calls without and with the browser's processing."""
    rows = []
    for processing in (False, True):
        own = [call for call in calls if call["processing"] == processing]
        counts = [count_looks(own, seconds) for seconds in lengths_s]
        rows += [{"processing": processing, **count} for count in counts if count]
    return rows


def tabulate_looks(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows of `sum_up_processing` as a table in Markdown."""
    table = [
        [
            "on" if row["processing"] else "off",
            f"{row['seconds']:g}",
            f"{100 * row['n_found'] / row['n']:.0f} ({100 * row['low']:.0f})",
            f"{row['median_log10_p']:.1f}",
            f"{100 * row['n_read'] / row['n']:.0f}",
            str(row["n_wrong"]),
            str(row["n"]),
        ]
        for row in rows
    ]
    head = ["processing", "seconds", "found, %", "log10 p", "owner read, %", "wrong", "calls"]
    return markdown_table(head, table)


def plot_looks(results: dict[str, Any], path: Path) -> None:
    """Draw the share found over the length of the call."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3.5)
    for processing, label in ((False, "processing off"), (True, "processing on")):
        rows = [row for row in results["rows"] if row["processing"] == processing]
        seconds = [row["seconds"] for row in rows]
        axes.plot(seconds, [100 * r["n_found"] / r["n"] for r in rows], "o-", label=label)
        axes.plot(seconds, [100 * r["n_read"] / r["n"] for r in rows], "s:", label=f"{label}, read")
    axes.set_xlabel("seconds of the call")
    axes.set_ylabel("%")
    axes.set_ylim(0, 103)
    axes.legend()
    save(figure, path)
