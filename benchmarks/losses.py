"""Losses: what is found at the far end of calls over bad networks.

As in `benchmarks.calls`, speech of persons of the report half goes through `sottovoce mic` into
Chromium, with its processing on; but between the two ends of the call is a relay that loses and
delays packets.  A person says the same in every network.  A damaged take is taken again and
counted; calls are kept as they come, so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks._harness import RESULTS_DIR, Benchmark, markdown_table, rng_for, wilson
from benchmarks._trials import join_by_person, load_source
from benchmarks.rig.browser import hold_call, open_page
from benchmarks.rig.mic import MicProgram
from benchmarks.rig.relay import Network
from benchmarks.rig.server import AudioServer
from benchmarks.rig.takes import SR
from benchmarks.speech import load_clips
from sottovoce.rights import format_owner_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from benchmarks._trials import Source

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("losses", "Is the mark found at the far end of a call over a bad network?")
LENGTHS_S = (5.0, 10.0, 20.0)
NETWORKS = {
    "good": Network(),
    "1 % lost": Network(loss=0.01),
    "2 % lost": Network(loss=0.02),
    "5 % lost": Network(loss=0.05),
    "5 % lost, 3 in a row": Network(loss=0.05, burst=3.0),
    "10 % lost": Network(loss=0.10),
    "± 30 ms": Network(jitter_ms=30.0),
    "± 80 ms": Network(jitter_ms=80.0),
}
_PERSONS = 6
_MOST_S = 20.5
_LEAST_S = 11.0
_LEVEL_DBFS = -26.0
_RAW = RESULTS_DIR / "raw" / "losses.jsonl"


def _say(source: Source, path: Path) -> float:
    """Write what a person says; return its length in seconds."""
    y, sr = load_source(source)
    y = np.atleast_2d(y)[..., : round(_MOST_S * sr)].mean(axis=0)
    y *= 10 ** (_LEVEL_DBFS / 20) / max(float(np.sqrt(np.mean(y**2))), 1e-9)
    sf.write(path, np.clip(y, -1, 1), sr, subtype="PCM_16")
    return len(y) / sr


def _call(
    page: Page, server: AudioServer, source: Source, *, name: str, seed: int
) -> dict[str, Any]:
    """Hold one call, and listen to its beginnings."""
    rng = rng_for(seed, "losses", source.name, name)
    clip = server.folder / "said.wav"
    length_s = _say(source, clip)
    owner = int(rng.integers(1, 2**48))
    mic = MicProgram(server, "--owner", format_owner_id(owner))
    try:
        mic.wait_for(sign="marking")
        take = hold_call(page, server, clip, processing=True, network=NETWORKS[name], rng=rng)
        state = mic.states()[-1]
    finally:
        mic.end()
        server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    # The call is silent until the clip begins.
    begin = int(np.argmax(np.abs(take.y) > 1e-3))
    looks = []
    for seconds in (s for s in LENGTHS_S if s <= length_s + 0.5):
        detection = sv.detect(take.y[begin : begin + round(seconds * SR)], sr=SR)
        read = {voice.notice.owner_id for voice in detection.voices if voice.notice}
        looks.append(
            {
                "seconds": seconds,
                "found": detection.found,
                "log10_p": round(detection.log10_p, 2),
                "read": "nothing" if not read else "right" if read == {owner} else "wrong",
            }
        )
    return {
        "source": source.name,
        "network": name,
        "likeness": round(take.likeness, 3),
        "n_damaged": take.n_damaged,
        "n_missed": state["missed"],
        "n_packets": take.stats["received"] + take.stats["lost"],
        "n_lost": take.stats["lost"],
        "concealed": round(take.stats["concealed"] / len(take.y), 4),
        "looks": looks,
    }


def summarise(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each network and length."""
    rows = []
    for name in NETWORKS:
        own = [call for call in calls if call["network"] == name]
        for seconds in LENGTHS_S:
            looks = [k for call in own for k in call["looks"] if k["seconds"] == seconds]
            if not looks:
                continue
            n, n_found = len(looks), sum(look["found"] for look in looks)
            low, high = wilson(n_found, n)
            rows.append(
                {
                    "network": name,
                    "seconds": seconds,
                    "n": n,
                    "n_found": n_found,
                    "low": round(low, 5),
                    "high": round(high, 5),
                    "median_log10_p": round(float(np.median([k["log10_p"] for k in looks])), 2),
                    "n_read": sum(look["read"] == "right" for look in looks),
                    "n_wrong": sum(look["read"] == "wrong" for look in looks),
                    "lost": round(
                        sum(call["n_lost"] for call in own)
                        / sum(call["n_packets"] for call in own),
                        5,
                    ),
                    "concealed": round(float(np.median([call["concealed"] for call in own])), 4),
                }
            )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--persons", type=int, default=_PERSONS, help="at most so many")
    parser.add_argument("--fresh", action="store_true", help="forget the calls of before")
    options = parser.parse_args(arguments)
    sources = sorted(join_by_person(load_clips("report")), key=lambda source: -source.seconds)
    sources = [s for s in sources if s.seconds >= _LEAST_S][: options.persons]
    if options.fresh:
        _RAW.unlink(missing_ok=True)
    _RAW.parent.mkdir(parents=True, exist_ok=True)
    calls = [json.loads(line) for line in _RAW.open()] if _RAW.is_file() else []
    done = {(call["source"], call["network"]) for call in calls}
    server = AudioServer()
    try:
        server.start()
        with open_page(server.environment) as page:
            for source in sources:
                for name in NETWORKS:
                    if (source.name, name) in done:
                        continue
                    calls.append(_call(page, server, source, name=name, seed=options.seed))
                    with _RAW.open("a") as file:
                        file.write(json.dumps(calls[-1], ensure_ascii=False) + "\n")
    finally:
        server.close()
    used = [clip for source in sources for clip in source.clips]
    results = BENCHMARK.write(
        options,
        summarise(calls),
        clips=used,
        settings={
            "strength": "strong",
            "codec": "Opus, 24 kb/s",
            "level_dbfs": _LEVEL_DBFS,
            "networks": {name: asdict(network) for name, network in NETWORKS.items()},
        },
        n_calls=len(calls),
        n_damaged=sum(call["n_damaged"] for call in calls),
        n_missed=sum(call["n_missed"] for call in calls),
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    table = [
        [
            row["network"],
            f"{row['seconds']:g}",
            f"{100 * row['n_found'] / row['n']:.0f} ({100 * row['low']:.0f})",
            f"{row['median_log10_p']:.1f}",
            f"{100 * row['n_read'] / row['n']:.0f}",
            str(row["n_wrong"]),
            f"{100 * row['lost']:.1f}",
            f"{100 * row['concealed']:.1f}",
            str(row["n"]),
        ]
        for row in results["rows"]
    ]
    head = ["network", "seconds", "found, %", "log10 p", "owner read, %", "wrong"]
    head += ["packets lost, %", "made up, %", "calls"]
    return (
        "Hardware microphone, `sottovoce mic`, Chromium with its processing on, Opus at 24 kb/s"
        " with its own error correction, a relay that loses packets or delays each by 100 ms and"
        " that much more or less, far end; in the first seconds after the talker began.  In"
        " brackets the lower end of the 95 % interval.  *Made up*: the share of the sound, in the"
        " median call, that the far end invented for packets that were lost or late.\n\n"
        f"{markdown_table(head, table)}\n\n"
        f"{results['n_calls']} calls; {results['n_damaged']} takes were damaged and taken again;"
        f" {results['n_missed']} blocks were missed."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the evidence over the length of the call, a line for each network."""
    from benchmarks._plots import save, subplots

    figure, axes = subplots(width=6, height=4)
    for name in NETWORKS:
        rows = [row for row in results["rows"] if row["network"] == name]
        evidence = [-row["median_log10_p"] for row in rows]
        axes.plot([row["seconds"] for row in rows], evidence, "o-", label=name)
    axes.axhline(6, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("seconds of the call")
    axes.set_ylabel("$-\\log_{10} p$, median")
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
