"""`ZipSource`: zip archives with audio in them, and `PackedSource`: a single packed file.

Nothing is extracted.  Members that are stored unpacked are read in place; packed ones are unpacked
in memory by the workers, within a limit.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Literal

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.files.decoding.sniffing import HEAD_BYTES
from sottovoce.scan.archives.archive_source import (
    ArchiveSource,
    sample_of,
    tell_member,
    tell_members,
)
from sottovoce.scan.archives.array_members import MOST_JSON_BYTES, Told
from sottovoce.scan.archives.zip_directory import ZipMember, zip_members
from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import File, Member, Packed, Recording, Samples
from sottovoce.scan.source import Kept, atomic_out
from sottovoce.scan.stores.lone_files import FileSource
from sottovoce.scan.stores.packing import DAMAGED, MOST_UNPACKED_BYTES, unpack_head
from sottovoce.scan.stores.store import open_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sottovoce.scan.left_out import LeftOut

__all__ = ["PackedSource", "ZipSource"]

_UNUSABLE = (zipfile.BadZipFile, RuntimeError, NotImplementedError, struct.error, *DAMAGED)
_PACKINGS: dict[int, Literal["deflate", "bz2"]] = {8: "deflate", 12: "bz2"}
_CHUNK = 1 << 20
_MOST_COPIED = 1_000_000
"""Maximum number of members to copy: the standard library holds the list of them in memory."""


class ZipSource(ArchiveSource[BinaryIO, ZipMember]):
    """One archive.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the archive without the samples that have a refused recording.

        Raises
        ------
        AudioFileError
            If it is damaged.
        """
        with open_binary(self.name) as file:
            members = islice(self._tell(file), _MOST_COPIED + 1)
            told = [(sample_of(one.member.name), one.what) for one in members]
        if len(told) > _MOST_COPIED:
            raise AudioFileError("has too many members to be copied", path=self.name)
        left_out = {key for key, one in told if isinstance(one, str) and refused(one)}
        kept = dict.fromkeys(key for key, _ in told if key not in left_out)
        try:
            with (
                atomic_out(out) as part,
                open_binary(self.name) as file,
                zipfile.ZipFile(file) as old,
                zipfile.ZipFile(part, "w") as new,
            ):
                for info in old.infolist():
                    if sample_of(info.filename) not in left_out:
                        _copy(old, new, info)
        except AudioFileError:
            raise
        except _UNUSABLE as err:
            raise UnreadableAudioError(f"cannot be copied: {err}"[:300], path=self.name) from err
        return Kept(path=str(out), n_kept=len(kept), n_left_out=len(left_out))

    def _open(self) -> AbstractContextManager[BinaryIO]:
        return open_binary(self.name)

    def _tell(self, opened: BinaryIO) -> Iterator[Told[ZipMember, str | LeftOut]]:
        def look(member: ZipMember, own_id: str) -> LeftOut | None:
            if member.is_encrypted:
                return None  # a separate row, whatever it contains
            return tell_member(own_id, member.name, lambda: _head(opened, member))

        return tell_members(
            self.name,
            zip_members(opened, self.name),
            look=look,
            read_json=lambda member: _head(opened, member, most=MOST_JSON_BYTES) or b"",
            keep=lambda _: None,
        )

    def _describe(
        self,
        opened: BinaryIO,
        told: Told[ZipMember, str | LeftOut],
        stamp: str,
        groups: Mapping[str, str],
    ) -> Recording | Finding:
        member, own_id = told.member, str(told.what)
        packing = _PACKINGS.get(member.method)
        message = remedy = ""
        if member.is_encrypted:
            message, remedy = "is encrypted", "Unpack the archive, and scan its contents."
        elif packing is None and member.method != 0:
            message = f"is packed with an unsupported method ({member.method})"
            remedy = "Unpack the archive, and scan its contents."
        elif packing is not None and member.n_bytes > MOST_UNPACKED_BYTES:
            message = f"has {member.n_bytes:,} bytes, too many to be read from a packed archive"
            remedy = "Unpack the archive, and scan its contents."
        if message:
            return Finding(
                id=own_id, status="unsupported", message=message, remedy=remedy, groups=groups
            )
        place = (
            Member(self.name, member.start, member.length)
            if packing is None
            else Packed(self.name, member.start, member.length, packing, member.n_bytes, member.crc)
        )
        return Recording(
            id=own_id,
            place=Samples(place, "npy", told.rate) if told.rate else place,
            stamp=stamp,
            n_bytes=member.n_bytes,
            modified_s=member.modified_s,
            groups=groups,
        )


def _head(file: BinaryIO, member: ZipMember, *, most: int = HEAD_BYTES) -> bytes | None:
    """Return the first bytes of a member; None if they cannot be unpacked."""
    file.seek(member.start)
    if member.method == 0:
        return file.read(min(member.length, most))
    packed = file.read(min(member.length, 2 * most))
    packing = _PACKINGS.get(member.method)
    head = b"" if packing is None else unpack_head(packed, packing, most=most)
    return head if head or not member.n_bytes else None


def _copy(old: zipfile.ZipFile, new: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    if info.is_dir():
        new.writestr(info, b"")
        return
    with old.open(info) as source, new.open(info, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)


class PackedSource(FileSource):
    """A recording that is packed as a single file, such as ``a.wav.gz``, or is a NumPy array.

    Parameters
    ----------
    name : str
        Its path or address.
    packing : "gzip", "bz2" or "xz", or None
        Compression format; None for an array.
    rate : int
        Sampling rate of an array, in Hz.
    """

    def __init__(
        self, name: str, packing: Literal["gzip", "bz2", "xz"] | None, *, rate: int = 0
    ) -> None:
        super().__init__(name)
        self._packing = packing
        self._rate = rate

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield the recording."""
        for one in super().recordings():
            yield replace(one, place=self._place(one)) if isinstance(one, Recording) else one

    def _place(self, one: Recording) -> Packed | Samples:
        if self._packing is None:
            return Samples(File(self.name), "npy", self._rate)
        return Packed(self.name, 0, one.n_bytes, self._packing)
