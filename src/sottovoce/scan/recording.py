"""`Recording`: where the bytes of one recording lie, and `Cut`: a part of one that a data set uses.

A recording is looked at once, however many cuts a data set makes of it.  Places say how to come
by the bytes and are small: they travel to worker processes, the bytes do not.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sottovoce.scan.reach.reach import ANYWHERE, Reach

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Cell",
    "Cut",
    "File",
    "Inline",
    "Member",
    "Packed",
    "Place",
    "Recording",
    "Samples",
    "Spooled",
]


@dataclass(frozen=True, slots=True)
class File:
    """A file of its own.

    Attributes
    ----------
    url : str
        A path on this computer, or an address that fsspec can open.
    is_named : bool
        Whether the person named the address, or its store; see `sottovoce.scan.reach.network`.
    """

    url: str
    is_named: bool = True


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
    inside : tuple of str or int
        Fields of structs, and places in lists, that lead from the cell to the sound.
    rate : int
        Sampling rate in Hz, where the sound does not say it itself; 0 where it does.
    reach : Reach
        Where a path in the cell may lead.
    """

    url: str
    group: int
    row: int
    column: str
    inside: tuple[str | int, ...] = ()
    rate: int = 0
    reach: Reach = ANYWHERE


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that can be read only in passing, as those of a compressed archive.

    Attributes
    ----------
    data : bytes
        What a file would hold.
    """

    data: bytes


class Spooled:
    """Bytes as those of `Inline`, too many to travel: in a file that goes when nobody needs it.

    Parameters
    ----------
    path : str
        The file.
    n_bytes : int
        Its size.
    standing : "made", "owned" or "lent"
        Who makes one hands the file over with it: whoever unpickles it owns the file, and lends it
        to those who unpickle it from there.
    """

    __slots__ = ("n_bytes", "path", "standing")
    url = ""

    def __init__(self, path: str, n_bytes: int, standing: str = "made") -> None:
        self.path = path
        self.n_bytes = n_bytes
        self.standing = standing

    def __reduce__(self) -> tuple[type[Spooled], tuple[str, int, str]]:
        return Spooled, (self.path, self.n_bytes, "owned" if self.standing == "made" else "lent")

    def __del__(self) -> None:
        if self.standing == "owned":
            with suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108 - also while the interpreter ends

    def read(self) -> bytes:
        """Return the bytes."""
        with open(self.path, "rb") as file:  # noqa: PTH123 - as above
            return file.read()


@dataclass(frozen=True, slots=True)
class Packed:
    """A stretch of bytes that must be unpacked: a member of a zip archive, or a file packed alone.

    Attributes
    ----------
    url : str
        The archive.
    start, length : int
        As it is stored, in bytes.
    packing : "deflate", "gzip", "bz2" or "xz"
        By what.
    n_bytes : int
        Once it is unpacked, as the archive says; 0 where it does not say.
    crc : int or None
        Checksum (CRC-32) of what is unpacked, where the archive has one.
    """

    url: str
    start: int
    length: int
    packing: Literal["deflate", "gzip", "bz2", "xz"]
    n_bytes: int = 0
    crc: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Numbers without a head that says their rate, which is known from elsewhere.

    Attributes
    ----------
    place : File, Member, Inline, Spooled or Packed
        Where they are.
    form : "npy" or "raw"
        An array of NumPy's, or little-endian samples one after the other.
    sr : int
        Sampling rate, in Hz.
    """

    place: File | Member | Inline | Spooled | Packed
    form: Literal["npy", "raw"]
    sr: int

    @property
    def url(self) -> str:
        """The file or archive."""
        return "" if isinstance(self.place, Inline) else self.place.url


Place = File | Member | Cell | Inline | Spooled | Packed | Samples


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
