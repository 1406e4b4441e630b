"""`sottovoce page`: write the browser page that this installation carries."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._options import OutPath, examples
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

__all__ = ["page"]


@click.command(epilog=examples("sottovoce page -o sottovoce.html     then double-click that file"))
@click.option(
    "-o",
    "--out",
    type=OutPath(path_type=Path, dir_okay=False),
    default="sottovoce.html",
    show_default=True,
    metavar="FILE",
    help="Write the page to this new file.",
)
def page(*, out: Path) -> None:
    """Write a page that protects and checks in any browser, with nothing installed.

    It is a single HTML file for people without a terminal: they double-click it, and drop their
    recordings into it.  It sends nothing anywhere, and works without a network.
    """
    from sottovoce.files.atomic import atomic_path
    from sottovoce.page import built_page

    source = built_page()
    if source is None:
        raise ParameterError(
            "this installation was built without the page",
            remedy="Build it in a copy of the repository: make page",
        )
    if out.exists():
        raise ParameterError(f"{out} already exists", remedy="Name a new file (`out`).")
    with atomic_path(out) as part:
        shutil.copyfile(source, part)
    _output.result(f"{format_path(out)}: open it in a browser")
