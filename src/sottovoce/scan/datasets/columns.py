"""Which columns of an Arrow schema hold audio, at which depth, and in what form.

Hugging Face data sets store a recording as a struct of its bytes and its path, either of which may
be missing, and say so in the schema's metadata; others have a column of bytes, of numbers with
their rate in another column, or of paths.  Every recording of a row counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import UnsupportedFormatError
from sottovoce.scan.datasets.leaves import (
    Leaf,
    import_arrow,
    is_text,
    leaves_of,
    metadata_features,
    name_sound,
    names_picture,
)
from sottovoce.scan.faults import NoColumnError
from sottovoce.scan.listings.entries import PATH_NAMES
from sottovoce.scan.listings.sound_values import (
    encodes_sound,
    looks_like_path,
    names_sound,
    shows_sound,
)
from sottovoce.scan.stores.samples import RATE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["AudioColumn", "audio_columns", "rate_less_columns", "table_errors"]

_BYTES_NAMES = ("audio", "wav", "bytes", "flac", "mp3", "ogg", "opus", "m4a", "audio_bytes")
_STRUCT = {"bytes", "path"}


@dataclass(frozen=True, slots=True)
class AudioColumn:
    """A column that holds audio.

    Attributes
    ----------
    name : str
        Name of the column.
    kind : "cells" or "paths"
        Whether its cells hold the audio themselves, or paths to it.
    steps : tuple of (str or None)
        Fields of structs that lead from a cell to the audio; None stands for every item of a list.
    is_alone : bool
        Whether its one sound has the id of the row: it is the one that a scan prefers, and the
        only such column.
    rate : str
        The column with the sampling rate, if the audio does not state it itself.
    """

    name: str
    kind: Literal["cells", "paths"]
    steps: tuple[str | None, ...] = ()
    is_alone: bool = False
    rate: str = ""

    @property
    def is_listed(self) -> bool:
        """Whether a cell holds any number of sounds."""
        return None in self.steps

    def sound_id(self, row_id: str, inside: Sequence[str | int]) -> str:
        """Return the id of a sound in a row, to which `inside` leads from the cell."""
        return row_id if self.is_alone else f"{row_id}::{name_sound(self.name, inside)}"


def table_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that pyarrow raises for damaged tables."""
    arrow_error: type[Exception] = import_arrow().ArrowException
    return (
        *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError),
        *(RuntimeError, OverflowError, MemoryError, arrow_error),
    )


def audio_columns(
    schema: Any,  # noqa: ANN401 - pyarrow has no types
    *,
    column: tuple[str, ...],
    url: str,
    sample: Callable[[list[str]], list[dict[str, Any]]] | None = None,
    exists: Callable[[str], bool] = lambda _: False,
) -> list[AudioColumn]:
    """Return the columns with audio, the most certain first.

    Parameters
    ----------
    schema : pyarrow.Schema
        Schema of the table.
    column : tuple of str
        Columns that the user named, if any; then only those are used.
    url : str
        The table, for messages.
    sample : callable or None
        Takes names of columns, and returns their first rows, which show what a column of bytes
        or text holds if its name does not.
    exists : callable
        Takes a path, and returns whether it leads to a file.  In a row with recordings, a path
        that leads nowhere states their origin, and is not a recording.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    UnsupportedFormatError
        If there is none, or a named one does not exist or holds something else.
    """
    names = [str(name) for name in schema.names]
    leaves = list(leaves_of(schema))
    if column:
        named = [one for name in column for one in _named(name, names, leaves, url)]
        return [_as_column(one, [], is_alone=len(named) == 1) for one in named]
    first = _first(schema, names, leaves)
    taken = {one.name for one in first}
    settled = {one.name for one in first if one.kind != "text"}
    shown = _sample_unsure(leaves, settled, sample)
    free = [one for one in leaves if one.name not in taken and names.count(one.name) == 1]
    cells = [one for one in free if one.kind != "text" and _holds_sound(one, shown)]
    is_embedded = bool(settled or cells)
    texts = [
        one
        for one in free
        if one.kind == "text" and _names_files(one, shown, exists, is_embedded=is_embedded)
    ]
    found = [
        *(_as_column(one, shown, is_alone=len(first) == 1) for one in first),
        *(_as_column(one, shown, is_alone=False) for one in (*cells, *texts)),
    ]
    if not found:
        if numbers := rate_less_columns(schema):
            raise UnsupportedFormatError(
                f"holds numbers in column {numbers[0]!r}, and no column states their sampling rate",
                path=url,
                remedy=f"Add a column {RATE_NAMES[0]!r} with the rate in Hz.",
            )
        raise UnsupportedFormatError("has no column of audio", path=url, remedy=_columns(names))
    return found


def rate_less_columns(schema: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Return columns of numbers that are samples by their name, but whose rate is not stated."""
    return [
        leaf.label
        for leaf in leaves_of(schema)
        if leaf.kind == "numbers" and not leaf.rate and names_sound(leaf.last_name)
    ]


def _first(schema: Any, names: list[str], leaves: list[Leaf]) -> list[Leaf]:  # noqa: ANN401 - pyarrow has no types
    """Return the columns that hold the recording itself."""
    by_name = {leaf.name: leaf for leaf in leaves if not leaf.steps}
    for candidates in _candidates(schema, names):
        found = [
            by_name[name]
            for name in candidates
            if names.count(name) == 1 and name in by_name and by_name[name].kind != "numbers"
        ]
        if found:
            return found
    return []


def _candidates(schema: Any, names: list[str]) -> Iterator[list[str]]:  # noqa: ANN401 - pyarrow has no types
    """Yield groups of column names, the most certain first; the first group that fits is used."""
    pa = import_arrow()
    declared = {
        name: feature["_type"]
        for name, feature in metadata_features(schema).items()
        if isinstance(feature, dict) and isinstance(feature.get("_type"), str)
    }
    yield [name for name, kind in declared.items() if kind == "Audio"]
    kinds = {name: schema.field(i).type for i, name in enumerate(names)}
    structs = [name for name in names if pa.types.is_struct(kinds[name])]
    yield [
        name
        for name in structs
        if {field.name for field in kinds[name]} == _STRUCT
        and declared.get(name) in (None, "Value", "Audio")
        and not names_picture(name)
    ]
    lower = {name.lower(): name for name in names}
    yield [
        lower[name] for name in _BYTES_NAMES if name in lower and not is_text(kinds[lower[name]])
    ]
    # If there are several columns of paths, the first is the recording.
    for name in PATH_NAMES:
        if name in lower:
            yield [lower[name]]


def _named(name: str, names: list[str], leaves: list[Leaf], url: str) -> list[Leaf]:
    if names.count(name) != 1:
        raise NoColumnError(f"has no column {name!r}", path=url, remedy=_columns(names))
    own = [leaf for leaf in leaves if leaf.name == name]
    found = [
        leaf
        for leaf in own
        if (not leaf.steps and leaf.kind != "numbers")
        or leaf.kind == "sound"
        or (leaf.kind == "numbers" and leaf.rate)
        or (leaf.kind != "numbers" and names_sound(leaf.last_name))
    ]
    if not found:
        raise UnsupportedFormatError(
            f"holds neither sound nor paths in column {name!r}", path=url, remedy=_columns(names)
        )
    return found


def _as_column(leaf: Leaf, rows: list[dict[str, Any]], *, is_alone: bool) -> AudioColumn:
    """Return the column of a leaf; text is paths, unless its first rows are encoded audio."""
    is_path = leaf.kind == "text" and not any(
        isinstance(value, str) and encodes_sound(value) for value in _seen(leaf, rows)
    )
    return AudioColumn(
        leaf.name,
        "paths" if is_path else "cells",
        steps=leaf.steps,
        is_alone=is_alone and None not in leaf.steps,
        rate=leaf.rate,
    )


def _sample_unsure(
    leaves: list[Leaf],
    taken: set[str],
    sample: Callable[[list[str]], list[dict[str, Any]]] | None,
) -> list[dict[str, Any]]:
    unsure = [
        leaf.name
        for leaf in leaves
        if leaf.name not in taken and leaf.kind in ("bytes", "text") and not leaf.declared
    ]
    return sample(list(dict.fromkeys(unsure))) if sample is not None and unsure else []


def _holds_sound(leaf: Leaf, rows: list[dict[str, Any]]) -> bool:
    """Return whether a further column holds audio, by its name and its first rows."""
    if leaf.declared:
        return leaf.declared == "Audio"
    if leaf.kind == "sound":
        return not leaf.names_picture
    if leaf.kind == "numbers":
        return bool(leaf.rate) and names_sound(leaf.last_name)
    return names_sound(leaf.last_name) or any(map(shows_sound, _seen(leaf, rows)))


def _names_files(
    leaf: Leaf,
    rows: list[dict[str, Any]],
    exists: Callable[[str], bool],
    *,
    is_embedded: bool,
) -> bool:
    """Return whether a text column has paths to audio, or encoded audio, in its first rows."""
    texts = [value for value in _seen(leaf, rows) if isinstance(value, str)]
    if names_sound(leaf.last_name) and not is_embedded:
        return any(map(shows_sound, texts))
    return any(encodes_sound(one) or (looks_like_path(one) and exists(one)) for one in texts)


def _seen(leaf: Leaf, rows: list[dict[str, Any]]) -> list[object]:
    values = [value for row in rows for value in leaf.values(row.get(leaf.name))]
    return [value for value in values if value]


def _columns(names: list[str]) -> str:
    shown = ", ".join(repr(name)[:60] for name in names[:20])
    return f"Name the column with the audio. Available: {shown}"
