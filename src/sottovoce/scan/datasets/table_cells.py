"""`read_cell`: the bytes in one cell of a Parquet or Arrow file.

Neighbouring rows go to the same worker one after the other.  The table therefore stays open
between two calls, with some rows around the last one in memory, and each row is read once.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.scan.datasets.arrow import is_arrow, open_arrow
from sottovoce.scan.datasets.cell_sounds import cell_bytes
from sottovoce.scan.datasets.columns import table_errors
from sottovoce.scan.datasets.parquet import open_parquet
from sottovoce.scan.datasets.table import RowBlock
from sottovoce.scan.stores.store import is_remote, local_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.scan.datasets.table import Table
    from sottovoce.scan.recording import Cell

__all__ = ["close_tables", "read_cell"]

_MOST_OPEN = 2
_MOST_HEAVY = 1024
_NOWHERE = RowBlock(group=-1, first=0, number=0, n_rows=0)


def read_cell(place: Cell, *, most_bytes: int) -> bytes | str:
    """Return the bytes in a cell, or the path of the local file that it names.

    Parameters
    ----------
    place : Cell
        The cell.
    most_bytes : int
        Maximum size; a larger cell is refused.

    Raises
    ------
    AudioFileError
        With the reason.
    """
    url = place.url
    try:
        return cell_bytes(_find(place), place, most_bytes=most_bytes)
    except AudioFileError:
        raise
    except MemoryError:
        close_tables()
        raise
    except table_errors() as err:
        close_tables()
        raise UnreadableAudioError(
            f"is damaged: {str(err)[:200]}", path=url, remedy="Get a complete copy of the table."
        ) from err


def _find(place: Cell) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a cell; a part that needed too much memory is not read again for later rows."""
    key = _key(place.url, place.column)
    if place.row >= _heavy.get((key, place.group), place.row + 1):
        raise MemoryError
    with suppress(MemoryError):
        return _cursor(key).find(place.group, place.row)
    close_tables()  # they may have held the missing memory
    try:
        return _cursor(key).find(place.group, place.row)
    except MemoryError:
        while len(_heavy) >= _MOST_HEAVY:
            _heavy.pop(next(iter(_heavy)))
        _heavy[key, place.group] = place.row
        raise


class _Cursor:
    """A position in a table, which moves forwards and is reset to go back."""

    def __init__(self, url: str, column: str) -> None:
        self._url = url
        self._column = column
        self._stack = ExitStack()
        self._table: Table = (
            self._stack.enter_context(open_arrow(url))
            if is_arrow(url)
            else self._stack.enter_context(open_parquet(url))
        )
        if self._table.schema.names.count(column) != 1:
            self.close()
            raise UnreadableAudioError(f"has no column {column!r}", path=url)
        self._stretches: Iterator[RowBlock] = iter(())
        self._now = _NOWHERE

    def find(self, group: int, row: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return a cell."""
        behind = (self._now.group, self._now.first) > (group, row)
        ahead = self._table.can_jump and self._now.group < group
        if behind or ahead or self._now is _NOWHERE:
            self._now = _NOWHERE
            names = [self._column]
            self._stretches = self._table.stretches(names, audio=names, group=group)
        while self._now.group < group or row >= self._now.first + self._now.n_rows:
            step = next(self._stretches, None)
            if step is None or step.group > group:
                self._now = _NOWHERE
                raise UnreadableAudioError(f"has no row {row} in its part {group}", path=self._url)
            self._now = step
        return self._now.batch.column(0)[row - self._now.first]

    def close(self) -> None:
        """Close the table."""
        self._stack.close()


class _Key(NamedTuple):
    """Key of a column of a table; it differs once the table was rewritten."""

    url: str
    stamp: str
    column: str


_cursors: dict[_Key, _Cursor] = {}
_heavy: dict[tuple[_Key, int], int] = {}
"""Parts of tables that need more memory than available, and from which row on."""


def _key(url: str, column: str) -> _Key:
    stamp = "" if is_remote(url) or not Path(url).exists() else local_stamp(Path(url).stat())
    return _Key(url, stamp, column)


def _cursor(key: _Key) -> _Cursor:
    cursor = _cursors.pop(key, None) or _Cursor(key.url, key.column)
    _cursors[key] = cursor  # last: the most recently used
    while len(_cursors) > _MOST_OPEN:
        _cursors.pop(next(iter(_cursors))).close()
    return cursor


def close_tables() -> None:
    """Close the tables that `read_cell` keeps open."""
    while _cursors:
        _cursors.popitem()[1].close()
