"""`cell_bytes`: the sound in one cell of a table, whatever shape the table gives it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.scan.columns import import_arrow, is_binary
from sottovoce.scan.listed import folder_of, point_at
from sottovoce.scan.recording import File
from sottovoce.scan.storage import fetch, is_remote

if TYPE_CHECKING:
    from sottovoce.scan.recording import Cell

__all__ = ["cell_bytes"]


def cell_bytes(cell: Any, place: Cell, *, most_bytes: int) -> bytes | str:  # noqa: ANN401 - pyarrow has no types
    """Return the bytes in a cell, or the path of the local file that it names.

    Parameters
    ----------
    cell : pyarrow.Scalar
        What stands in the column and row of `place`.
    place : Cell
        Where, and what leads from there to the sound.
    most_bytes : int
        More are refused.

    Raises
    ------
    AudioFileError
        With the reason, in words.
    """
    pa, url = import_arrow(), place.url
    path = None
    if pa.types.is_struct(cell.type) and cell.is_valid:
        names = {field.name for field in cell.type}
        path = cell["path"].as_py() if "path" in names else None
        cell = cell["bytes"] if "bytes" in names else None
    if cell is not None and cell.is_valid:
        if not is_binary(cell.type):
            raise UnreadableAudioError("holds no bytes", path=url)
        buffer = cell.as_buffer()
        if buffer.size > most_bytes:
            raise AudioFileError(f"has {buffer.size:,} bytes, more than {most_bytes:,}", path=url)
        return bytes(buffer.to_pybytes())
    if path is None:
        raise UnreadableAudioError("is empty: neither bytes nor a path", path=url)
    return _follow(path, url, most_bytes=most_bytes)


def _follow(path: object, url: str, *, most_bytes: int) -> bytes | str:
    """Return what a path in a table leads to.

    Relative ones are taken from the table's folder, and never lead out of it.  Absolute ones may
    name any regular file, as `datasets` writes them where it does not embed the bytes.
    """
    folder = folder_of(url)
    use = point_at(path, folder=folder, known_as=url)
    if use.finding is not None:
        raise UnreadableAudioError(use.finding.message, path=url, remedy=use.finding.remedy)
    target = use.recording_id
    if not (is_remote(str(path)) or Path(str(path)).is_absolute()):
        root = os.path.normpath(folder) if is_remote(folder) else os.path.realpath(folder)
        real = os.path.normpath(target) if is_remote(folder) else os.path.realpath(target)
        if not Path(real).is_relative_to(root):
            raise UnreadableAudioError("names a file outside of the table's folder", path=url)
    return fetch(File(target), most_bytes=most_bytes)
