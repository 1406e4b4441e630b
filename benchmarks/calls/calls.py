"""Calls: what is found at the far end of real calls through the virtual microphone.

Speech of each person of the report half is played to the hardware microphone of an audio server of
our own, goes through `sottovoce mic` into Chromium, by Opus at 24 kb/s to the far end, and is
recorded there.  A damaged take is counted and repeated.  Calls are kept as they come, so that an
interrupted run resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.calls.held_calls import hold_calls, parse_options, write_calls
from benchmarks.calls.one_call import (
    measure_call,
    plot_looks,
    sum_up_processing,
    tabulate_looks,
)
from benchmarks.harness.harness import RESULTS_DIR, Benchmark, rng_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from benchmarks.harness.trials import Source
    from rig.server import AudioServer

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("calls", "Is the mark found at the far end of a call, and how soon?")
LENGTHS_S = (5.0, 10.0, 20.0, 30.0)
_MOST_S = 31.0
_RAW = RESULTS_DIR / "raw" / "calls.jsonl"


def _call(
    page: Page, server: AudioServer, source: Source, *, processing: bool, seed: int
) -> dict[str, Any]:
    """Hold one call, and listen to its beginnings."""
    take, record = measure_call(
        page,
        server,
        source,
        processing=processing,
        lengths_s=LENGTHS_S,
        most_s=_MOST_S,
        rng=rng_for(seed, "call", source.name, processing),
    )
    return {**record, "processing": processing, "lost": take.stats.get("lost")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = parse_options(BENCHMARK, arguments, persons=None)

    def hold(
        page: Page,
        server: AudioServer,
        source: Source,
        processing: bool,  # noqa: FBT001 - one of `values`
    ) -> dict[str, Any]:
        return _call(page, server, source, processing=processing, seed=options.seed)

    calls, clips = hold_calls(options, raw=_RAW, key="processing", values=(False, True), hold=hold)
    results = write_calls(
        BENCHMARK, options, rows=sum_up_processing(calls, LENGTHS_S), calls=calls, clips=clips
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    return (
        "Hardware microphone, `sottovoce mic`, Chromium, Opus at 24 kb/s, far end; in the first"
        " seconds after the talker began, with the browser's echo cancellation, noise suppression"
        " and gain control off and on; in brackets the lower end of the 95 % interval.\n\n"
        f"{tabulate_looks(results['rows'])}\n\n"
        f"{results['n_calls']} calls; {results['n_damaged']} takes were damaged and repeated;"
        f" missed blocks: {results['n_missed']}."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found over the length of the call."""
    plot_looks(results, path)


if __name__ == "__main__":
    main()
