"""The rows of a Parquet or Arrow table as recordings, as examples, and as rows of a copy.

A table is read in blocks of neighbouring rows, so that no part of it is held for long.  Values are
examined one at a time: a small file may hold the same long text a million times.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, MissingExtraError
from sottovoce.scan.datasets.columns import (
    AudioColumn,
    audio_columns,
    rate_less_columns,
    table_errors,
)
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.nested import check_declared, places, sample_rows, step_into
from sottovoce.scan.datasets.table import RowBlock, Table, value_of
from sottovoce.scan.faults import TooMuchError
from sottovoce.scan.finding import TOO_MUCH_MEMORY, Finding
from sottovoce.scan.listings.entries import (
    GROUP_NAMES,
    Entry,
    RecordingRef,
    fail,
    folder_of,
    groups_of,
    point_at,
)
from sottovoce.scan.listings.listed_recordings import recordings_of
from sottovoce.scan.plain_text import clean
from sottovoce.scan.recording import Cell, Cut, Recording
from sottovoce.scan.source import SourceOptions, tell_unreadable
from sottovoce.scan.stores.samples import as_rate
from sottovoce.scan.stores.store import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager


__all__ = ["Example", "TableRows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row of a table.

    Attributes
    ----------
    id : str
        ``"train.parquet::17"``.
    uses : tuple of (RecordingRef, AudioColumn, steps)
        Its recordings, their columns, and the steps that lead to them in the cell.
    stretch : RowBlock
        The block that contains it.
    row : int
        Its index in the block.
    """

    id: str
    uses: tuple[tuple[RecordingRef, AudioColumn, tuple[str | int, ...]], ...]
    stretch: RowBlock
    row: int


class TableRows:
    """The rows of one table.

    Parameters
    ----------
    url : str
        The table.
    open_table : callable
        Opens it, as a context manager.
    options : SourceOptions
        How it is read.
    """

    def __init__(
        self,
        url: str,
        open_table: Callable[[str], AbstractContextManager[Table]],
        *,
        options: SourceOptions,
    ) -> None:
        self.url = url
        self._open = open_table
        self._column = options.column
        self._group_by = options.group_by
        self._folder = folder_of(url)
        self._reach = options.reach

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield the recordings, followed by a finding if the table cannot be read to its end."""
        groups = {"shard": clean(self.url.rpartition("/")[2])}
        try:
            stamp, _ = stamp_of(self.url)
            with self._open(self.url) as table:
                columns = self.audio_columns(table)
                labels = self._labels(table)
                for name in rate_less_columns(table.schema) if not self._column else ():
                    yield self._without_rate(name, groups)
                if any(one.kind == "cells" for one in columns):
                    for example in self._read(table, columns, labels):
                        yield from self._cells(example, labels, stamp, groups)
                if any(one.kind == "paths" for one in columns):
                    yield from recordings_of(
                        self._entries(table, columns, labels, groups),
                        listing=self.url,
                        reach=self._reach,
                    )
        except (AudioFileError, MissingExtraError) as err:
            yield tell_unreadable(self.url, err, groups)
        except MemoryError:
            yield tell_unreadable(self.url, TooMuchError(TOO_MUCH_MEMORY, path=self.url), groups)
        except table_errors() as err:
            damage = AudioFileError(
                f"is damaged: {_first_line(err)}", path=self.url, remedy="Get a complete copy."
            )
            yield tell_unreadable(self.url, damage, groups)

    def cuts(self) -> Iterator[Cut]:
        """Yield every row; one with several recordings is yielded once for each."""
        try:
            with self._open(self.url) as table:
                for example in self._read(table, self.audio_columns(table), []):
                    for use, *_ in example.uses:
                        yield Cut(id=example.id, recording_id=use.recording_id)
        except (AudioFileError, MissingExtraError):
            return  # `recordings` reports it
        except table_errors():
            return

    def kept(
        self, table: Table, *, refused: Callable[[str], bool]
    ) -> Iterator[tuple[RowBlock, Any]]:
        """Yield blocks with all columns, and which of their rows hold no refused recording."""
        columns = self.audio_columns(table)
        names = list(dict.fromkeys(one.name for one in columns))
        for stretch in table.stretches(None, audio=names):
            mask = [
                not any(refused(use.recording_id) for use, *_ in example.uses)
                for example in self._examples([stretch], columns)
            ]
            yield stretch, mask

    def audio_columns(self, table: Table) -> list[AudioColumn]:
        """Return the columns with audio; see `sottovoce.scan.datasets.columns.audio_columns`."""

        def sample(names: list[str]) -> list[dict[str, Any]]:
            return sample_rows(table, names)

        def exists(path: str) -> bool:
            use = point_at(path, folder=self._folder, known_as=self.url, reach=self._reach)
            return use.finding is None and os.path.isfile(use.recording_id)  # noqa: PTH113 - names that are too long as well

        return audio_columns(
            table.schema, column=self._column, url=self.url, sample=sample, exists=exists
        )

    def _without_rate(self, name: str, groups: dict[str, str]) -> Finding:
        return Finding(
            id=f"{self.url}::{clean(name)}",
            status="unsupported",
            message="holds numbers, and no column states their sampling rate",
            remedy="Add a column 'sampling_rate' with the rate in Hz.",
            groups=groups,
        )

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
        rates = [one.rate for one in columns if one.kind == "cells" and one.rate]
        lengths = [one for one in columns if one.kind == "cells" and one.is_listed]
        names = list(dict.fromkeys(one.name for one in columns))
        wanted = list(dict.fromkeys([*paths, *rates, *labels]))
        check_declared(table, self.url, labels=wanted, audio=names)
        return self._examples(table.stretches(wanted, audio=names, lengths=lengths), columns)

    def _examples(
        self, stretches: Iterable[RowBlock], columns: list[AudioColumn]
    ) -> Iterator[Example]:
        for stretch in stretches:
            for row in range(stretch.n_rows):
                row_id = f"{self.url}::{stretch.number + row}"
                uses = tuple(
                    (self._use(stretch, row, inside, one, row_id), one, inside)
                    for one in columns
                    for inside in _sounds(stretch, row, one)
                )
                if not uses:
                    uses = ((fail(row_id, "holds no sound"), columns[0], ()),)
                yield Example(id=row_id, uses=uses, stretch=stretch, row=row)

    def _use(
        self,
        stretch: RowBlock,
        row: int,
        inside: tuple[str | int, ...],
        column: AudioColumn,
        row_id: str,
    ) -> RecordingRef:
        own_id = column.sound_id(row_id, inside)
        if column.kind == "cells":
            return RecordingRef(recording_id=own_id)
        cell = stretch.cell(column.name, row)
        value = None if cell is None else value_of(step_into(cell, inside))
        return point_at(value, folder=self._folder, known_as=own_id, reach=self._reach)

    def _groups(
        self, example: Example, labels: list[str], groups: dict[str, str]
    ) -> dict[str, str]:
        values = {name: example.stretch.value(name, example.row) for name in labels}
        return groups_of(values, group_by=self._group_by, **groups)

    def _cells(
        self, example: Example, labels: list[str], stamp: str, groups: dict[str, str]
    ) -> Iterator[Recording | Finding]:
        stretch = example.stretch
        groups = self._groups(example, labels, groups) if labels else groups
        for use, column, inside in example.uses:
            if column.kind == "cells" and use.finding is not None:
                yield replace(use.finding, groups=groups)
            elif column.kind == "cells":
                rate = as_rate(stretch.value(column.rate, example.row)) if column.rate else 0
                at = stretch.first + example.row
                yield Recording(
                    id=use.recording_id,
                    place=Cell(self.url, stretch.group, at, column.name, inside, rate, self._reach),
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
            uses = tuple(use for use, column, _ in example.uses if column.kind == "paths")
            yield Entry(raw=b"", uses=uses, groups=self._groups(example, labels, groups))


def _sounds(stretch: RowBlock, row: int, column: AudioColumn) -> Iterator[tuple[str | int, ...]]:
    """Yield the steps that lead to each sound in a cell; only lists must be read for this."""
    cell = stretch.cell(column.name, row) if column.is_listed else None
    return places(cell, column.steps)


def _first_line(err: Exception) -> str:
    return (str(err).splitlines() or [type(err).__name__])[0][:200]
