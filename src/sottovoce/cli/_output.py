"""Output of the commands: results to stdout, progress and diagnostics to stderr."""

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
    "private_screen",
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
    "owner_key": "--owner-key",
    "replace": "--force",
    "root": "--root",
    "shard": "--shard",
    "target": "--to",
    "time_s": "--timeout",
    "track": "--track",
}
"""Parameters that remedies name, and the flags that set them."""
_COMMANDS = {
    "load_identity": "sottovoce id show",
    "make_identity": "sottovoce id new",
    "open_mic": "sottovoce mic",
}
"""Functions that remedies call with one parameter, and the commands that do the same."""
_PARAMETER = re.compile(rf"`({'|'.join(_FLAGS)})`")
_CALL = re.compile(rf"`({'|'.join(_COMMANDS)})\((\w+)=('?)([^`']+)\3\)`")
_consoles: list[Console] = []
"""Those with a display that changes in place."""


class Show(Protocol):
    """Show the progress of the work."""

    def __call__(self, n_done: float, /) -> None:
        """Show the number of units done; fractions count."""


class PipeClosedError(Exception):
    """The program that read the results closed the pipe.

    Not an `OSError`: click would end the program with exit code 1, which means "not found" for
    `check`.
    """


def result(text: str = "") -> None:
    """Write a line of the result."""
    try:
        _write(text)
    except BrokenPipeError as err:
        raise PipeClosedError from err


def result_json(fields: dict[str, Any]) -> None:
    """Write one result as one line of JSON."""
    # ASCII only: file names need not be valid Unicode, and every reader accepts escapes.
    result(json.dumps(fields, allow_nan=False))


def name_flags(text: str) -> str:
    """Return a remedy with calls and parameters of functions replaced by commands and flags.

    Examples
    --------
    >>> name_flags("Allow more (`memory_bytes`, `time_s`).")
    'Allow more (--memory, --timeout).'
    >>> name_flags("Create it with `make_identity(name='book')`.")
    'Create it with `sottovoce id new --name book`.'
    """
    text = _CALL.sub(lambda match: f"`{_COMMANDS[match[1]]} --{match[2]} {match[4]}`", text)
    return _PARAMETER.sub(lambda match: _FLAGS[match[1]], text)


def explain(text: str, *, kind: str = "") -> None:
    """Write a diagnostic; `kind` ("error", "note") precedes it."""
    colours = {"error": "red", "note": "yellow", "warning": "yellow"}
    head = click.style(f"{kind}: ", fg=colours.get(kind), bold=True) if kind else ""
    _write(head + escape_lines(text), err=True)


def _write(text: str, *, err: bool = False) -> None:
    """Write a line; on a terminal, above a display that changes in place."""
    if _consoles and (sys.stderr if err else sys.stdout).isatty():
        from rich.text import Text

        # Unwrapped, so that a name copied from the terminal is in one piece.
        _consoles[-1].print(Text.from_ansi(text), soft_wrap=True)
    else:
        click.echo(text, err=err)


@contextmanager
def lines_above(console: Console) -> Iterator[None]:
    """Write lines above what a console shows in place, while the block runs.

    The console's own redirection is not enough: click bypasses it.

    Parameters
    ----------
    console : rich.console.Console
        The console of the display.
    """
    _consoles.append(console)
    try:
        yield
    finally:
        _consoles.remove(console)


@contextmanager
def private_screen() -> Iterator[None]:
    """Show what the block writes on a screen of its own, which the terminal then forgets.

    What was on it cannot be scrolled back to.  Without a terminal, nothing changes.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console

    with Console().screen(hide_cursor=False):
        yield


def strong(text: str) -> str:
    """Return a word highlighted; plain where colours are not wanted."""
    return click.style(text, bold=True, fg="green")


@contextmanager
def show_progress(description: str, *, total: float) -> Iterator[Show]:
    """Show a progress bar on stderr while the block runs, if stderr is a terminal.

    Parameters
    ----------
    description : str
        Label of the bar.
    total : float
        Units of work.

    Returns
    -------
    show : Show
        Call it with the number of units done.
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
