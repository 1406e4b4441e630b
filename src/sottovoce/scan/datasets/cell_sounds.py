"""`cell_bytes`: the audio in one cell of a table, in whatever form it is stored."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError
from sottovoce.files.decoding.sniffing import HEAD_BYTES, kind_of
from sottovoce.scan.datasets.leaves import enter, import_arrow, is_binary, is_numbers, is_text
from sottovoce.scan.listings.entries import folder_of, point_at
from sottovoce.scan.listings.sound_values import decode_sound
from sottovoce.scan.reach.network import Refusal
from sottovoce.scan.stores.samples import RATE_NAMES, as_rate, wav_of_array, wav_of_raw
from sottovoce.scan.stores.store import check_size, is_remote, read_file

if TYPE_CHECKING:
    from sottovoce.scan.reach.reach import Reach
    from sottovoce.scan.recording import Cell

__all__ = ["cell_bytes"]


def cell_bytes(cell: Any, place: Cell, *, most_bytes: int) -> bytes | str:  # noqa: ANN401 - pyarrow has no types
    """Return the bytes in a cell, or the path of the local file that it names.

    Parameters
    ----------
    cell : pyarrow.Scalar
        Cell in the column and row of `place`.
    place : Cell
        Position of the cell, and the steps from there to the audio.
    most_bytes : int
        Maximum size; more is refused.

    Raises
    ------
    AudioFileError
        With the reason.
    """
    pa, url, rate, path = import_arrow(), place.url, place.rate, None
    for step in place.inside:
        cell = enter(_storage(cell), step) if cell.is_valid else cell
    cell = _storage(cell)
    if pa.types.is_struct(cell.type) and cell.is_valid:
        fields = {field.name.lower(): field.name for field in cell.type}
        name = next((fields[one] for one in RATE_NAMES if one in fields), None)
        rate = rate if name is None else as_rate(cell[name].as_py()) or rate
        path = cell["path"].as_py() if "path" in fields else None
        own = [one for one in ("bytes", "array") if one in fields and cell[one].is_valid]
        cell = cell[own[0]] if own else None
    if cell is None or not cell.is_valid:
        if path is None:
            raise UnreadableAudioError("is empty: neither bytes nor a path", path=url)
        return _follow(path, place, most_bytes=most_bytes)
    if is_numbers(cell.type):
        return _numbers(cell, rate, url, most_bytes=most_bytes)
    if is_text(cell.type):
        return _text(cell, place, most_bytes=most_bytes)
    if not is_binary(cell.type):
        raise UnreadableAudioError("holds no bytes", path=url)
    buffer = cell.as_buffer()
    check_size(url, buffer.size, most_bytes)
    data = bytes(buffer.to_pybytes())
    return wav_of_raw(data, rate, url) if rate and not kind_of(data[:HEAD_BYTES]) else data


def _storage(cell: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the storage of a cell of an extension type, such as a Hugging Face array."""
    return cell.value if hasattr(cell.type, "storage_type") else cell


def _numbers(cell: Any, rate: int, url: str, *, most_bytes: int) -> bytes:  # noqa: ANN401 - pyarrow has no types
    values = cell.values
    check_size(url, values.nbytes, most_bytes)
    if not rate:
        raise UnsupportedFormatError("holds numbers, and nothing states their rate", path=url)
    if hasattr(values.type, "value_type"):  # a list for each channel
        rows = [one.values.to_numpy(zero_copy_only=False) for one in values if one.is_valid]
        if not rows or len({len(row) for row in rows}) > 1:
            raise UnreadableAudioError("holds channels of different lengths", path=url)
        return wav_of_array(np.stack(rows), rate, url)
    y = values.to_numpy(zero_copy_only=False)
    if not len(y):
        raise UnreadableAudioError("holds no samples", path=url)
    return wav_of_array(y, rate, url)


def _text(cell: Any, place: Cell, *, most_bytes: int) -> bytes | str:  # noqa: ANN401 - pyarrow has no types
    text = cell.value if hasattr(cell, "dictionary") else cell
    check_size(place.url, text.as_buffer().size, most_bytes)
    value = text.as_py()
    data = decode_sound(value)
    return _follow(value, place, most_bytes=most_bytes) if data is None else data


def _follow(path: object, place: Cell, *, most_bytes: int) -> bytes | str:
    """Return the bytes or the local file to which a path in a table leads.

    Relative paths never lead out of the table's folder, except to folders that its reach names.
    Absolute ones in a table that the user named may name any regular file, as `datasets` writes
    them if it does not embed the bytes.
    """
    url, folder = place.url, folder_of(place.url)
    is_whole = is_remote(str(path)) or Path(str(path)).is_absolute()
    near = place.reach if is_whole else replace(place.reach, within=folder or ".")
    use = point_at(path, folder=folder, known_as=url, reach=near)
    if use.finding is not None:
        raise UnreadableAudioError(use.finding.message, path=url, remedy=use.finding.remedy)
    target = use.recording_id
    if not is_whole and not _lies_beside(target, folder, near):
        raise UnreadableAudioError("names a file outside the table's folder", path=url)
    is_named = near.judge(target, listing=url)
    if isinstance(is_named, Refusal):
        raise UnsupportedFormatError(is_named.message, path=url, remedy=is_named.remedy)
    if not is_remote(target):
        return target
    return read_file(target, most_bytes, is_named=is_named)


def _lies_beside(target: str, folder: str, near: Reach) -> bool:
    if is_remote(folder):
        return Path(os.path.normpath(target)).is_relative_to(os.path.normpath(folder))
    return near.allows(target)
