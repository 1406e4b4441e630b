"""`--owners`: whom a scan looks for in marks that are too short to be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli._whose import read_asked
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from sottovoce.scan.naming import Naming

__all__ = ["OWNERS", "open_naming"]

_MOST_BYTES = 1 << 24

OWNERS = click.option(
    "--owners",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Look for these owners in marks that are too short to be read: one per line, an owner id,"
    " one of your identities, or the file of a grant.",
)


def open_naming(path: Path | None, *, n_looks: int) -> Naming | None:
    """Return what looks for the owners in a file; None without one.

    Parameters
    ----------
    path : Path or None
        The file.
    n_looks : int
        How often each voice is tested: alone, with its group, and for grants.
    """
    if path is None:
        return None
    from sottovoce.scan.naming import Naming

    try:
        with path.open("rb") as file:
            lines = file.read(_MOST_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    except OSError as err:
        raise ParameterError(
            f"{path}: {err.strerror or err}", remedy="Write one owner id per line into a file."
        ) from err
    asked = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not asked:
        raise ParameterError(f"{path} names no owner", remedy="Write one owner id per line.")
    notices = dict.fromkeys(notice for one in asked for notice in read_asked(one))
    return Naming(notices, n_looks=n_looks)
