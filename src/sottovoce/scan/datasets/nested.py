"""Sounds inside a cell: in its lists and structs, at any depth."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sottovoce.scan.datasets.leaves import enter
from sottovoce.scan.faults import TooMuchError
from sottovoce.scan.plain_text import clean
from sottovoce.scan.stores.packing import check_growth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sottovoce.scan.datasets.table import Table

__all__ = ["check_declared", "places", "sample_rows", "step_into"]

_MOST_SOUNDS = 10_000
"""Limit for one row."""
_SAMPLED = 16
_MOST_DECLARED = 16 << 20
"""Limit for the mean bytes per row of a column of names or labels."""
_MOST_STRETCHES = 64
_MOST_SAMPLED_BYTES = 4 << 20
"""Limit for the mean bytes per row of a column that is sampled."""


def step_into(cell: Any, inside: Sequence[str | int]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the value to which steps lead in a cell; an invalid one if any value before is."""
    for step in inside:
        if not cell.is_valid:
            return cell
        cell = enter(cell, step)
    return cell


def places(cell: Any, steps: Sequence[str | None]) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - pyarrow has no types
    """Yield the steps that lead to each sound in a cell.

    Parameters
    ----------
    cell : pyarrow.Scalar or None
        Cell with as much of its lists as is needed to know their lengths.
    steps : sequence of (str or None)
        Fields of structs; None stands for every item of a list.
    """
    for number, inside in enumerate(_expand(cell, tuple(steps), ())):
        if number >= _MOST_SOUNDS:
            raise ValueError(f"a row holds more than {_MOST_SOUNDS:,} sounds")
        yield inside


def _expand(
    cell: Any,  # noqa: ANN401 - pyarrow has no types
    steps: tuple[str | None, ...],
    taken: tuple[str | int, ...],
) -> Iterator[tuple[str | int, ...]]:
    if not steps or None not in steps:
        yield (*taken, *(step for step in steps if step is not None))
        return
    if cell is None or not cell.is_valid:
        return
    step, *rest = steps
    if step is not None:
        yield from _expand(enter(cell, step), tuple(rest), (*taken, step))
        return
    for i in range(len(cell)):
        inner = enter(cell, i) if None in rest else None
        yield from _expand(inner, tuple(rest), (*taken, i))


def check_declared(table: Table, url: str, *, labels: list[str], audio: list[str]) -> None:
    """Raise if columns are implausibly large, before they are read.

    Parameters
    ----------
    table : Table
        The open table.
    url : str
        For messages.
    labels : list of str
        Its columns of names and labels.
    audio : list of str
        Its columns of audio.

    Raises
    ------
    TooMuchError
        If a column declares a larger size, or a packing denser than audio allows.
    """
    n_packed = n_bytes = 0
    for packed, unpacked in table.sizes(audio):
        n_packed, n_bytes = n_packed + packed, n_bytes + unpacked
        # This also catches groups after honest ones, and many small ones.
        check_growth(url, n_packed=packed, n_bytes=unpacked)
        check_growth(url, n_packed=n_packed, n_bytes=n_bytes)
    for name in labels:
        n_bytes = table.mean_bytes(name)
        if n_bytes > _MOST_DECLARED:
            raise TooMuchError(
                f"cannot be listed: column {clean(name)!r} has {n_bytes:,} bytes per row",
                path=url,
                remedy="Remove the column, or name the one with the audio.",
            )


def sample_rows(table: Table, names: list[str]) -> list[dict[str, Any]]:
    """Return the first values of some columns of a table, without very large columns.

    Parameters
    ----------
    table : Table
        The open table.
    names : list of str
        The columns.
    """
    light = [name for name in names if 0 <= table.mean_bytes(name) <= _MOST_SAMPLED_BYTES]
    rows: list[dict[str, Any]] = []
    missing = set(light)
    stretches = table.stretches(light, audio=light[:1]) if light else iter(())
    for stretch in islice(stretches, _MOST_STRETCHES):
        for name in sorted(missing):
            # The first rows may be empty in this column.
            values = stretch.batch.column(name).drop_null().slice(0, _SAMPLED).to_pylist()
            rows += [{name: value} for value in values]
            if values:
                missing.discard(name)
        if not missing:
            break
    return rows
