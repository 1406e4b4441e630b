"""`Recording`: where the bytes of one recording lie, and `Cut`: a part of one that a data set uses.

A recording is looked at once, however many cuts a data set makes of it.  Places say how to come
by the bytes and are small: they travel to worker processes, the bytes do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Cell", "Cut", "File", "Inline", "Member", "Place", "Recording"]


@dataclass(frozen=True, slots=True)
class File:
    """A file of its own.

    Attributes
    ----------
    url : str
        A path on this computer, or an address that fsspec can open.
    """

    url: str


@dataclass(frozen=True, slots=True)
class Member:
    """A stretch of bytes in an uncompressed archive.

    Attributes
    ----------
    url : str
        The archive.
    start, length : int
        In bytes.
    """

    url: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table that holds bytes, or the path of a file beside the table.

    Attributes
    ----------
    url : str
        A Parquet or Arrow file.
    group, row : int
        Row group (or record batch), and row in it.
    column : str
        Name of the column.
    """

    url: str
    group: int
    row: int
    column: str


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that can be read only in passing, as those of a compressed archive.

    Attributes
    ----------
    data : bytes
        What a file would hold.
    """

    data: bytes


Place = File | Member | Cell | Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording of a source.

    Attributes
    ----------
    id : str
        Unique in the source, and the same in every run: ``"takes/a.flac"``,
        ``"train-00.tar::a.flac"``, ``"train.parquet::17"``.
    place : Place
        Where its bytes are.
    stamp : str
        Changes whenever the bytes may have changed: size and time, or an ETag.
    n_bytes : int
        Size, or 0 where it is not known.
    modified_s : float or None
        When it was last written, in seconds since 1970; None where that is not known.
    groups : mapping of str to str
        What it belongs to, for pooled evidence.
    """

    id: str
    place: Place
    stamp: str
    n_bytes: int = 0
    modified_s: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a recording that a data set uses as one example.

    Attributes
    ----------
    id : str
        As the data set calls it.
    recording_id : str
        The recording.
    offset_s : float
        Where it begins.
    duration_s : float or None
        Its length; None reaches to the end.
    """

    id: str
    recording_id: str
    offset_s: float = 0.0
    duration_s: float | None = None
