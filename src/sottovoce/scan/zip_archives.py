"""`ZipSource`: zip archives with audio in them, and `PackedSource`: one file, packed by itself.

Nothing is extracted.  Members that are stored as they are, are read where they lie; packed ones
are unpacked in memory by whoever looks at them, no further than they may be.
"""

from __future__ import annotations

import zipfile
from itertools import islice
from typing import TYPE_CHECKING, Literal

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.files.sniffing import HEAD_BYTES
from sottovoce.scan.archives import MemberNames, key_of, tell_member
from sottovoce.scan.array_members import MOST_JSON_BYTES, ArrayMembers, Told
from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.listed import clean
from sottovoce.scan.lone_files import link_or_copy
from sottovoce.scan.packing import MOST_UNPACKED_BYTES, unpack_head
from sottovoce.scan.recording import Cut, File, Member, Packed, Recording, Samples
from sottovoce.scan.sources import Kept
from sottovoce.scan.storage import is_remote, open_binary, stamp_of
from sottovoce.scan.zip import ZipMember, zip_members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["PackedSource", "ZipSource"]

_PACKINGS: dict[int, Literal["deflate", "bz2"]] = {8: "deflate", 12: "bz2"}
_CHUNK = 1 << 20
_MOST_COPIED = 1_000_000
"""Members of an archive that is copied: the standard library holds the list of them."""


class ZipSource:
    """One archive.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield the audio in it, in the order of its list; last a finding where it is damaged."""
        groups = {"shard": clean(self.name.rpartition("/")[2])}
        try:
            stamp, _ = stamp_of(self.name)
            with open_binary(self.name) as file:
                for told in self._tell(file):
                    if isinstance(told.what, LeftOut):
                        yield told.what
                    else:
                        yield self._describe(told, stamp, groups)
        except AudioFileError as err:
            message = str(err).removeprefix(f"{self.name}: ")
            yield Finding(
                id=self.name, status="error", message=message, remedy=err.remedy, groups=groups
            )

    def cuts(self) -> Iterator[Cut]:
        """Yield every sample; one with several recordings once for each of them."""
        try:
            with open_binary(self.name) as file:
                for told in self._tell(file):
                    if isinstance(told.what, str):
                        key = clean(_key(told.member))
                        yield Cut(id=f"{self.name}::{key}", recording_id=told.what)
        except AudioFileError:
            return  # `recordings` tells of it

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the archive without the samples any of whose recordings is refused.

        Raises
        ------
        AudioFileError
            If it is damaged.
        """
        with open_binary(self.name) as file:
            members = islice(self._tell(file), _MOST_COPIED + 1)
            told = [(_key(one.member), one.what) for one in members]
        if len(told) > _MOST_COPIED:
            raise AudioFileError("has too many members to be copied", path=self.name)
        left_out = {key for key, one in told if isinstance(one, str) and refused(one)}
        part = out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        kept = dict.fromkeys(key for key, _ in told if key not in left_out)
        try:
            with (
                open_binary(self.name) as file,
                zipfile.ZipFile(file) as old,
                zipfile.ZipFile(part, "w") as new,
            ):
                for info in old.infolist():
                    if (key_of(info.filename) or info.filename) not in left_out:
                        _copy(old, new, info)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as err:
            raise UnreadableAudioError(f"cannot be copied: {err}"[:300], path=self.name) from err
        part.replace(out)
        return Kept(path=str(out), n_kept=len(kept), n_left_out=len(left_out))

    def _tell(self, file: BinaryIO) -> Iterator[Told[ZipMember, str | LeftOut]]:
        """Yield members, with the id of those that are audio; arrays after their sample."""
        names = MemberNames(self.name)
        arrays: ArrayMembers[ZipMember] = ArrayMembers(_key)
        for member in zip_members(file, self.name):
            if not member.is_file:
                continue
            yield from arrays.see(member)
            own_id = names.name(member.name, member.start)
            if member.is_encrypted:
                yield Told(member=member, what=own_id)
                continue
            left_out = tell_member(own_id, member.name, lambda m=member: _head(file, m))  # type: ignore[misc]
            if left_out is not None and left_out.kind == ".npy":
                arrays.hold(member, own_id, left_out, None)
                continue
            yield Told(member=member, what=own_id if left_out is None else left_out)
            if left_out is not None and left_out.kind == ".json":
                arrays.learn(_head(file, member, most=MOST_JSON_BYTES) or b"")
        yield from arrays.end()

    def _describe(
        self, told: Told[ZipMember, str | LeftOut], stamp: str, groups: dict[str, str]
    ) -> Recording | Finding:
        member, own_id = told.member, str(told.what)
        packing = _PACKINGS.get(member.method)
        message = remedy = ""
        if member.is_encrypted:
            message, remedy = "is encrypted", "Unpack the archive, and scan what was in it."
        elif packing is None and member.method != 0:
            message = f"is packed in a way that cannot be read (method {member.method})"
            remedy = "Unpack the archive, and scan what was in it."
        elif packing is not None and member.n_bytes > MOST_UNPACKED_BYTES:
            message = f"has {member.n_bytes:,} bytes, too many to be read from a packed archive"
            remedy = "Unpack the archive, and scan what was in it."
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


def _key(member: ZipMember) -> str:
    return key_of(member.name) or member.name


def _head(file: BinaryIO, member: ZipMember, *, most: int = HEAD_BYTES) -> bytes | None:
    """Return the first bytes of a member; None where they cannot be unpacked."""
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


class PackedSource:
    """A recording that was packed by itself, as ``a.wav.gz``, or is an array of NumPy's.

    Parameters
    ----------
    name : str
        Its path or address.
    packing : "gzip", "bz2" or "xz", or None
        By what; None for an array.
    rate : int
        Of an array, the sampling rate in Hz.
    """

    def __init__(
        self, name: str, packing: Literal["gzip", "bz2", "xz"] | None, *, rate: int = 0
    ) -> None:
        self.name = name
        self._packing = packing
        self._rate = rate

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield the recording."""
        try:
            stamp, size = stamp_of(self.name)
        except AudioFileError as err:
            message = str(err).removeprefix(f"{self.name}: ")
            yield Finding(id=self.name, status="error", message=message, remedy=err.remedy)
            return
        folder = self.name.rpartition("/")[0] or "."
        yield Recording(
            id=self.name,
            place=(
                Samples(File(self.name), "npy", self._rate)
                if self._packing is None
                else Packed(self.name, 0, size, self._packing)
            ),
            stamp=stamp,
            n_bytes=size,
            groups={"folder": folder},
        )

    def cuts(self) -> Iterator[Cut]:
        """Yield the whole recording."""
        yield Cut(id=self.name, recording_id=self.name)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Link or copy the file, unless it is refused."""
        if refused(self.name) or is_remote(self.name):
            return Kept(path=str(out), n_kept=0, n_left_out=1)
        from pathlib import Path

        out.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(Path(self.name), out)
        return Kept(path=str(out), n_kept=1, n_left_out=0)
