"""`TarSource`: shards of the WebDataset kind, and every other tar archive with audio in it.

Nothing is extracted.  Members of a plain archive are read where they lie, by whoever looks at
them; those of a packed one are read in passing.
"""

from __future__ import annotations

import posixpath
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.files.kinds import kind_of_other, may_hold_sound
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.files.sniffing import HEAD_BYTES
from sottovoce.scan.array_members import MOST_JSON_BYTES, ArrayMembers, Told
from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.listed import Seen, clean
from sottovoce.scan.recording import Cut, Inline, Member, Recording, Samples
from sottovoce.scan.sources import Kept
from sottovoce.scan.storage import stamp_of
from sottovoce.scan.tar import Header, TarReader, copy_members, open_tar, pack_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "MOST_INLINE_BYTES",
    "TAR_SUFFIXES",
    "MemberNames",
    "TarSource",
    "key_of",
    "tell_member",
]

TAR_SUFFIXES = (
    *(".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst"),
)
MOST_INLINE_BYTES = 64 << 20
"""Of one member of a packed archive, which must travel to a worker as it is."""
_MOST_ID = 4096
_LATEST_S = 2.0**40
_UNSUPPORTED = (MissingExtraError, UnsupportedFormatError)


def key_of(name: str) -> str:
    """Return the sample that a member belongs to, as WebDataset has it; empty for none.

    Examples
    --------
    >>> key_of("clips/0001.speaker.wav"), key_of("clips/0001.json"), key_of("clips/.hidden")
    ('clips/0001', 'clips/0001', '')
    """
    folder, base = posixpath.split(name)
    stem, dot, _ = base.partition(".")
    return posixpath.join(folder, stem) if stem and dot else ""


class MemberNames:
    """The ids of the members of an archive, in which a name may come twice.

    Parameters
    ----------
    url : str
        The archive.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._seen = Seen()

    def name(self, name: str, start: int) -> str:
        """Return the id of the member whose data begins at `start`."""
        own_id = f"{self._url}::{clean(name, most=_MOST_ID)}"
        return own_id if self._seen.add(own_id) else f"{own_id}@{start}"


def tell_member(own_id: str, name: str, read_head: Callable[[], bytes | None]) -> LeftOut | None:
    """Return as what a member of an archive is left out; None where it is audio.

    Parameters
    ----------
    own_id, name : str
        Its id, and its name in the archive.
    read_head : callable
        Returns its first bytes, None where they cannot be read; asked only where the name does
        not say enough.
    """
    suffix = _suffix(name)
    if suffix in AUDIO_SUFFIXES:
        return None
    head = read_head()
    kind = kind_of_other(suffix, head)
    if not kind:
        return None
    return LeftOut(id=own_id, kind=kind, may_hold_sound=may_hold_sound(kind, head))


class TarSource:
    """One archive.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield the audio in it, in the order in which it lies there.

        Where the archive is cut short or damaged, the last is a finding that says so.
        """
        groups = {"shard": clean(self.name.rpartition("/")[2])}
        try:
            stamp, _ = stamp_of(self.name)
            with open_tar(self.name) as reader:
                for told in self._tell(reader):
                    if isinstance(told.what, LeftOut):
                        yield told.what
                    else:
                        yield self._describe(reader, told, stamp, groups)
        except (AudioFileError, MissingExtraError) as err:
            yield self._fail(err, groups)

    def cuts(self) -> Iterator[Cut]:
        """Yield every sample; one with several recordings once for each of them."""
        try:
            with open_tar(self.name) as reader:
                for header, member_id in self._audio(reader):
                    key = clean(key_of(header.name) or header.name, most=_MOST_ID)
                    yield Cut(id=f"{self.name}::{key}", recording_id=member_id)
        except (AudioFileError, MissingExtraError):
            return  # `recordings` tells of it

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the archive without the samples any of whose recordings is refused.

        What is kept is copied block by block as it is, headers too.  Of a damaged archive, what
        comes before the damage is kept.

        Raises
        ------
        AudioFileError
            If the archive cannot be opened.
        """
        left_out, n_whole = self._look_ahead(refused)
        part = out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            open_tar(self.name) as reader,
            part.open("wb") as raw,
            pack_like(raw, reader.packing) as packed,
        ):
            counts = _copy(reader, packed, left_out, n_whole)
        part.replace(out)
        return Kept(path=str(out), n_kept=counts[True], n_left_out=counts[False])

    def _look_ahead(self, refused: Callable[[str], bool]) -> tuple[set[str], int]:
        """Return the samples that are refused, and how many bytes of the archive are whole."""
        keys = set()
        with open_tar(self.name) as reader:
            # `recordings` tells of damage; what lies behind it is not copied.
            with suppress(AudioFileError):
                for header, member_id in self._audio(reader):
                    if refused(member_id):
                        keys.add(key_of(header.name) or header.name)
            return keys, reader.n_whole

    def _audio(self, reader: TarReader) -> Iterator[tuple[Header, str]]:
        """Yield members with audio and their ids."""
        for told in self._tell(reader):
            if isinstance(told.what, str):
                yield told.member, told.what

    def _tell(self, reader: TarReader) -> Iterator[Told[Header, str | LeftOut]]:
        """Yield members, with the id of those that are audio; arrays after their sample."""
        names = MemberNames(self.name)
        arrays: ArrayMembers[Header] = ArrayMembers(lambda one: key_of(one.name) or one.name)
        for header in reader:
            if header.is_file:
                yield from arrays.see(header)
                own_id = names.name(header.name, header.start)
                left_out = tell_member(
                    own_id,
                    header.name,
                    lambda header=header: reader.peek(header, HEAD_BYTES),  # type: ignore[misc]
                )
                if left_out is not None and left_out.kind == ".npy":
                    arrays.hold(header, own_id, left_out, _keep(reader, header))
                    continue
                yield Told(member=header, what=own_id if left_out is None else left_out)
                if left_out is not None and left_out.kind == ".json":
                    arrays.learn(_read_json(reader, header))
        yield from arrays.end()

    def _describe(
        self,
        reader: TarReader,
        told: Told[Header, str | LeftOut],
        stamp: str,
        groups: Mapping[str, str],
    ) -> Recording | Finding:
        header, member_id = told.member, str(told.what)
        if reader.packing and header.length > MOST_INLINE_BYTES:
            return Finding(
                id=member_id,
                status="unsupported",
                message=f"has {header.length:,} bytes, too many to be read from a packed archive",
                remedy="Unpack the archive itself (to .tar), and scan that.",
                groups=groups,
            )
        place: Inline | Member = Member(self.name, header.start, header.length)
        if told.data is not None:
            place = Inline(told.data)
        elif reader.packing:
            place = Inline(b"".join(reader.chunks(header)))
        return Recording(
            id=member_id,
            place=Samples(place, "npy", told.rate) if told.rate else place,
            stamp=stamp,
            n_bytes=header.length,
            modified_s=header.modified_s if 0 < header.modified_s < _LATEST_S else None,
            groups=groups,
        )

    def _fail(self, err: SottovoceError, groups: Mapping[str, str]) -> Finding:
        return Finding(
            id=self.name,
            status="unsupported" if isinstance(err, _UNSUPPORTED) else "error",
            message=str(err).removeprefix(f"{self.name}: "),
            remedy=err.remedy,
            groups=groups,
        )


def _keep(reader: TarReader, header: Header) -> bytes | None:
    """Return the bytes of an array that is looked at later; None where they can be read then."""
    if not reader.packing or header.length > MOST_INLINE_BYTES:
        return None
    return b"".join(reader.chunks(header))


def _read_json(reader: TarReader, header: Header) -> bytes:
    return b"".join(reader.chunks(header)) if header.length <= MOST_JSON_BYTES else b""


def _suffix(name: str) -> str:
    return PurePosixPath(name.rpartition("/")[2]).suffix.lower()


def _copy(reader: TarReader, out: BinaryIO, left_out: set[str], n_whole: int) -> dict[bool, int]:
    """Copy the members that are kept, and count samples."""
    counts = {True: 0, False: 0}
    last = ""

    def is_kept(header: Header) -> bool:
        nonlocal last
        key = key_of(header.name) or header.name
        if key != last and header.is_file:
            counts[key not in left_out] += 1
            last = key
        return key not in left_out

    copy_members(reader, out, is_kept=is_kept, n_whole=n_whole)
    return counts
