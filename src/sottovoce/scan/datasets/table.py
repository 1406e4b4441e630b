"""`Table`: an open file with rows; `RowBlock`: some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sottovoce.scan.datasets.columns import AudioColumn

__all__ = ["RowBlock", "Table", "value_of"]

_MOST_TEXT = 1 << 14
"""Bytes of a path or name that are read: more than any valid one has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """Neighbouring rows of a table.

    Attributes
    ----------
    group, first : int
        Row group or record batch, and the index of the first row in it.
    number : int
        Index of the first row in the table.
    n_rows : int
        Number of rows.
    batch : pyarrow.RecordBatch or None
        The requested columns; None if none were requested.
    n_bytes : int
        Approximate size of one row's audio; 0 if not known.
    """

    group: int
    first: int
    number: int
    n_rows: int
    batch: Any = None
    n_bytes: int = 0

    def value(self, column: str, row: int) -> object:
        """Return a number or the beginning of a text; None if there is neither."""
        cell = self.cell(column, row)
        return None if cell is None else value_of(cell)

    def cell(self, column: str, row: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return a cell, or None if the column was not requested."""
        index = -1 if self.batch is None else self.batch.schema.get_field_index(column)
        return None if index < 0 else self.batch.column(index)[row]


def value_of(cell: Any) -> object:  # noqa: ANN401 - pyarrow has no types
    """Return the number in a cell, or the beginning of its text; None if there is neither."""
    if hasattr(cell, "dictionary"):
        cell = cell.value
    if not cell.is_valid:
        return None
    if hasattr(cell, "as_buffer"):
        raw = cell.as_buffer().slice(0, min(cell.as_buffer().size, _MOST_TEXT))
        return raw.to_pybytes().decode("utf-8", errors="surrogateescape")
    try:
        value: object = cell.as_py()
    except (ValueError, OverflowError):  # a date outside Python's range
        return None
    return value


class Table(Protocol):
    """An open file with rows.

    Attributes
    ----------
    schema : pyarrow.Schema
        With its metadata.
    can_jump : bool
        Whether a group can be read without the ones before it.
    """

    schema: Any
    can_jump: bool

    def stretches(
        self,
        columns: list[str] | None,
        *,
        audio: list[str],
        group: int = 0,
        lengths: Sequence[AudioColumn] = (),
    ) -> Iterator[RowBlock]:
        """Yield all rows from a group on, with some columns or (None) all of them.

        Parameters
        ----------
        columns : list of str or None
            Columns in the blocks.
        audio : list of str
            Columns with audio, for its size.
        group : int
            Where to begin.
        lengths : sequence of AudioColumn
            Lists of audio, of which the blocks hold only what is needed to know their lengths.
        """

    def mean_bytes(self, column: str) -> int:
        """Return the approximate bytes per row of a column; -1 if not known."""

    def sizes(self, columns: list[str]) -> Iterator[tuple[int, int]]:
        """Yield the bytes of some columns in each group, packed and unpacked, if declared."""
