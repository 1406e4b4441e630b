"""Options that several commands have, so that they cannot drift apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sottovoce import STRENGTHS_DB
from sottovoce.errors import ParameterError

Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["INPUTS", "JOBS", "JSON", "choose_jobs", "examples", "strength_option"]


def _parse_strength(context: click.Context, parameter: click.Parameter, text: str) -> float:
    """Return a strength in dB from its name or a number."""
    if text in STRENGTHS_DB:
        return STRENGTHS_DB[text]
    try:
        strength_db = float(text.lower().removesuffix("db"))
    except ValueError:
        strength_db = 0.0
    if not 0.0 < strength_db <= 3.0:
        raise ParameterError(
            f"{text!r} is no strength",
            remedy=f"Use {', '.join(STRENGTHS_DB)}, or a number of dB up to 3.",
        )
    return strength_db


INPUTS = click.argument(
    "inputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES-or-folders"
)
JSON = click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line.")
JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Files to work on at the same time; by default as many as there are cores.",
)


def strength_option(default: str = "standard") -> Callable[[Command], Command]:
    """Return the option --strength."""
    return click.option(
        "--strength",
        "strength_db",
        default=default,
        show_default=True,
        callback=_parse_strength,
        metavar="studio|standard|strong|DB",
        help="Quieter or sooner found; DB is the gain of a band, 0 to 3 dB.",
    )


def examples(*lines: str) -> str:
    """Return the examples that stand at the end of a command's help."""
    # click keeps the lines of a paragraph that begins with this character
    return "\b\n" + "\n  ".join(["Examples:", *lines])


def choose_jobs(jobs: int | None, *, n_files: int) -> int:
    """Return how many processes to use."""
    return min(jobs or os.cpu_count() or 1, max(n_files, 1))
