"""Sounds of a row as Python objects, and features of `datasets` that hold them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.scan.datasets.columns import AudioColumn

__all__ = ["NOTHING", "holds_audio", "sounds_of_row", "undecoded"]

NOTHING = object()
"""The value of a row without any sound."""


def sounds_of_row(
    row_id: str, row: Mapping[str, Any], columns: list[AudioColumn]
) -> Iterator[tuple[str, object]]:
    """Yield ids and values of the sounds of a row, or a single item that says there are none."""
    n = 0
    for column in columns:
        for inside, value in _expand(row.get(column.name), column.steps, ()):
            n += 1
            yield column.sound_id(row_id, inside), value
    if not n:
        yield row_id, NOTHING


def _expand(
    value: object, steps: tuple[str | None, ...], taken: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if not steps:
        yield taken, value
        return
    step, *rest = steps
    if step is not None:
        inner = value.get(step) if isinstance(value, Mapping) else None
        yield from _expand(inner, tuple(rest), (*taken, step))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _expand(inner, tuple(rest), (*taken, i))


def holds_audio(feature: object) -> bool:
    """Return whether a feature of `datasets` is audio, or holds audio at any depth."""
    if type(feature).__name__ == "Audio":
        return True
    if isinstance(feature, Mapping):
        return any(holds_audio(one) for one in feature.values())
    if isinstance(feature, list):
        return any(holds_audio(one) for one in feature)
    return holds_audio(getattr(feature, "feature", None)) if feature is not None else False


def undecoded(feature: Any) -> Any:  # noqa: ANN401 - `datasets` is not imported here
    """Return a feature with decoding of its audio turned off."""
    if type(feature).__name__ == "Audio":
        return sys.modules["datasets"].Audio(decode=False)
    if isinstance(feature, Mapping):
        return {name: undecoded(one) for name, one in feature.items()}
    if isinstance(feature, list):
        return [undecoded(one) for one in feature]
    if holds_audio(feature):
        return type(feature)(undecoded(feature.feature))
    return feature
