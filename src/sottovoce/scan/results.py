"""The findings as a table: Parquet, CSV or JSON lines, with one schema, in the order of the ids.

Nothing in it depends on when or where the scan ran, so that two scans of the same recordings give
the same bytes.
"""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import MissingExtraError
from sottovoce.files.escaping import escape_csv
from sottovoce.files.writing import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding

__all__ = ["FORMATS", "Format", "open_exclude_list", "read_findings", "write_results"]

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = ("parquet", "csv", "jsonl")

_ROWS = 10_000
_NESTED = ("voices", "groups", "owner_ids", "policies")


def write_results(findings: Iterable[Finding], path: Path, *, kind: Format) -> None:
    """Write findings as a table, atomically.

    Parameters
    ----------
    findings : iterable of Finding
        In the order in which they are to stand.
    path : pathlib.Path
        The file.
    kind : "parquet", "csv" or "jsonl"
        Its format; see `docs/json.md` for the columns.

    Raises
    ------
    MissingExtraError
        If Parquet is wanted and pyarrow is not installed.
    """
    with atomic_path(path) as part:
        match kind:
            case "parquet":
                _write_parquet(findings, part)
            case "csv":
                _write_csv(findings, part)
            case "jsonl":
                with part.open("w", encoding="utf-8") as file:
                    for finding in findings:
                        file.write(_encode(finding.to_dict()) + "\n")


def read_findings(path: Path) -> Iterator[Finding]:
    """Read what `write_results` wrote as JSON lines or Parquet, for merging.

    Raises
    ------
    MissingExtraError
        If it is Parquet and pyarrow is not installed.
    ValueError, KeyError
        If it is neither.
    """
    from sottovoce.scan.finding import Finding

    if path.suffix == ".parquet":
        table = _import_parquet().ParquetFile(path)
        for batch in table.iter_batches(_ROWS):
            for row in batch.to_pylist():
                nested = {name: json.loads(row[name]) for name in ("voices", "groups")}
                yield Finding.from_dict({**row, **nested})
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield Finding.from_dict(json.loads(line))


@contextmanager
def open_exclude_list(path: Path) -> Iterator[Callable[[Finding], None]]:
    """Write the ids of findings, one a line, atomically.

    Line breaks in an id are written as in JSON, in quotes.

    Parameters
    ----------
    path : pathlib.Path
        The file; in its place when the block ends.

    Yields
    ------
    add : callable
        Takes a finding.
    """
    with (
        atomic_path(path) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape") as file,
    ):

        def add(finding: Finding) -> None:
            one = finding.id
            file.write((one if one.isprintable() else _encode(one)) + "\n")

        yield add


_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True).encode


def _flatten(finding: Finding) -> dict[str, Any]:
    """Return a row without nesting: lists and mappings as JSON."""
    fields = finding.to_dict()
    return {**fields, **{name: _encode(fields[name]) for name in _NESTED}}


def _write_csv(findings: Iterable[Finding], part: Path) -> None:
    from sottovoce.scan.finding import Finding

    names = list(_flatten(Finding(id="", status="clean")))
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for finding in findings:
            writer.writerow({name: escape_csv(x) for name, x in _flatten(finding).items()})


def _import_parquet() -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        import pyarrow.parquet
    except ImportError as err:
        raise MissingExtraError("pyarrow", extra="scan", purpose="write Parquet") from err
    return pyarrow.parquet


def _write_parquet(findings: Iterable[Finding], part: Path) -> None:
    parquet = _import_parquet()
    import pyarrow as pa

    text, real, whole = pa.string(), pa.float64(), pa.int64()
    schema = pa.schema(
        [
            *(("id", text), ("status", text), ("log10_p", real), ("log10_e", real)),
            *(("score", real), ("seconds", real), ("sound_s", real), ("sr", whole)),
            *(("n_channels", whole), ("format", text), ("voices", text), ("message", text)),
            *(("remedy", text), ("groups", text)),
            *(("owner_ids", pa.list_(whole)), ("policies", pa.list_(whole))),
            ("training", text),
        ]
    )
    # By columns: of rows, pyarrow looks at every key again.
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    with parquet.ParquetWriter(part, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pydict(columns, schema=schema))
            for column in columns.values():
                column.clear()

        for finding in findings:
            fields = finding.to_dict()
            for name in ("voices", "groups"):
                fields[name] = _encode(fields[name])
            for name, column in columns.items():
                column.append(fields[name])
            if len(columns["id"]) >= _ROWS:
                flush()
        flush()
