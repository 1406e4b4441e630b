"""Options that several commands share, so that they cannot drift apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sottovoce import STRENGTHS_DB
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = [
    "INPUTS",
    "JOBS",
    "JSON",
    "PARTIAL",
    "FilesCommand",
    "choose_jobs",
    "examples",
    "strength_option",
]


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
            f"invalid strength {text!r}",
            remedy=f"Use {', '.join(STRENGTHS_DB)}, or a number of dB above 0, up to 3.",
        )
    return strength_db


class OutPath(click.Path):
    """A file or folder to be written.

    Shells leave ``~/`` as it is after an equals sign and in quotes: a folder of that name is
    hardly ever meant, and removing it by its name would remove another.
    """

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Return the path, with ``~`` at its beginning replaced by the user's home folder."""
        text = os.fspath(value)
        if text == "~" or text.startswith("~/"):
            text = os.path.expanduser(text)  # noqa: PTH111 - not a path yet
        return super().convert(text, param, ctx)


INPUTS = click.argument(
    "inputs",
    nargs=-1,
    required=True,
    # Missing permissions are reported for each input by itself.
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE...",
)
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON Lines: one object per line."
)
JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of parallel workers.  [default: number of CPU cores]",
)


class FilesCommand(click.Command):
    """A command on files whose names may look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does; where that fails, point out a file that was taken for an option."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as err:
            for word in words:
                if word.startswith("-") and os.path.lexists(word):
                    raise click.UsageError(
                        f"{err.format_message()}  To name the file {format_path(word)}, write"
                        f" ./{format_path(word)}",
                        ctx,
                    ) from err
            raise


PARTIAL = click.option(
    "--partial",
    is_flag=True,
    help="Use the readable part of files that are cut short or damaged.",
)


def strength_option(default: str = "standard") -> Callable[[Command], Command]:
    """Return the option --strength."""
    presets = ", ".join(f"{name}: {strength_db} dB" for name, strength_db in STRENGTHS_DB.items())
    return click.option(
        "--strength",
        "strength_db",
        default=default,
        show_default=True,
        callback=_parse_strength,
        metavar="studio|standard|strong|DB",
        help="Strength of the mark.  A stronger one is found in shorter clips and through more"
        f" noise, but is more likely to be heard.  A preset ({presets}), or the RMS band gain in dB"
        " (above 0, up to 3).",
    )


def examples(*lines: str) -> str:
    """Return the examples for the end of a command's help."""
    # click keeps the lines of a paragraph that begins with this character
    return "\b\n" + "\n  ".join(["Examples:", *lines])


def choose_jobs(jobs: int | None, *, n_files: int) -> int:
    """Return how many processes to use."""
    return min(jobs or os.cpu_count() or 1, max(n_files, 1))
