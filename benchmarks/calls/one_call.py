"""One call that is measured: what a person says, who she is, and what its beginnings show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import wilson
from benchmarks.harness.trials import load_source
from rig.browser import hold_call
from rig.mic import MicProgram
from rig.takes import SR
from sottovoce.rights import format_owner_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

    from benchmarks.harness.trials import Source
    from rig.relay import Network
    from rig.server import AudioServer
    from rig.takes import Take

__all__ = ["LEAST_S", "LEVEL_DBFS", "count_looks", "measure_call"]

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
    y, sr = load_source(source)
    y = np.atleast_2d(y)[..., : round(most_s * sr)].mean(axis=0)
    y *= 10 ** (LEVEL_DBFS / 20) / max(float(np.sqrt(np.mean(y**2))), 1e-9)
    clip = server.folder / "said.wav"
    sf.write(clip, np.clip(y, -1, 1), sr, subtype="PCM_16")
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
            _look(take, seconds, owner) for seconds in lengths_s if seconds <= len(y) / sr + 0.5
        ],
    }


def _look(take: Take, seconds: float, owner: int) -> dict[str, Any]:
    """Look for the mark in the first `seconds`."""
    # The call is silent until the clip begins.
    begin = int(np.argmax(np.abs(take.y) > 1e-3))
    detection = sv.detect(take.y[begin : begin + round(seconds * SR)], sr=SR)
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
