"""`TarSource`: WebDataset shards, and every other tar archive with audio in it.

Nothing is extracted.  Members of a plain archive are read in place by the workers; those of a
packed one are read in sequence.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.files.decoding.sniffing import HEAD_BYTES
from sottovoce.scan.archives.archive_source import (
    ArchiveSource,
    sample_of,
    tell_member,
    tell_members,
)
from sottovoce.scan.archives.array_members import MOST_JSON_BYTES, Told
from sottovoce.scan.archives.tar import TarHeader, TarReader, copy_members, open_tar, pack_like
from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import Inline, Member, Recording, Samples
from sottovoce.scan.source import Kept, atomic_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from sottovoce.scan.left_out import LeftOut

__all__ = ["TAR_SUFFIXES", "TarSource"]

TAR_SUFFIXES = (
    *(".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst"),
)
_MOST_INLINE_BYTES = 64 << 20
"""Maximum size of a member of a packed archive, whose bytes must be sent to a worker."""
_LATEST_S = 2.0**40


class TarSource(ArchiveSource[TarReader, TarHeader]):
    """One archive.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the archive without the samples that have a refused recording.

        The rest is copied block by block, unchanged, with its headers.  From a damaged archive,
        everything before the damage is kept.

        Raises
        ------
        AudioFileError
            If the archive cannot be opened.
        """
        left_out, n_whole = self._look_ahead(refused)
        with (
            atomic_out(out) as part,
            open_tar(self.name) as reader,
            part.open("wb") as raw,
            pack_like(raw, reader.packing) as packed,
        ):
            counts = _copy(reader, packed, left_out, n_whole)
        return Kept(path=str(out), n_kept=counts[True], n_left_out=counts[False])

    def _look_ahead(self, refused: Callable[[str], bool]) -> tuple[set[str], int]:
        """Return the refused samples, and the number of intact bytes of the archive."""
        keys = set()
        with open_tar(self.name) as reader:
            # `recordings` reports damage; the bytes after it are not copied.
            with suppress(AudioFileError):
                for told in self._tell(reader):
                    if isinstance(told.what, str) and refused(told.what):
                        keys.add(sample_of(told.member.name))
            return keys, reader.n_whole

    def _open(self) -> AbstractContextManager[TarReader]:
        return open_tar(self.name)

    def _tell(self, opened: TarReader) -> Iterator[Told[TarHeader, str | LeftOut]]:
        def look(header: TarHeader, own_id: str) -> LeftOut | None:
            return tell_member(own_id, header.name, lambda: opened.peek(header, HEAD_BYTES))

        return tell_members(
            self.name,
            opened,
            look=look,
            read_json=lambda header: _read_json(opened, header),
            keep=lambda header: _keep(opened, header),
        )

    def _describe(
        self,
        opened: TarReader,
        told: Told[TarHeader, str | LeftOut],
        stamp: str,
        groups: Mapping[str, str],
    ) -> Recording | Finding:
        header, member_id = told.member, str(told.what)
        if opened.packing and header.length > _MOST_INLINE_BYTES:
            return Finding(
                id=member_id,
                status="unsupported",
                message=f"has {header.length:,} bytes, too many to be read from a packed archive",
                remedy="Unpack the archive itself (to .tar), and scan the result.",
                groups=groups,
            )
        place: Inline | Member = Member(self.name, header.start, header.length)
        if told.data is not None:
            place = Inline(told.data)
        elif opened.packing:
            place = Inline(b"".join(opened.chunks(header)))
        return Recording(
            id=member_id,
            place=Samples(place, "npy", told.rate) if told.rate else place,
            stamp=stamp,
            n_bytes=header.length,
            modified_s=header.modified_s if 0 < header.modified_s < _LATEST_S else None,
            groups=groups,
        )


def _keep(reader: TarReader, header: TarHeader) -> bytes | None:
    """Return the bytes of an array for later; None if they can be read then."""
    if not reader.packing or header.length > _MOST_INLINE_BYTES:
        return None
    return b"".join(reader.chunks(header))


def _read_json(reader: TarReader, header: TarHeader) -> bytes:
    return b"".join(reader.chunks(header)) if header.length <= MOST_JSON_BYTES else b""


def _copy(reader: TarReader, out: BinaryIO, left_out: set[str], n_whole: int) -> dict[bool, int]:
    """Copy the members that are kept, and count samples."""
    counts = {True: 0, False: 0}
    last = ""

    def is_kept(header: TarHeader) -> bool:
        nonlocal last
        key = sample_of(header.name)
        if key != last and header.is_file:
            counts[key not in left_out] += 1
            last = key
        return key not in left_out

    copy_members(reader, out, is_kept=is_kept, n_whole=n_whole)
    return counts
