"""`PathTableSource`: text tables (CSV, TSV) with a column of paths."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sottovoce.scan.listings.entries import (
    PATH_NAMES,
    Entry,
    RecordingRef,
    cuts_of,
    fail,
    folder_of,
    groups_of,
    leads_to_file,
    point_at,
    write_entries,
)
from sottovoce.scan.listings.listed_recordings import recordings_of
from sottovoce.scan.listings.sound_values import looks_like_path, names_sound
from sottovoce.scan.listings.texts import MAX_LINE_BYTES, Line, read_lines
from sottovoce.scan.plain_text import clean
from sottovoce.scan.source import DEFAULTS, SourceOptions
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.reach.reach import Reach
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.source import Kept

__all__ = ["PathTableSource", "names_paths"]

_DELIMITERS = ",;\t|"
_MOST_LINES = 10_000
"""Limit for one row."""


class PathTableSource:
    """A text table whose first row names its columns.

    Parameters
    ----------
    name : str
        Its path or address.
    options : SourceOptions
        How it is read.
    """

    def __init__(
        self,
        name: str,
        *,
        options: SourceOptions = DEFAULTS,
    ) -> None:
        self.name = name
        self._column = options.column
        self._group_by = options.group_by
        self._folder = folder_of(name)
        self._reach = options.reach

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each file once."""
        return recordings_of(self._entries(), listing=self.name, reach=self._reach)

    def cuts(self) -> Iterator[Cut]:
        """Yield every row, as a whole file."""
        return cuts_of(self._entries())

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the table without the rows of refused recordings; the others are unchanged."""
        packed = self.name.lower().endswith(".gz")
        return write_entries(
            self._entries(), out, folder=self._folder, refused=refused, packed=packed
        )

    def _entries(self) -> Iterator[Entry]:
        layout: _Layout | None = None
        for number, fields, raw, problem in _Rows(self.name):
            row_id = f"{self.name}::line {number}"
            if problem:
                yield Entry(raw=b"", uses=(fail(row_id, problem),))
                continue
            if not fields:
                yield Entry(raw=raw)
                continue
            if layout is None:
                layout = _lay_out(self.name, fields, self._column, self._reach)
                if layout.has_head:
                    yield Entry(raw=raw)
                    if not layout.indices:
                        yield Entry(raw=b"", uses=(self._no_column(layout.header),))
                        return
                    continue
            values = dict(zip(layout.header, fields, strict=False))
            yield Entry(
                raw=raw,
                uses=tuple(self._uses(fields, layout, row_id)),
                groups=groups_of(values, group_by=self._group_by),
            )

    def _uses(self, fields: list[str], layout: _Layout, row_id: str) -> Iterator[RecordingRef]:
        """Yield the files that a row names: in path columns, and by suffix in all others."""
        indices, header = layout.indices, layout.header
        others = [i for i in range(len(fields)) if i not in indices and not self._column]
        for i in (*indices, *others):
            value = fields[i].strip() if i < len(fields) else None
            if i in others and not looks_like_path(value):
                continue
            known_as = row_id if i == indices[0] else f"{row_id}::{clean(_at(header, i))}"
            use = point_at(
                value,
                folder=layout.folder,
                known_as=known_as,
                reach=self._reach,
                places=layout.places,
            )
            if i not in others or names_sound(_at(header, i)) or leads_to_file(use):
                yield use

    def _no_column(self, header: list[str]) -> RecordingRef:
        missing = [name for name in self._column if name not in header]
        wanted = "of paths" if not missing else repr(missing[0])
        names = ", ".join(repr(name)[:60] for name in header[:20])
        return fail(
            self.name,
            f"has no column {wanted}",
            f"Name the column. Available: {names}",
            cause="no column",
        )


def names_paths(url: str, column: tuple[str, ...], reach: Reach) -> bool:
    """Return whether the first row of a table names a column of paths, or holds a path."""
    for _, fields, _, problem in _Rows(url):
        if problem:
            return False
        if fields:
            return bool(_lay_out(url, fields, column, reach).indices)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the paths of a table are."""

    header: list[str]
    indices: list[int]
    folder: str
    places: tuple[str, ...] = ()
    has_head: bool = True
    """Whether the first row is not an example."""


def _lay_out(url: str, fields: list[str], column: tuple[str, ...], reach: Reach) -> _Layout:
    """Return the layout from the first row: names of columns, a folder, or an example."""
    first, folder = [field.strip() for field in fields], folder_of(url)
    stem = url.rpartition("/")[2].partition(".")[0]
    # FLEURS has its files in audio/train, LJSpeech in wavs, Common Voice in clips.
    places: tuple[str, ...] = ("wavs", "clips", stem, f"audio/{stem}", "audio")
    nameless = [f"column {i + 1}" for i in range(len(first))]
    if column:
        indices = _find_columns(first, column)
        return _Layout(header=first, indices=indices, folder=folder, places=places)
    paths = [i for i, field in enumerate(first) if looks_like_path(field)][:1]
    is_list = len(first) > 1 and not {*PATH_NAMES} & {one.lower() for one in first}
    if not paths and is_list and not is_remote(folder):
        # LJSpeech omits the folder and the suffix.
        path = reach.find(first[0], folder=folder, places=places) if first[0] else None
        paths = [] if path is None else [0]
    if paths:
        return _Layout(header=nameless, indices=paths, folder=folder, places=places, has_head=False)
    if len(first) == 1 and "/" in first[0] and _is_tabbed(url):  # fairseq's
        own = first[0] if os.path.isdir(first[0]) else folder  # noqa: PTH112 - names that are too long as well
        return _Layout(header=nameless, indices=[0], folder=own, places=places)
    indices = _find_columns(first, ())
    places = ("clips",) if {"client_id", "path"} <= set(first) else ()
    return _Layout(header=first, indices=indices, folder=folder, places=places)


def _is_tabbed(url: str) -> bool:
    return url.lower().removesuffix(".gz").endswith(".tsv")


class _UnusableLineError(Exception):
    """A line that is not part of any row."""


class _Rows:
    """Rows of a table; iterating yields number, fields, bytes and problem of each.

    Parameters
    ----------
    url : str
        The table.
    """

    def __init__(self, url: str) -> None:
        self._lines = read_lines(url)
        self._url = url
        self._taken: list[Line] = []

    def __iter__(self) -> Iterator[tuple[int, list[str], bytes, str]]:
        first = next(self._lines, None)
        if first is None:
            return
        self._lines = chain([first], self._lines)
        # Tables with tabs, such as Common Voice's, hold literal quotation marks: an unbalanced
        # one would swallow the rows after it.
        # So do tables with bars, such as LJSpeech's.
        is_tabbed = _is_tabbed(self._url)
        delimiter = "\t" if is_tabbed else max(_DELIMITERS, key=first.text.count)
        names = {one.strip().lower() for one in first.text.split("|")}
        is_plain = is_tabbed or (delimiter == "|" and not names & {*PATH_NAMES})
        reader = csv.reader(
            iter(self._feed, None),
            delimiter=delimiter,
            skipinitialspace=True,
            quoting=csv.QUOTE_NONE if is_plain else csv.QUOTE_MINIMAL,
        )
        while True:
            self._taken = []
            fields, problem = [], ""
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as err:
                problem = f"is not a row of a table: {err}"
            except _UnusableLineError as err:
                problem = str(err)
            if is_plain:
                fields = [_unquote(field) for field in fields]
            raw = b"".join(line.raw for line in self._taken)
            yield self._taken[0].number, fields, raw, problem

    def _feed(self) -> str | None:
        """Return the next line in the form that csv expects, or None at the end."""
        line = next(self._lines, None)
        if line is None:
            return None
        self._taken.append(line)
        if line.problem:
            raise _UnusableLineError(line.problem)
        if sum(len(one.raw) for one in self._taken[-2:]) > MAX_LINE_BYTES or (
            len(self._taken) > _MOST_LINES
        ):
            raise _UnusableLineError("is a row without an end")
        text = line.raw.decode("utf-8", errors="surrogateescape")
        return text.removeprefix("\ufeff") if line.number == 1 else text


def _find_columns(header: list[str], column: tuple[str, ...]) -> list[int]:
    """Return the indices of the path columns, that of the recording itself first."""
    if column:
        return [header.index(one) for one in column] if {*column} <= {*header} else []
    lower = [name.lower() for name in header]
    first = next((lower.index(name) for name in PATH_NAMES if name in lower), -1)
    if first >= 0:
        return [first]
    return [i for i, name in enumerate(header) if names_sound(name)][:1]


def _at(header: list[str], i: int) -> str:
    return header[i] if i < len(header) else f"column {i + 1}"


def _unquote(field: str) -> str:
    is_quoted = len(field) > 1 and field.startswith('"') and field.endswith('"')
    return field[1:-1].replace('""', '"') if is_quoted else field
