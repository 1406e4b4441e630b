"""The findings as a table: Parquet, CSV or JSON lines, with one schema, in the order of the ids.

Nothing in it depends on when or where the scan ran, so that two scans of the same recordings give
the same bytes.
"""

from __future__ import annotations

import csv
import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import MissingExtraError
from sottovoce.files.escaping import escape_csv
from sottovoce.files.writing import atomic_path
from sottovoce.scan.finding import notice_of
from sottovoce.scan.release import NOT_MARKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.release import Release

__all__ = [
    "FORMATS",
    "Format",
    "describe_finding",
    "open_exclude_list",
    "open_released_list",
    "read_findings",
    "remove_results",
    "write_results",
]

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = ("parquet", "csv", "jsonl")

_ROWS = 10_000
_NESTED = ("voices", "tracks", "seals", "groups", "owner_ids", "policies", "owners", "released_by")
_AS_JSON = ("voices", "tracks", "seals", "groups")
"""In Parquet too."""
_OWN = {"id", "status", "log10_p", "log10_e"}
_MOST_LINE = 1 << 24


def describe_finding(finding: Finding, release: Release = NOT_MARKED) -> dict[str, Any]:
    """Return the fields of a finding for JSON, with owner ids also in their written form.

    Parameters
    ----------
    finding : Finding
        The finding; its cells are only for the ledger.
    release : Release
        What permissions say about it.
    """
    fields = finding.to_dict()
    del fields["cells"]
    # Who searches in vain need not be named to everybody who gets the table.
    fields["seals"] = [one for one in fields["seals"] if one["log10_p"] <= math.log10(FOUND_FPR)]
    for voice in fields["voices"]:
        notice = notice_of(voice)
        said = None
        if notice is not None:
            said = {**notice, "owner": format_owner_id(notice["owner_id"])}
        voice["notice"] = voice["payload"] = said  # for one release under both names
    return {
        **fields,
        "owners": [format_owner_id(owner_id) for owner_id in finding.owner_ids],
        "released_by": list(release.serials),
        "why_not_released": release.why_not,
    }


def write_results(findings: Iterable[tuple[Finding, Release]], path: Path, *, kind: Format) -> None:
    """Write findings as a table, atomically.

    Parameters
    ----------
    findings : iterable of (Finding, Release)
        In output order, each with what permissions say about it.
    path : pathlib.Path
        The file.
    kind : "parquet", "csv" or "jsonl"
        Its format; see `docs/json.md` for the columns.

    Raises
    ------
    MissingExtraError
        If Parquet is requested and pyarrow is not installed.
    """
    rows = (describe_finding(finding, release) for finding, release in findings)
    with atomic_path(path) as part:
        match kind:
            case "parquet":
                _write_parquet(rows, part)
            case "csv":
                _write_csv(rows, part)
            case "jsonl":
                with part.open("w", encoding="utf-8") as file:
                    file.writelines(_encode(row) + "\n" for row in rows)


def remove_results(folder: Path, *, but: Format) -> None:
    """Remove the tables that `write_results` wrote into a folder in other formats.

    Parameters
    ----------
    folder : pathlib.Path
        Contains them as ``results.*``; a table with other columns is not ours and is kept.
    but : "parquet", "csv" or "jsonl"
        The format to keep.
    """
    for kind in FORMATS:
        path = folder / f"results.{kind}"
        if kind != but and path.is_file() and _columns_of(path, kind) >= _OWN:
            path.unlink()


def _columns_of(path: Path, kind: Format) -> set[str]:
    """Return the columns of a table, or none if the file is not one."""
    try:
        if kind == "parquet":
            return set(_import_parquet().read_schema(path).names)
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            first = file.readline(_MOST_LINE)
        return set(next(csv.reader([first]), []) if kind == "csv" else json.loads(first or "{}"))
    except (OSError, ValueError, TypeError, RecursionError, csv.Error, MissingExtraError):
        return set()


def read_findings(path: Path) -> Iterator[Finding]:
    """Read a table that `write_results` wrote as JSON lines or Parquet, for merging.

    Raises
    ------
    MissingExtraError
        If it is Parquet and pyarrow is not installed.
    ValueError, KeyError
        If it is neither format.
    """
    from sottovoce.scan.finding import Finding

    if path.suffix == ".parquet":
        table = _import_parquet().ParquetFile(path)
        for batch in table.iter_batches(_ROWS):
            for row in batch.to_pylist():
                nested = {name: json.loads(row[name]) for name in _AS_JSON if name in row}
                yield Finding.from_dict(_without_words({**row, **nested}))
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield Finding.from_dict(_without_words(json.loads(line)))


def _without_words(fields: dict[str, Any]) -> dict[str, Any]:
    for voice in fields["voices"]:
        notice = notice_of(voice)
        voice.pop("payload", None)
        voice["notice"] = notice and {k: v for k, v in notice.items() if k != "owner"}
    return fields


@contextmanager
def open_exclude_list(path: Path) -> Iterator[Callable[[Finding], None]]:
    """Write the ids of findings, one per line, atomically.

    Line breaks in an id are written as in JSON, in quotes.

    Parameters
    ----------
    path : pathlib.Path
        The file; moved into place when the block ends.

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


@contextmanager
def open_released_list(path: Path, *, wanted: bool) -> Iterator[Callable[[Finding, Release], None]]:
    """Write the ids of released recordings, with grants and owners, one per line, atomically.

    Parameters
    ----------
    path : pathlib.Path
        The file; moved into place when the block ends.  Columns are separated by tabs: id as in
        `open_exclude_list`, serials of grants, and owner ids, each joined by commas.
    wanted : bool
        Whether there are grants; without, an earlier file is removed.

    Yields
    ------
    add : callable
        Takes a finding, and the decision about it.
    """
    if not wanted:
        yield lambda _finding, _release: None
        # Last: while exclude.txt is an earlier one, this says what it leaves out.
        path.unlink(missing_ok=True)
        return
    with (
        atomic_path(path) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape") as file,
    ):

        def add(finding: Finding, release: Release) -> None:
            one = finding.id if finding.id.isprintable() else _encode(finding.id)
            owners = ",".join(format_owner_id(owner_id) for owner_id in release.owner_ids)
            file.write(f"{one}\t{','.join(release.serials)}\t{owners}\n")

        yield add


_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True).encode


def _flatten(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a row without nesting, with lists and mappings as JSON."""
    return {**fields, **{name: _encode(fields[name]) for name in _NESTED}}


def _write_csv(rows: Iterable[dict[str, Any]], part: Path) -> None:
    from sottovoce.scan.finding import Finding

    names = list(describe_finding(Finding(id="", status="clean")))
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: escape_csv(x) for name, x in _flatten(row).items()})


def _import_parquet() -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        import pyarrow.parquet
    except ImportError as err:
        raise MissingExtraError("pyarrow", extra="scan", purpose="write Parquet") from err
    return pyarrow.parquet


def _write_parquet(rows: Iterable[dict[str, Any]], part: Path) -> None:
    parquet = _import_parquet()
    import pyarrow as pa

    text, real, whole = pa.string(), pa.float64(), pa.int64()
    schema = pa.schema(
        [
            *(("id", text), ("status", text), ("log10_p", real), ("log10_e", real)),
            *(("score", real), ("seconds", real), ("sound_s", real), ("sr", whole)),
            *(("n_channels", whole), ("format", text), ("voices", text)),
            *(("n_more_voices", whole), ("tracks", text)),
            *(("sha256", text), ("pcm_sha256", text), ("seals", text)),
            *(("message", text), ("remedy", text), ("cause", text), ("groups", text)),
            *(("owner_ids", pa.list_(whole)), ("policies", pa.list_(whole))),
            *(("training", text), ("owners", pa.list_(text))),
            *(("released_by", pa.list_(text)), ("why_not_released", text)),
        ]
    )
    # By columns: with rows, pyarrow would look up every key again.
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    with parquet.ParquetWriter(part, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pydict(columns, schema=schema))
            for column in columns.values():
                column.clear()

        for fields in rows:
            for name in _AS_JSON:
                fields[name] = _encode(fields[name])
            for name, column in columns.items():
                column.append(fields[name])
            if len(columns["id"]) >= _ROWS:
                flush()
        flush()
