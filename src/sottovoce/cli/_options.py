"""Options that several commands have, so that they cannot drift apart."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = ["INPUTS", "JOBS", "JSON", "choose_jobs", "examples"]

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


def examples(*lines: str) -> str:
    """Return the examples that stand at the end of a command's help."""
    # click keeps the lines of a paragraph that begins with this character
    return "\b\n" + "\n  ".join(["Examples:", *lines])


def choose_jobs(jobs: int | None, *, n_files: int) -> int:
    """Return how many processes to use."""
    return min(jobs or os.cpu_count() or 1, max(n_files, 1))
