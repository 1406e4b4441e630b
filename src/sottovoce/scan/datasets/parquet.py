"""`ParquetTable`: a Parquet file, read a few rows at a time: a row group may not fit in memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnreadableAudioError
from sottovoce.scan.datasets.columns import table_errors
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.table import RowBlock
from sottovoce.scan.stores.store import open_binary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from sottovoce.scan.datasets.columns import AudioColumn

__all__ = ["ParquetTable", "open_parquet"]

_BUFFER_BYTES = 1 << 20
"""Without it, the column of a whole row group is read before its first row is available."""
_STEP_BYTES = 8 << 20
_STEP_ROWS = 1024
_MOST_GROUPS = 64
"""Row groups sampled for the size of a column, if reading all of them would take long."""
_CODECS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}
_WRITTEN = frozenset({"NONE", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD"})


@contextmanager
def open_parquet(url: str) -> Iterator[ParquetTable]:
    """Open a Parquet file.

    Parameters
    ----------
    url : str
        Path or address.

    Raises
    ------
    AudioFileError
        If it cannot be opened.
    """
    pa = import_arrow()
    with open_binary(url) as file:
        try:
            opened = pa.parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except table_errors() as err:
            raise UnreadableAudioError(
                "is not a Parquet file, or is damaged", path=url, remedy="Get a complete copy."
            ) from err
        with opened:
            yield ParquetTable(file, opened)


class ParquetTable:
    """A Parquet file as a `sottovoce.scan.datasets.rows.Table`.

    Parameters
    ----------
    file : binary file
        The file.
    opened : pyarrow.parquet.ParquetFile
        The same file, with its metadata read.

    Attributes
    ----------
    schema : pyarrow.Schema
        With its metadata.
    can_jump : bool
        Whether a group can be read without the ones before it.
    """

    can_jump = True

    def __init__(self, file: BinaryIO, opened: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self.schema = opened.schema_arrow
        self._file = file
        self._opened = opened

    def stretches(
        self,
        columns: list[str] | None,
        *,
        audio: list[str],
        group: int = 0,
        lengths: Sequence[AudioColumn] = (),
    ) -> Iterator[RowBlock]:
        """Yield all rows from a group on; see `sottovoce.scan.datasets.rows.Table`."""
        if columns is not None:
            columns = [*columns, *(self._leanest(one) for one in lengths)]
        opened = self._opened if columns is None else self._with_dictionaries(columns)
        metadata = opened.metadata
        number = sum(metadata.row_group(i).num_rows for i in range(group))
        for index in range(group, metadata.num_row_groups):
            n_rows = metadata.row_group(index).num_rows
            n_bytes = self._mean_bytes(index, audio)
            if columns is not None and not columns:
                yield RowBlock(group=index, first=0, number=number, n_rows=n_rows, n_bytes=n_bytes)
            else:
                yield from self._read(opened, index, columns, number, n_bytes)
            number += n_rows

    def _with_dictionaries(self, columns: list[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the file opened so that a text that occurs a million times is held once."""
        pa = import_arrow()
        texts = [
            name
            for name in columns
            if self.schema.get_field_index(name) >= 0
            and pa.types.is_string(self.schema.field(name).type)
        ]
        return pa.parquet.ParquetFile(
            self._file,
            metadata=self._opened.metadata,
            read_dictionary=texts,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
        )

    def _read(
        self,
        opened: Any,  # noqa: ANN401 - pyarrow has no types
        group: int,
        columns: list[str] | None,
        number: int,
        n_bytes: int,
    ) -> Iterator[RowBlock]:
        mean = self._mean_bytes(group, columns)
        first = 0
        for batch in opened.iter_batches(
            batch_size=max(1, min(_STEP_ROWS, _STEP_BYTES // max(1, mean))),
            row_groups=[group],
            columns=columns,
            use_threads=False,
        ):
            yield RowBlock(
                group=group,
                first=first,
                number=number + first,
                n_rows=batch.num_rows,
                batch=batch,
                n_bytes=n_bytes,
            )
            first += batch.num_rows

    def _mean_bytes(self, group: int, columns: list[str] | None) -> int:
        """Return the approximate bytes per row in some columns."""
        _, n_bytes = self._sizes(group, columns)
        return int(n_bytes // max(1, self._opened.metadata.row_group(group).num_rows))

    def _sizes(self, group: int, columns: list[str] | None) -> tuple[int, int]:
        """Return the bytes of some columns in a group, packed and unpacked."""
        metadata = self._opened.metadata.row_group(group)
        n_packed = n_bytes = 0
        for i in range(metadata.num_columns):
            chunk = metadata.column(i)
            path = chunk.path_in_schema
            if columns is None or any(path == one or path.startswith(f"{one}.") for one in columns):
                n_packed += max(0, chunk.total_compressed_size)
                n_bytes += max(0, chunk.total_uncompressed_size)
        return n_packed, n_bytes

    def sizes(self, columns: list[str]) -> Iterator[tuple[int, int]]:
        """Yield the bytes of some columns in each group, packed and unpacked."""
        for group in range(self._opened.metadata.num_row_groups):
            yield self._sizes(group, columns)

    def mean_bytes(self, column: str) -> int:
        """Return the approximate bytes per row of a column; -1 if not known."""
        n_groups = self._opened.metadata.num_row_groups
        return max(
            (self._mean_bytes(i, [column]) for i in range(min(n_groups, _MOST_GROUPS))), default=-1
        )

    def _leanest(self, column: AudioColumn) -> str:
        """Return the smallest part of a column of lists that contains their lengths."""
        metadata = self._opened.metadata
        if not metadata.num_row_groups:
            return column.name
        group = metadata.row_group(0)
        wanted = [column.name, *(step for step in column.steps if step is not None)]
        found = [
            (chunk.total_uncompressed_size, chunk.path_in_schema)
            for chunk in (group.column(i) for i in range(group.num_columns))
            if _fields(chunk.path_in_schema)[: len(wanted)] == wanted
        ]
        return str(min(found)[1]) if found else column.name

    def rows_at_once(self) -> int:
        """Return after how many rows a writer should check whether its page is full.

        After 1024, the default, a page of recordings has a gigabyte, all of which must be held to
        read any one of them.
        """
        n_groups = self._opened.metadata.num_row_groups
        mean = max((self._mean_bytes(i, None) for i in range(n_groups)), default=0)
        return max(1, min(_STEP_ROWS, _BUFFER_BYTES // max(1, mean)))

    def codecs(self) -> dict[str, str] | str:
        """Return the codec of each column, in the form used for writing."""
        metadata = self._opened.metadata
        if metadata.num_row_groups == 0:
            return "snappy"
        group = metadata.row_group(0)
        chunks = [group.column(i) for i in range(group.num_columns)]
        codecs = {
            chunk.path_in_schema: _CODECS.get(chunk.compression, chunk.compression)
            for chunk in chunks
        }
        return {path: codec if codec in _WRITTEN else "ZSTD" for path, codec in codecs.items()}


def _fields(path: str) -> list[str]:
    """Return the names on the way to a part of a column, without those added for lists."""
    names = path.split(".")
    kept, i = [], 0
    while i < len(names):
        if i and names[i : i + 2] in (["list", "element"], ["list", "item"], ["bag", "array"]):
            i += 2
            continue
        if i and names[i] in ("key_value", "entries") and names[i + 1 : i + 2] != []:  # a map
            i += 1
            continue
        kept.append(names[i])
        i += 1
    return kept
