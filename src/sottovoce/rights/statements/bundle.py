"""Files with statements: one signed text in each line, or the object of a grant's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import StatementError
from sottovoce.rights.own_files import read_bounded, write_once
from sottovoce.rights.strict_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["read_statements", "write_statements"]

_MOST_BYTES = 1 << 22


def read_statements(path: Path) -> tuple[str, ...]:
    """Read the statements in a file.

    Parameters
    ----------
    path : Path
        A file as `write_statements` makes it, or a grant.

    Returns
    -------
    tokens : tuple of str
        Not verified.

    Raises
    ------
    StatementError
        If it cannot be read, or holds something else.
    """
    data = read_bounded(path, most_bytes=_MOST_BYTES)
    try:
        if data.lstrip().startswith(b"{"):
            tokens = parse_json(data, most_bytes=_MOST_BYTES, canonical=False)["statements"]
        else:
            tokens = [line for line in data.decode("ascii").split() if line]
        if not tokens or not all(isinstance(one, str) and one.isascii() for one in tokens):
            raise ValueError("no statements")  # noqa: TRY301 - one place for all refusals
    except (ValueError, LookupError, TypeError) as err:
        raise StatementError(
            f"{path}: not a file with statements", remedy="Ask the owner for the file again."
        ) from err
    return tuple(tokens)


def write_statements(path: Path, tokens: Iterable[str]) -> None:
    """Write statements to a file, to be published or sent.

    Parameters
    ----------
    path : Path
        Destination; an existing file is never replaced.
    tokens : iterable of str
        The statements, the first one first.

    Raises
    ------
    StatementError
        If the file exists, or cannot be written.
    """
    write_once(path, "".join(f"{token}\n" for token in tokens).encode("ascii"))
