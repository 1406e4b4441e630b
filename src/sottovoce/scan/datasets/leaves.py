"""`leaves_of`: values of an Arrow schema that may be audio, at any depth of lists and structs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import MissingExtraError
from sottovoce.scan.plain_text import clean
from sottovoce.scan.stores.samples import RATE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Leaf",
    "enter",
    "import_arrow",
    "is_binary",
    "is_numbers",
    "is_text",
    "leaves_of",
    "metadata_features",
    "name_sound",
    "names_picture",
]

_MOST_DEPTH = 32
_MOST_VALUES = 64
_PICTURE = re.compile(
    r"image|img|picture|photo|thumbnail|pdf|mask|avatar|screenshot|spectrogram", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A place in a table's rows.

    Attributes
    ----------
    name : str
        Column.
    steps : tuple of (str or None)
        Fields of structs from there; None stands for every item of a list, and of a map, whose
        items have the fields ``"key"`` and ``"value"``.
    kind : "sound", "bytes", "numbers" or "text"
        "sound" is a struct of bytes and path, or of an array and its rate; the others are types.
    declared : str
        Feature that Hugging Face's metadata declares (``"Audio"``, ``"Image"``); usually empty.
    rate : str
        Column with the sampling rate of bare numbers and bytes; empty if there is none.
    """

    name: str
    steps: tuple[str | None, ...]
    kind: Literal["sound", "bytes", "numbers", "text"]
    declared: str = ""
    rate: str = ""

    @property
    def last_name(self) -> str:
        """The last name before the value; a map's values have no name of their own."""
        named = (one for one in reversed(self.steps) if one and one != "value")
        return next(named, self.name)

    @property
    def label(self) -> str:
        """The place as text."""
        return self.name + "".join(f".{one}" if one else "[]" for one in self.steps)

    @property
    def names_picture(self) -> bool:
        """Whether any name on the way is a name of pictures."""
        return any(names_picture(one) for one in (self.name, *self.steps) if one)

    def values(self, cell: object) -> list[object]:
        """Return the first values there, from a cell as a Python object."""
        found = [cell]
        for step in self.steps:
            if step is None:
                found = [item for one in found if isinstance(one, list) for item in one[:8]]
            else:
                found = [_member(one, step) for one in found if isinstance(one, dict | tuple)]
        return found[:_MOST_VALUES]


def _member(value: dict[str, Any] | tuple[object, ...], name: str) -> object:
    """Return a field of a struct, or the key or value of a map's entry."""
    return value.get(name) if isinstance(value, dict) else value[name == "value"]


def enter(cell: Any, step: str | int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a field of a struct, or an item of a list or a map; a map's items have two fields."""
    is_map = isinstance(step, int) and import_arrow().types.is_map(cell.type)
    return (cell.values if is_map else cell)[step]


def names_picture(name: str) -> bool:
    """Return whether a column with this name holds pictures rather than audio."""
    return bool(_PICTURE.search(name))


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


def leaves_of(schema: Any) -> Iterator[Leaf]:  # noqa: ANN401 - pyarrow has no types
    """Yield the places of a schema whose values may be audio.

    Parameters
    ----------
    schema : pyarrow.Schema
        Schema of a table.
    """
    features = metadata_features(schema)
    lower = {str(name).lower(): str(name) for name in schema.names}
    rate = next((lower[name] for name in RATE_NAMES if name in lower), "")
    for i, name in enumerate(schema.names):
        yield from _walk(str(name), (), schema.field(i).type, features.get(str(name)), rate)


def metadata_features(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - pyarrow has no types
    """Return the features that Hugging Face's metadata declares; empty if there are none."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _walk(
    name: str,
    steps: tuple[str | None, ...],
    kind: Any,  # noqa: ANN401 - pyarrow has no types
    feature: object,
    rate: str,
) -> Iterator[Leaf]:
    types = import_arrow().types
    declared = _declared(feature)
    kind = getattr(kind, "storage_type", kind)
    if len(steps) > _MOST_DEPTH:
        return
    if types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        if _is_sound(fields) or declared == "Audio":
            yield Leaf(name=name, steps=steps, kind="sound", declared=declared)
            return
        for field, inner in fields.items():
            inner_feature = feature.get(field) if isinstance(feature, dict) else None
            yield from _walk(name, (*steps, field), inner, inner_feature, rate)
    elif is_numbers(kind):
        yield Leaf(name=name, steps=steps, kind="numbers", declared=declared, rate=rate)
    elif _is_list(kind):
        inner_feature = feature
        if isinstance(feature, dict) and "feature" in feature:
            inner_feature = feature["feature"]
        elif isinstance(feature, list) and feature:
            inner_feature = feature[0]
        yield from _walk(name, (*steps, None), kind.value_type, inner_feature, rate)
    elif types.is_map(kind):
        yield from _walk(name, (*steps, None, "key"), kind.key_type, None, rate)
        yield from _walk(name, (*steps, None, "value"), kind.item_type, None, rate)
    elif is_binary(kind):
        yield Leaf(name=name, steps=steps, kind="bytes", declared=declared, rate=rate)
    elif is_text(kind):
        yield Leaf(name=name, steps=steps, kind="text", declared=declared)


def _declared(feature: object) -> str:
    kind = feature.get("_type") if isinstance(feature, dict) else None
    is_plain = not isinstance(kind, str) or kind in ("Value", "Sequence", "List", "LargeList")
    return "" if is_plain else str(kind)


def _is_sound(fields: dict[str, Any]) -> bool:
    if "bytes" in fields and is_binary(fields["bytes"]):
        return True
    has_rate = any(name.lower() in RATE_NAMES for name in fields)
    return "array" in fields and is_numbers(fields["array"]) and has_rate


def is_numbers(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Return whether a type is a list of numbers, or of lists of them, one for each channel."""
    types = import_arrow().types
    if not _is_list(kind):
        return False
    inner = kind.value_type
    if _is_list(inner):
        inner = inner.value_type
    return bool(types.is_floating(inner) or types.is_integer(inner))


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = import_arrow().types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def is_text(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Return whether a type is text."""
    types = import_arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Return whether a type is bytes."""
    types = import_arrow().types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def name_sound(column: str, inside: Sequence[str | int]) -> str:
    """Return the name of a sound in a row.

    Examples
    --------
    >>> name_sound("turns", (2, "audio"))
    'turns[2].audio'
    """
    steps = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in inside)
    return clean(f"{column}{steps}")
