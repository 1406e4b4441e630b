"""`PathTableSource`: tables of text (CSV, TSV) with a column of paths."""

from __future__ import annotations

import csv
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.listed import (
    MAX_LINE_BYTES,
    PATH_NAMES,
    Entry,
    Line,
    Use,
    clean,
    cuts_of,
    fail,
    folder_of,
    groups_of,
    leads_to_file,
    point_at,
    read_lines,
    write_entries,
)
from sottovoce.scan.listed_recordings import recordings_of
from sottovoce.scan.reach import NOWHERE
from sottovoce.scan.storage import is_remote
from sottovoce.scan.telling_sound import looks_like_path, names_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.sources import Kept

__all__ = ["PathTableSource", "names_paths"]

_DELIMITERS = ",;\t|"
_MOST_LINES = 10_000
"""Of one row."""


class PathTableSource:
    """A table of text, whose first row names its columns.

    Parameters
    ----------
    name : str
        Its path or address.
    column : tuple of str
        The columns of paths; all are found where none is named.
    group_by : tuple of str
        Columns that say what recordings belong to, beside those that say who speaks.
    root : str or None
        Folder from which relative paths are taken; None for the table's own, or the folder
        ``clips`` in it where the table is one of Common Voice's.
    """

    def __init__(
        self,
        name: str,
        *,
        column: tuple[str, ...] = (),
        group_by: tuple[str, ...] = (),
        root: str | None = None,
    ) -> None:
        self.name = name
        self.within = ""
        self.reach = NOWHERE
        self._column = column
        self._group_by = group_by
        self._root = root

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each file once."""
        return recordings_of(
            self._entries(), listing=self.name, reach=self.reach, within=self.within
        )

    def cuts(self) -> Iterator[Cut]:
        """Yield every row, as a whole file."""
        return cuts_of(self._entries())

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the table without the rows of what is refused; the others stay as they are."""
        packed = self.name.lower().endswith(".gz")
        return write_entries(self._entries(), out, refused=refused, packed=packed)

    def _entries(self) -> Iterator[Entry]:
        rows = _Rows(self.name)
        header: list[str] = []
        indices: list[int] = []
        folder = ""
        for number, fields, raw, problem in rows:
            row_id = f"{self.name}::line {number}"
            if problem:
                yield Entry(raw=b"", uses=(fail(row_id, problem),))
            elif not fields:
                yield Entry(raw=raw)
            elif not header:
                header = [field.strip() for field in fields]
                indices = _find_columns(header, self._column)
                folder = self._folder(header)
                yield Entry(raw=raw)
                if not indices:
                    yield Entry(raw=b"", uses=(self._no_column(header),))
                    return
            else:
                values = dict(zip(header, fields, strict=False))
                yield Entry(
                    raw=raw,
                    uses=tuple(self._uses(fields, indices, folder, row_id, header)),
                    groups=groups_of(values, group_by=self._group_by),
                )

    def _uses(
        self, fields: list[str], indices: list[int], folder: str, row_id: str, header: list[str]
    ) -> Iterator[Use]:
        """Yield the files that a row names: in columns of paths, and by suffix in all others."""
        others = [i for i in range(len(fields)) if i not in indices and not self._column]
        for i in (*indices, *others):
            value = fields[i].strip() if i < len(fields) else None
            if i in others and not looks_like_path(value):
                continue
            known_as = row_id if i == indices[0] else f"{row_id}::{clean(_at(header, i))}"
            use = point_at(value, folder=folder, known_as=known_as)
            if i not in others or names_sound(_at(header, i)) or leads_to_file(use):
                yield use

    def _folder(self, header: list[str]) -> str:
        folder = folder_of(self.name) if self._root is None else self._root
        is_common_voice = self._root is None and {"client_id", "path"} <= set(header)
        if is_common_voice and not is_remote(folder) and Path(folder, "clips").is_dir():
            return str(Path(folder, "clips"))
        return folder

    def _no_column(self, header: list[str]) -> Use:
        missing = [name for name in self._column if name not in header]
        wanted = "of paths" if not missing else repr(missing[0])
        names = ", ".join(repr(name)[:60] for name in header[:20])
        return fail(self.name, f"has no column {wanted}", f"Name the column. There are: {names}")


def names_paths(url: str, column: tuple[str, ...]) -> bool:
    """Return whether the first row of a table names a column of paths."""
    for _, fields, _, problem in _Rows(url):
        if problem:
            return False
        if fields:
            return bool(_find_columns([field.strip() for field in fields], column))
    return False


class _UnusableLineError(Exception):
    """A line that is no part of any row."""


class _Rows:
    """Rows of a table; iterating yields number, fields and bytes of each, and what is wrong.

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
        # Tables with tabs hold quotation marks that quote nothing, Common Voice's for one: an
        # open one would swallow the rows behind it.
        is_plain = self._url.lower().removesuffix(".gz").endswith(".tsv")
        reader = csv.reader(
            iter(self._feed, None),
            delimiter="\t" if is_plain else max(_DELIMITERS, key=first.text.count),
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
                problem = f"is no row of a table: {err}"
            except _UnusableLineError as err:
                problem = str(err)
            if is_plain:
                fields = [_unquote(field) for field in fields]
            raw = b"".join(line.raw for line in self._taken)
            yield self._taken[0].number, fields, raw, problem

    def _feed(self) -> str | None:
        """Return the next line as csv wants it, or None at the end."""
        line = next(self._lines, None)
        if line is None:
            return None
        self._taken.append(line)
        if line.problem:
            raise _UnusableLineError(line.problem)
        if sum(len(one.raw) for one in self._taken[-2:]) > MAX_LINE_BYTES or (
            len(self._taken) > _MOST_LINES
        ):
            raise _UnusableLineError("is a row that does not end")
        text = line.raw.decode("utf-8", errors="surrogateescape")
        return text.removeprefix("\ufeff") if line.number == 1 else text


def _find_columns(header: list[str], column: tuple[str, ...]) -> list[int]:
    """Return where the columns of paths are, the one of the recording itself first."""
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
