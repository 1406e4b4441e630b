"""What the commands say: results to stdout, progress and diagnostics to stderr."""

from __future__ import annotations

import json
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from sottovoce.files.escaping import escape_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

__all__ = [
    "PipeClosedError",
    "Show",
    "explain",
    "lines_above",
    "name_flags",
    "result",
    "result_json",
    "show_progress",
    "strong",
]


_FLAGS = {
    "allow_remote": "--allow-remote",
    "cluster": "--ray",
    "into": "--into",
    "key": "--key",
    "memory_bytes": "--memory",
    "out": "-o",
    "replace": "--force",
    "shard": "--shard",
    "time_s": "--timeout",
    "track": "--track",
}
"""Parameters that remedies name, and what the commands call them."""
_PARAMETER = re.compile(rf"`({'|'.join(_FLAGS)})`")
_consoles: list[Console] = []
"""Those on which something is shown in place."""


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
        _write(text)
    except BrokenPipeError as err:
        raise PipeClosedError from err


def result_json(fields: dict[str, Any]) -> None:
    """Write one result as one line of JSON."""
    # ASCII only: names of files need not be valid Unicode, and every reader takes escapes.
    result(json.dumps(fields, allow_nan=False))


def name_flags(text: str) -> str:
    """Return a remedy in which parameters of functions are flags of the command.

    Examples
    --------
    >>> name_flags("Allow more (`memory_bytes`, `time_s`).")
    'Allow more (--memory, --timeout).'
    """
    return _PARAMETER.sub(lambda match: _FLAGS[match[1]], text)


def explain(text: str, *, kind: str = "") -> None:
    """Write a diagnostic; `kind` ("error", "note") stands before it."""
    colours = {"error": "red", "note": "yellow", "warning": "yellow"}
    head = click.style(f"{kind}: ", fg=colours.get(kind), bold=True) if kind else ""
    _write(head + escape_lines(text), err=True)


def _write(text: str, *, err: bool = False) -> None:
    """Write a line; on a terminal where something is shown in place, above that."""
    if _consoles and (sys.stderr if err else sys.stdout).isatty():
        from rich.text import Text

        # Unwrapped: a name that is copied from the terminal must be one.
        _consoles[-1].print(Text.from_ansi(text), soft_wrap=True)
    else:
        click.echo(text, err=err)


@contextmanager
def lines_above(console: Console) -> Iterator[None]:
    """Write lines above what a console shows in place, while the block runs.

    Its own redirection does not do it: click writes past that.

    Parameters
    ----------
    console : rich.console.Console
        Of the bar, or whatever is shown.
    """
    _consoles.append(console)
    try:
        yield
    finally:
        _consoles.remove(console)


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

    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with lines_above(console), progress:
        task = progress.add_task(description, total=total)
        yield lambda n_done, /: progress.update(task, completed=n_done)
