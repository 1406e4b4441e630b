"""`Recording`: where the bytes of one recording lie, and `Cut`: a part of one that a data set uses.

A recording is examined once, however many cuts a data set makes of it.  A place says how to get
the bytes and is small: it is sent to worker processes, the bytes are not.
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
    """A separate file.

    Attributes
    ----------
    url : str
        A path on this computer, or an address that fsspec can open.
    is_named : bool
        Whether the user named the address, or its store; see `sottovoce.scan.reach.network`.
    """

    url: str
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A range of bytes in an uncompressed archive.

    Attributes
    ----------
    url : str
        The archive.
    start, length : int
        Position and size, in bytes.
    """

    url: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table that holds bytes, or the path of a file next to the table.

    Attributes
    ----------
    url : str
        A Parquet or Arrow file.
    group, row : int
        Row group (or record batch), and row in it.
    column : str
        Name of the column.
    inside : tuple of str or int
        Fields of structs, and indices in lists, that lead from the cell to the audio.
    rate : int
        Sampling rate in Hz, if the audio itself does not state it; otherwise 0.
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
    """Bytes that can be read only once, in sequence, such as those of a compressed archive.

    Attributes
    ----------
    data : bytes
        Contents, as of a file.
    """

    data: bytes


class Spooled:
    """Like `Inline`, but too large to send: kept in a file that is deleted once it is not needed.

    Parameters
    ----------
    path : str
        The file.
    n_bytes : int
        Its size.
    standing : "made", "owned" or "lent"
        Role of the process.  The creator hands the file over with the object: the process that
        unpickles it owns the file, and lends it to those that unpickle it from there.
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
    """A range of bytes to be unpacked: a member of a zip archive, or a single packed file.

    Attributes
    ----------
    url : str
        The archive.
    start, length : int
        Position and size as stored, in bytes.
    packing : "deflate", "gzip", "bz2" or "xz"
        Compression format.
    n_bytes : int
        Unpacked size, as stated by the archive; 0 if it is not stated.
    crc : int or None
        Checksum (CRC-32) of the unpacked bytes, if the archive has one.
    """

    url: str
    start: int
    length: int
    packing: Literal["deflate", "gzip", "bz2", "xz"]
    n_bytes: int = 0
    crc: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples without a header that states their rate, which is known from elsewhere.

    Attributes
    ----------
    place : File, Member, Inline, Spooled or Packed
        Where they are.
    form : "npy" or "raw"
        A NumPy array, or consecutive little-endian samples.
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
        Size, or 0 if it is not known.
    modified_s : float or None
        Time of the last modification, in seconds since 1970; None if it is not known.
    groups : mapping of str to str
        Groups that it belongs to, for pooled evidence.
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
        Name of the example in the data set.
    recording_id : str
        The recording.
    offset_s : float
        Start, in seconds.
    duration_s : float or None
        Length, in seconds; None reaches to the end.
    """

    id: str
    recording_id: str
    offset_s: float = 0.0
    duration_s: float | None = None
