"""Which columns of an Arrow schema hold audio, and in what way.

Hugging Face's data sets store a recording as a struct of its bytes and its path, either of which
may be missing, and say so in the schema's metadata; others have a column of bytes, or of paths.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import MissingExtraError, UnsupportedFormatError
from sottovoce.scan.listed import PATH_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AudioColumn", "audio_columns", "import_arrow", "is_binary", "is_text", "table_errors"]

_BYTES_NAMES = ("audio", "wav", "bytes", "flac", "mp3", "ogg", "opus", "m4a", "audio_bytes")
_STRUCT = {"bytes", "path"}


@dataclass(frozen=True, slots=True)
class AudioColumn:
    """A column that holds audio.

    Attributes
    ----------
    name : str
        Of the column.
    kind : "cells" or "paths"
        Whether its cells hold the audio themselves, or say where it is.
    """

    name: str
    kind: Literal["cells", "paths"]


def import_arrow() -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return pyarrow.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as err:
        raise MissingExtraError("pyarrow", extra="scan", purpose="read Parquet and Arrow") from err
    return pa


def table_errors() -> tuple[type[Exception], ...]:
    """Return what pyarrow raises for damaged tables."""
    arrow_error: type[Exception] = import_arrow().ArrowException
    return (
        *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError),
        *(RuntimeError, OverflowError, MemoryError, arrow_error),
    )


def audio_columns(schema: Any, *, column: str | None, url: str) -> list[AudioColumn]:  # noqa: ANN401 - pyarrow has no types
    """Return the columns with audio.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of the table.
    column : str or None
        The column, where the person named one.
    url : str
        The table, for messages.

    Raises
    ------
    UnsupportedFormatError
        If there is none, or it holds something else.
    """
    names = [str(name) for name in schema.names]
    if column is not None:
        if names.count(column) != 1:
            raise UnsupportedFormatError(
                f"has no column {column!r}", path=url, remedy=_columns(names)
            )
        kind = _kind(schema.field(column).type)
        if kind is None:
            raise UnsupportedFormatError(
                f"holds neither bytes nor paths in column {column!r}",
                path=url,
                remedy=_columns(names),
            )
        return [AudioColumn(column, kind)]
    for candidates in _candidates(schema, names):
        found = [
            AudioColumn(name, kind)
            for name in candidates
            if names.count(name) == 1 and (kind := _kind(schema.field(name).type)) is not None
        ]
        if found:
            return found
    raise UnsupportedFormatError("has no column of audio", path=url, remedy=_columns(names))


def _candidates(schema: Any, names: list[str]) -> Iterator[list[str]]:  # noqa: ANN401 - pyarrow has no types
    """Yield names of columns, the surest sign first; all of the first that fit are taken."""
    pa = import_arrow()
    yield _declared(schema.metadata or {})
    kinds = {name: schema.field(i).type for i, name in enumerate(names)}
    structs = [name for name in names if pa.types.is_struct(kinds[name])]
    yield [name for name in structs if {field.name for field in kinds[name]} == _STRUCT]
    lower = {name.lower(): name for name in names}
    yield [
        lower[name] for name in _BYTES_NAMES if name in lower and not is_text(kinds[lower[name]])
    ]
    # Of several columns of paths, the first is the recording; others are its copies.
    for name in PATH_NAMES:
        if name in lower:
            yield [lower[name]]


def _declared(metadata: dict[bytes, bytes]) -> list[str]:
    """Return the columns that Hugging Face's metadata calls audio."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return [
            str(name)
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "Audio"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _kind(kind: Any) -> Literal["cells", "paths"] | None:  # noqa: ANN401 - pyarrow has no types
    pa = import_arrow()
    if pa.types.is_struct(kind):
        return "cells" if _STRUCT & {field.name for field in kind} else None
    if is_text(kind):
        return "paths"
    return "cells" if is_binary(kind) else None


def is_text(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Return whether a type is one of text."""
    types = import_arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Return whether a type is one of bytes."""
    types = import_arrow().types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _columns(names: list[str]) -> str:
    shown = ", ".join(repr(name)[:60] for name in names[:20])
    return f"Name the column with the audio. There are: {shown}"
