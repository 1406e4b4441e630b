"""The sounds in one line of a manifest: paths, and encoded audio, in fields of any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import AudioFileError, UnsupportedFormatError
from sottovoce.scan.listings.sound_values import decode_sound, encodes_sound, looks_like_path
from sottovoce.scan.stores.samples import rate_of, wav_of_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MOST_SOUNDS", "is_numbers", "recordings_in", "sound_of", "sounds_of"]

MOST_SOUNDS = 10_000
"""Limit for one line."""
_FEWEST_SAMPLES = 64


def sounds_of(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of fields whose values are audio.

    Parameters
    ----------
    fields : mapping
        A JSON object.

    Yields
    ------
    name : str
        ``"turns[2].audio"``, for instance.
    value : object
        A path, text that encodes audio, or a mapping of samples and their rate.
    """
    # An explicit stack: objects can be nested more deeply than Python's recursion limit.
    waiting: list[tuple[str, Any]] = [("", fields)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            if _is_samples(value):
                yield name, value
                continue
            head = f"{name}." if name else ""
            items = reversed(value.items())
            waiting += [(f"{head}{key}", one) for key, one in items if _may_hold(one)]
        elif isinstance(value, list) and not (value and isinstance(value[0], int | float)):
            places = reversed(range(len(value)))
            waiting += [(f"{name}[{i}]", value[i]) for i in places if _may_hold(value[i])]


def _may_hold(value: object) -> bool:
    """Return whether a value is audio, or holds others that may be; most are neither."""
    if isinstance(value, str):
        return looks_like_path(value) or encodes_sound(value)
    return isinstance(value, dict | list)


def _is_samples(value: Mapping[str, Any]) -> bool:
    return is_numbers(value.get("array")) and rate_of(value) > 0


def is_numbers(value: object) -> bool:
    """Return whether a JSON value is a list of many numbers, or such a list for each channel."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    if not isinstance(value, list) or len(value) < _FEWEST_SAMPLES:
        return False
    return all(type(one) in (int, float) for one in value[:_FEWEST_SAMPLES])


def sound_of(value: object, url: str) -> bytes | None:
    """Return the audio that a value itself holds; None if it is a path, or not audio.

    Raises
    ------
    AudioFileError
        If it holds samples that cannot be used.
    """
    if isinstance(value, str):
        return decode_sound(value)
    if isinstance(value, dict) and is_numbers(value.get("array")):
        if not rate_of(value):
            raise UnsupportedFormatError(
                "holds numbers, and no field states their sampling rate", path=url
            )
        try:
            y = np.asarray(value["array"])
        except (ValueError, TypeError, OverflowError) as err:
            raise AudioFileError(f"its samples are not numbers: {err}"[:300], path=url) from err
        return wav_of_array(y, rate_of(value), url)
    return None


def recordings_in(fields: Mapping[str, Any], *, but: str) -> Iterator[dict[str, Any]]:
    """Yield the Lhotse recordings in an object, except those in one of its fields.

    Parameters
    ----------
    fields : mapping
        A cut.
    but : str
        The field to skip.
    """
    waiting: list[Any] = [value for key, value in fields.items() if key != but]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            if isinstance(value.get("sources"), list):
                yield value
            else:
                waiting += reversed(value.values())
