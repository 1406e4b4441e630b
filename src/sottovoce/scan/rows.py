"""What the rows of a Parquet or Arrow table are to a scan: recordings, examples, and a copy's rows.

A table comes in stretches of neighbouring rows, so that nothing of it is held for long.  Values
are looked at one at a time: a small file may hold the same long text a million times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.scan.columns import AudioColumn, audio_columns, import_arrow, table_errors
from sottovoce.scan.finding import Finding
from sottovoce.scan.listed import (
    GROUP_NAMES,
    Entry,
    Use,
    clean,
    folder_of,
    groups_of,
    point_at,
)
from sottovoce.scan.listed_recordings import recordings_of
from sottovoce.scan.recording import Cell, Cut, Recording
from sottovoce.scan.storage import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Example", "Stretch", "Table", "TableRows"]

_UNSUPPORTED = (MissingExtraError, UnsupportedFormatError)
_MOST_TEXT = 1 << 14
"""Bytes of a path or name that are looked at: more than any may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring rows of a table.

    Attributes
    ----------
    group, first : int
        Row group or record batch, and the first row's place in it.
    number : int
        The first row's place in the table.
    n_rows : int
        How many.
    batch : pyarrow.RecordBatch or None
        The columns that were asked for; None where that were none.
    n_bytes : int
        Of one row's audio, about; 0 where that is not known.
    """

    group: int
    first: int
    number: int
    n_rows: int
    batch: Any = None
    n_bytes: int = 0

    def value(self, column: str, row: int) -> object:
        """Return a number or the beginning of a text; None where there is neither."""
        index = -1 if self.batch is None else self.batch.schema.get_field_index(column)
        if index < 0:
            return None
        cell = self.batch.column(index)[row]
        if hasattr(cell, "dictionary"):
            cell = cell.value
        if not cell.is_valid:
            return None
        if hasattr(cell, "as_buffer"):
            raw = cell.as_buffer().slice(0, min(cell.as_buffer().size, _MOST_TEXT))
            return raw.to_pybytes().decode("utf-8", errors="surrogateescape")
        try:
            value: object = cell.as_py()
        except (ValueError, OverflowError):  # a date that Python does not have
            return None
        return value


class Table(Protocol):
    """A file with rows, opened.

    Attributes
    ----------
    schema : pyarrow.Schema
        With its metadata.
    can_jump : bool
        Whether a group can be read without those before it.
    """

    schema: Any
    can_jump: bool

    def stretches(
        self, columns: list[str] | None, *, audio: list[str], group: int = 0
    ) -> Iterator[Stretch]:
        """Yield all rows from a group on, with some columns or (None) all of them.

        Parameters
        ----------
        columns : list of str or None
            What the stretches hold.
        audio : list of str
            Columns with audio, for its size.
        group : int
            Where to begin.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row of a table.

    Attributes
    ----------
    id : str
        ``"train.parquet::17"``.
    uses : tuple of (Use, AudioColumn)
        Its recordings, and the columns that they are in.
    stretch : Stretch
        Where it is.
    row : int
        Its place in the stretch.
    """

    id: str
    uses: tuple[tuple[Use, AudioColumn], ...]
    stretch: Stretch
    row: int


class TableRows:
    """The rows of one table.

    Parameters
    ----------
    url : str
        The table.
    open_table : callable
        Opens it, as a context manager.
    column : str or None
        The column with audio, where the person named it.
    group_by : tuple of str
        Columns that say what recordings belong to.
    root : str or None
        Folder from which relative paths are taken; None for the table's own.
    """

    def __init__(
        self,
        url: str,
        open_table: Callable[[str], AbstractContextManager[Table]],
        *,
        column: str | None,
        group_by: tuple[str, ...],
        root: str | None,
    ) -> None:
        self.url = url
        self._open = open_table
        self._column = column
        self._group_by = group_by
        self._folder = folder_of(url) if root is None else root

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield them, and last a finding if the table cannot be read to its end."""
        groups = {"shard": clean(self.url.rpartition("/")[2])}
        try:
            stamp, _ = stamp_of(self.url)
            with self._open(self.url) as table:
                columns = self.audio_columns(table)
                labels = self._labels(table)
                if any(one.kind == "cells" for one in columns):
                    for example in self._read(table, columns, labels):
                        yield from self._cells(example, labels, stamp, groups)
                if any(one.kind == "paths" for one in columns):
                    yield from recordings_of(self._entries(table, columns, labels, groups))
        except (AudioFileError, MissingExtraError) as err:
            yield self._fail(err, groups)
        except table_errors() as err:
            damage = AudioFileError(
                f"is damaged: {_first_line(err)}", path=self.url, remedy="Get a complete copy."
            )
            yield self._fail(damage, groups)

    def cuts(self) -> Iterator[Cut]:
        """Yield every row; one with several recordings once for each of them."""
        try:
            with self._open(self.url) as table:
                for example in self._read(table, self.audio_columns(table), []):
                    for use, _ in example.uses:
                        yield Cut(id=example.id, recording_id=use.recording_id)
        except (AudioFileError, MissingExtraError):
            return  # `recordings` tells of it
        except table_errors():
            return

    def kept(
        self, table: Table, *, refused: Callable[[str], bool]
    ) -> Iterator[tuple[Stretch, Any]]:
        """Yield stretches with all columns, and which rows hold no refused recording."""
        columns = self.audio_columns(table)
        names = [one.name for one in columns]
        for stretch in table.stretches(None, audio=names):
            mask = [
                not any(refused(use.recording_id) for use, _ in example.uses)
                for example in self._examples([stretch], columns)
            ]
            yield stretch, mask

    def audio_columns(self, table: Table) -> list[AudioColumn]:
        """Return the columns with audio; see `sottovoce.scan.columns.audio_columns`."""
        return audio_columns(table.schema, column=self._column, url=self.url)

    def _labels(self, table: Table) -> list[str]:
        wanted = (*GROUP_NAMES, *self._group_by)
        return [
            name
            for name in dict.fromkeys(wanted)
            if (index := table.schema.get_field_index(name)) >= 0
            and not import_arrow().types.is_nested(table.schema.field(index).type)
        ]

    def _read(
        self, table: Table, columns: list[AudioColumn], labels: list[str]
    ) -> Iterator[Example]:
        paths = [one.name for one in columns if one.kind == "paths"]
        names = [one.name for one in columns]
        stretches = table.stretches(list(dict.fromkeys([*paths, *labels])), audio=names)
        return self._examples(stretches, columns)

    def _examples(
        self, stretches: Iterable[Stretch], columns: list[AudioColumn]
    ) -> Iterator[Example]:
        for stretch in stretches:
            for row in range(stretch.n_rows):
                row_id = f"{self.url}::{stretch.number + row}"
                uses = tuple(
                    (self._use(stretch, row, one, row_id, alone=len(columns) == 1), one)
                    for one in columns
                )
                yield Example(id=row_id, uses=uses, stretch=stretch, row=row)

    def _use(
        self, stretch: Stretch, row: int, column: AudioColumn, row_id: str, *, alone: bool
    ) -> Use:
        own_id = row_id if alone else f"{row_id}::{clean(column.name)}"
        if column.kind == "cells":
            return Use(recording_id=own_id)
        return point_at(stretch.value(column.name, row), folder=self._folder, known_as=own_id)

    def _groups(
        self, example: Example, labels: list[str], groups: dict[str, str]
    ) -> dict[str, str]:
        values = {name: example.stretch.value(name, example.row) for name in labels}
        return groups_of(values, group_by=self._group_by, **groups)

    def _cells(
        self, example: Example, labels: list[str], stamp: str, groups: dict[str, str]
    ) -> Iterator[Recording]:
        stretch = example.stretch
        groups = self._groups(example, labels, groups) if labels else groups
        for use, column in example.uses:
            if column.kind == "cells":
                yield Recording(
                    id=use.recording_id,
                    place=Cell(self.url, stretch.group, stretch.first + example.row, column.name),
                    stamp=stamp,
                    n_bytes=stretch.n_bytes,
                    groups=groups,
                )

    def _entries(
        self,
        table: Table,
        columns: list[AudioColumn],
        labels: list[str],
        groups: dict[str, str],
    ) -> Iterator[Entry]:
        for example in self._read(table, columns, labels):
            uses = tuple(use for use, column in example.uses if column.kind == "paths")
            yield Entry(raw=b"", uses=uses, groups=self._groups(example, labels, groups))

    def _fail(self, err: SottovoceError, groups: dict[str, str]) -> Finding:
        return Finding(
            id=self.url,
            status="unsupported" if isinstance(err, _UNSUPPORTED) else "error",
            message=str(err).removeprefix(f"{self.url}: "),
            remedy=err.remedy,
            groups=groups,
        )


def _first_line(err: Exception) -> str:
    return (str(err).splitlines() or [type(err).__name__])[0][:200]
