"""What the commands say: results to stdout, progress and diagnostics to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from sottovoce.files.escaping import escape_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "PipeClosedError",
    "Show",
    "explain",
    "result",
    "result_json",
    "show_progress",
    "strong",
]


class Show(Protocol):
    """Show how far the work has come."""

    def __call__(self, n_done: float, /) -> None:
        """Show that so many units are done; a part of one counts."""


class PipeClosedError(Exception):
    """Whoever read the results has had enough.

    Not an `OSError`: click would end the program with exit code 1, which `check` has for "not
    found".
    """


def result(text: str = "") -> None:
    """Write a line of the result."""
    try:
        click.echo(text)
    except BrokenPipeError as err:
        raise PipeClosedError from err


def result_json(fields: dict[str, Any]) -> None:
    """Write one result as one line of JSON."""
    # ASCII only: names of files need not be valid Unicode, and every reader takes escapes.
    result(json.dumps(fields, allow_nan=False))


def explain(text: str, *, kind: str = "") -> None:
    """Write a diagnostic; `kind` ("error", "note") stands before it."""
    colours = {"error": "red", "note": "yellow", "warning": "yellow"}
    head = click.style(f"{kind}: ", fg=colours.get(kind), bold=True) if kind else ""
    click.echo(head + escape_lines(text), err=True)


def strong(text: str) -> str:
    """Return a word that should strike the eye; plain again where colours are not wanted."""
    return click.style(text, bold=True, fg="green")


@contextmanager
def show_progress(description: str, *, total: float) -> Iterator[Show]:
    """Show a progress bar on stderr while the block runs, if a person is watching.

    Parameters
    ----------
    description : str
        What is going on.
    total : float
        Units of work.

    Returns
    -------
    show : Show
        To be called with the units that are done.
    """
    if not sys.stderr.isatty():
        yield lambda _n_done, /: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Lines of results go above the bar; into a pipe they go untouched.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task(description, total=total)
        yield lambda n_done, /: progress.update(task, completed=n_done)
