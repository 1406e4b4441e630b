"""JSON with one spelling: what is signed can be read in one way only.

A reader that takes the last of two equal keys and one that takes the first would see two different
statements under one signature.  So text is accepted only if writing what was read gives the same
bytes again: keys sorted and unique, no spaces, UTF-8, no fractions and no special numbers.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["MOST_BYTES", "parse_json", "write_json"]

MOST_BYTES = 100_000
"""Size of a signed text: room for a grant that lists some thousand files."""
_MOST_DEPTH = 8
_MOST_NUMBER = 1 << 53


def write_json(value: object) -> bytes:
    """Return the one spelling of a value.

    Parameters
    ----------
    value : object
        Dictionaries with text as keys, lists, text, whole numbers, booleans and None.

    Returns
    -------
    data : bytes
        Keys sorted, no spaces, UTF-8.

    Raises
    ------
    ValueError
        If it cannot be written: a special number, or half of a surrogate pair.

    Examples
    --------
    >>> write_json({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def parse_json(
    data: bytes, *, most_bytes: int = MOST_BYTES, canonical: bool = True
) -> dict[str, Any]:
    """Parse an object of JSON strictly.

    Parameters
    ----------
    data : bytes
        External text.
    most_bytes : int
        Size from which it is refused.
    canonical : bool
        Whether it must be spelled as `write_json` spells it.  Otherwise spaces and the order of
        keys are free.

    Returns
    -------
    value : dict
        The object.

    Raises
    ------
    ValueError
        If it is anything else, too large or too deep, or can be read in more than one way.
    """
    if len(data) > most_bytes:
        raise ValueError("too large")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_parse_number,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except RecursionError as err:
        raise ValueError("too deep") from err
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for every hostile text
    _check_depth(value)
    if canonical and write_json(value) != data:
        raise ValueError("not canonical")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key occurs twice")
    return fields


def _parse_number(text: str) -> int:
    number = int(text) if len(text) < 20 else _MOST_NUMBER
    if abs(number) >= _MOST_NUMBER:
        raise ValueError("a number is too large")
    return number


def _refuse(text: str) -> None:
    raise ValueError(f"a number is not whole: {text[:20]}")


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_MOST_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise ValueError("too deep")
