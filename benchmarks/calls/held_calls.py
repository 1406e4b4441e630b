"""Many calls that are measured one after the other, and kept, so that a benchmark can resume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.calls.one_call import LEAST_S, LEVEL_DBFS
from benchmarks.data.speech import load_clips
from benchmarks.harness.trials import join_by_person
from rig.browser import open_page
from rig.server import AudioServer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from benchmarks.data.speech import Clip
    from benchmarks.harness.harness import Benchmark
    from benchmarks.harness.trials import Source

__all__ = ["hold_calls", "parse_options", "write_calls"]

Value = TypeVar("Value")


def parse_options(
    benchmark: Benchmark, arguments: Sequence[str] | None, *, persons: int | None
) -> argparse.Namespace:
    """Return the options of a benchmark of calls.

    Parameters
    ----------
    benchmark : Benchmark
        Which.
    arguments : sequence of str or None
        The command line's by default.
    persons : int or None
        How many talk unless another number is given; all if None.
    """
    parser = benchmark.parser
    shown = "all" if persons is None else str(persons)
    parser.add_argument(
        "--persons",
        type=int,
        default=persons,
        help=f"maximum number of speakers (default: {shown})",
    )
    parser.add_argument("--fresh", action="store_true", help="forget the calls of before")
    return parser.parse_args(arguments)


def hold_calls(
    options: argparse.Namespace,
    *,
    raw: Path,
    key: str,
    values: Iterable[Value],
    hold: Callable[[Page, AudioServer, Source, Value], dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[Clip]]:
    """Hold every call that has not been held yet.

    Parameters
    ----------
    options : argparse.Namespace
        Those of `parse_options`.
    raw : pathlib.Path
        Where calls are kept, a line each.
    key : str
        The field in which the calls of one person differ.
    values : iterable
        Its values.
    hold : callable
        Takes the page, the server, the source and one value; returns the record of the call,
        which has the fields `source` and `key`.

    Returns
    -------
    calls : list of dict
        All records, those of before first.
    clips : list of Clip
        What was said in them.
    """
    sources = sorted(join_by_person(load_clips("report")), key=lambda source: -source.seconds)
    sources = [s for s in sources if s.seconds >= LEAST_S][: options.persons]
    if options.fresh:
        raw.unlink(missing_ok=True)
    raw.parent.mkdir(parents=True, exist_ok=True)
    calls = [json.loads(line) for line in raw.open()] if raw.is_file() else []
    done = {(call["source"], call[key]) for call in calls}
    values = list(values)
    server = AudioServer()
    try:
        server.start()
        with open_page(server.environment) as page:
            for source in sources:
                for value in values:
                    if (source.name, value) in done:
                        continue
                    calls.append(hold(page, server, source, value))
                    with raw.open("a") as file:
                        file.write(json.dumps(calls[-1], ensure_ascii=False) + "\n")
    finally:
        server.close()
    return calls, [clip for source in sources for clip in source.clips]


def write_calls(
    benchmark: Benchmark,
    options: argparse.Namespace,
    *,
    rows: list[dict[str, Any]],
    calls: Sequence[dict[str, Any]],
    clips: list[Clip],
    **settings: object,
) -> dict[str, Any]:
    """Write the results of a benchmark of calls, and return them.

    Parameters
    ----------
    benchmark : Benchmark
        Which.
    options : argparse.Namespace
        Those of `parse_options`.
    rows : list of dict
        Rows of its table.
    calls : sequence of dict
        All records.
    clips : list of Clip
        What was said.
    **settings : object
        Settings besides those that all calls have.
    """
    common = {"strength": "strong", "codec": "Opus, 24 kb/s", "level_dbfs": LEVEL_DBFS}
    return benchmark.write(
        options,
        rows,
        clips=clips,
        settings={**common, **settings},
        n_calls=len(calls),
        n_damaged=sum(call["n_damaged"] for call in calls),
        n_missed=sum(call["n_missed"] for call in calls),
    )
