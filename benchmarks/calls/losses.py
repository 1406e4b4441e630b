"""Losses: what is found at the far end of calls over bad networks.

As in `benchmarks.calls.calls`, speech from the report half goes through `sottovoce mic`
into Chromium, with its processing on; but between the two ends of the call is a relay that loses
and delays packets.  A person says the same in every network.  A damaged take is counted and
repeated; calls are kept as they come, so that an interrupted run resumes.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.calls.held_calls import hold_calls, parse_options, write_calls
from benchmarks.calls.one_call import count_looks, measure_call
from benchmarks.harness.harness import RESULTS_DIR, Benchmark, markdown_table, rng_for
from rig.relay import Network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from benchmarks.harness.trials import Source
    from rig.server import AudioServer

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
_RAW = RESULTS_DIR / "raw" / "losses.jsonl"


def _call(
    page: Page, server: AudioServer, source: Source, *, name: str, seed: int
) -> dict[str, Any]:
    """Hold one call, and listen to its beginnings."""
    take, record = measure_call(
        page,
        server,
        source,
        processing=True,
        lengths_s=LENGTHS_S,
        most_s=_MOST_S,
        rng=rng_for(seed, "losses", source.name, name),
        network=NETWORKS[name],
    )
    return {
        **record,
        "network": name,
        "n_packets": take.stats["received"] + take.stats["lost"],
        "n_lost": take.stats["lost"],
        "concealed": round(take.stats["concealed"] / len(take.y), 4),
    }


def summarise(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each network and length."""
    rows = []
    for name in NETWORKS:
        own = [call for call in calls if call["network"] == name]
        if not own:
            continue
        lost = sum(call["n_lost"] for call in own) / sum(call["n_packets"] for call in own)
        facts = {
            "lost": round(lost, 5),
            "concealed": round(float(np.median([call["concealed"] for call in own])), 4),
        }
        counts = [count_looks(own, seconds) for seconds in LENGTHS_S]
        rows += [{"network": name, **count, **facts} for count in counts if count]
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = parse_options(BENCHMARK, arguments, persons=_PERSONS)

    def hold(page: Page, server: AudioServer, source: Source, name: str) -> dict[str, Any]:
        return _call(page, server, source, name=name, seed=options.seed)

    calls, clips = hold_calls(options, raw=_RAW, key="network", values=NETWORKS, hold=hold)
    networks = {name: asdict(network) for name, network in NETWORKS.items()}
    results = write_calls(
        BENCHMARK, options, rows=summarise(calls), calls=calls, clips=clips, networks=networks
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
        " with its own error correction, a relay, far end; in the first seconds after the talker"
        " began. The relay loses packets, each by itself where the row does not say otherwise, and"
        " delays each by 100 ms, with random jitter up to the given amount in either direction, so"
        " that packets overtake each other. In brackets the lower end of the 95 % interval. *Made"
        " up*: the share of the sound, in the median call, that the far end invented for packets"
        " that were lost or late.\n\n"
        f"{markdown_table(head, table)}\n\n"
        f"{results['n_calls']} calls; {results['n_damaged']} takes were damaged and repeated;"
        f" missed blocks: {results['n_missed']}."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the evidence over the length of the call, a line for each network."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=8, height=4)
    for name in NETWORKS:
        rows = [row for row in results["rows"] if row["network"] == name]
        evidence = [-row["median_log10_p"] for row in rows]
        axes.plot([row["seconds"] for row in rows], evidence, "o-", label=name)
    axes.axhline(6, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("seconds of the call")
    axes.set_ylabel("$-\\log_{10} p$, median")
    axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


if __name__ == "__main__":
    main()
