"""`ParquetSource`: tables with audio in their cells, or paths to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.scan.datasets.columns import table_errors
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.parquet import open_parquet
from sottovoce.scan.datasets.rows import TableRows
from sottovoce.scan.source import DEFAULTS, Kept, SourceOptions, atomic_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.datasets.parquet import ParquetTable
    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording

__all__ = ["ParquetSource"]

_GROUP_BYTES = 256 << 20
"""Maximum size of a row group in a copy; smaller ones are copied unchanged."""


class ParquetSource:
    """One Parquet file.

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
        self._rows = TableRows(name, open_parquet, options=options)

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield a recording for each row and column of audio, and each path only once."""
        return self._rows.recordings()

    def cuts(self) -> Iterator[Cut]:
        """Yield every row."""
        return self._rows.cuts()

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the table without the rows that have a refused recording.

        Schema, metadata (Hugging Face's too), codecs and, unless they are large, row groups are
        preserved.

        Raises
        ------
        AudioFileError
            If the table is damaged.
        """
        with atomic_out(out) as part:
            try:
                with open_parquet(self.name) as table:
                    n_kept, n_left_out = self._copy(table, part, refused)
            except AudioFileError:
                raise
            except table_errors() as err:
                raise UnreadableAudioError(f"is damaged: {err}", path=self.name) from err
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)

    def _copy(
        self, table: ParquetTable, part: Path, refused: Callable[[str], bool]
    ) -> tuple[int, int]:
        pa = import_arrow()
        n_kept = n_left_out = 0
        with pa.parquet.ParquetWriter(
            str(part),
            table.schema,
            compression=table.codecs(),
            write_batch_size=table.rows_at_once(),
        ) as writer:
            waiting: list[Any] = []
            group = n_bytes = 0
            for stretch, mask in self._rows.kept(table, refused=refused):
                if waiting and (stretch.group != group or n_bytes > _GROUP_BYTES):
                    _write_group(writer, waiting)
                    waiting, n_bytes = [], 0
                rows = stretch.batch.filter(pa.array(mask, pa.bool_()))
                waiting.append(rows)
                group, n_bytes = stretch.group, n_bytes + rows.nbytes
                n_kept += rows.num_rows
                n_left_out += stretch.n_rows - rows.num_rows
            _write_group(writer, waiting)
        return n_kept, n_left_out


def _write_group(writer: Any, batches: list[Any]) -> None:  # noqa: ANN401 - pyarrow has no types
    n_rows = sum(batch.num_rows for batch in batches)
    if n_rows:
        table = import_arrow().Table.from_batches(batches)
        writer.write_table(table, row_group_size=n_rows)
