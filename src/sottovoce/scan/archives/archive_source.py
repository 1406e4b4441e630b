"""`ArchiveSource`: the common part of tar and zip archives, from members to recordings.

A member is a recording by its name or its first bytes; all other members are reported.  Members
whose names differ only in their suffixes form a sample, as in WebDataset.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sottovoce.errors import AudioFileError, MissingExtraError
from sottovoce.files.kinds import kind_of_other, may_hold_sound
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.archives.array_members import ArrayMembers, Told
from sottovoce.scan.ledger.id_set import IdSet
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.plain_text import clean
from sottovoce.scan.recording import Cut
from sottovoce.scan.source import tell_unreadable
from sottovoce.scan.stores.store import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Recording

__all__ = ["ArchiveMember", "ArchiveSource", "key_of", "sample_of", "tell_member", "tell_members"]

_MOST_ID = 4096


class ArchiveMember(Protocol):
    """A member of any archive."""

    @property
    def name(self) -> str:
        """Name as stored."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and not a folder, link or device."""

    @property
    def start(self) -> int:
        """Position of its data, in bytes."""


Opened = TypeVar("Opened")
OfArchive = TypeVar("OfArchive", bound=ArchiveMember)


class ArchiveSource(Generic[Opened, OfArchive]):
    """One archive.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield the audio in it, in the order of the archive.

        If the archive is cut short or damaged, the last item is a finding that says so.
        """
        groups = {"shard": clean(self.name.rpartition("/")[2])}
        try:
            stamp, _ = stamp_of(self.name)
            with self._open() as opened:
                for told in self._tell(opened):
                    if isinstance(told.what, LeftOut):
                        yield told.what
                    else:
                        yield self._describe(opened, told, stamp, groups)
        except (AudioFileError, MissingExtraError) as err:
            yield tell_unreadable(self.name, err, groups)

    def cuts(self) -> Iterator[Cut]:
        """Yield every sample; one with several recordings is yielded once for each."""
        try:
            with self._open() as opened:
                for told in self._tell(opened):
                    if isinstance(told.what, str):
                        sample = clean(sample_of(told.member.name), most=_MOST_ID)
                        yield Cut(id=f"{self.name}::{sample}", recording_id=told.what)
        except (AudioFileError, MissingExtraError):
            return  # `recordings` reports it

    def _open(self) -> AbstractContextManager[Opened]:
        raise NotImplementedError

    def _tell(self, opened: Opened) -> Iterator[Told[OfArchive, str | LeftOut]]:
        """Yield members as `tell_members` does."""
        raise NotImplementedError

    def _describe(
        self,
        opened: Opened,
        told: Told[OfArchive, str | LeftOut],
        stamp: str,
        groups: Mapping[str, str],
    ) -> Recording | Finding:
        raise NotImplementedError


def key_of(name: str) -> str:
    """Return the sample that a member belongs to, as in WebDataset; empty if there is none.

    Examples
    --------
    >>> key_of("clips/0001.speaker.wav"), key_of("clips/0001.json"), key_of("clips/.hidden")
    ('clips/0001', 'clips/0001', '')
    """
    folder, base = posixpath.split(name)
    stem, dot, _ = base.partition(".")
    return posixpath.join(folder, stem) if stem and dot else ""


def sample_of(name: str) -> str:
    """Return the sample that a member belongs to; a member without a key is a sample itself."""
    return key_of(name) or name


def tell_members(
    url: str,
    members: Iterable[OfArchive],
    *,
    look: Callable[[OfArchive, str], LeftOut | None],
    read_json: Callable[[OfArchive], bytes],
    keep: Callable[[OfArchive], bytes | None],
) -> Iterator[Told[OfArchive, str | LeftOut]]:
    """Yield the files in an archive, with the id of each that is audio.

    Arrays come after their sample, when it is known whether anything in it states their rate.

    Parameters
    ----------
    url : str
        The archive, with which ids begin.  A name may occur twice in it: later ids then contain
        the position of the data.
    members : iterable of ArchiveMember
        Folders and links among them.
    look : callable
        Takes a member and its id; returns how it is left out, or None if it is audio.
    read_json : callable
        Returns the contents of a JSON file next to an array, or their beginning.
    keep : callable
        Returns the bytes of an array if they cannot be read later; otherwise None.
    """
    seen = IdSet()
    arrays: ArrayMembers[OfArchive] = ArrayMembers(lambda one: sample_of(one.name))
    for member in members:
        if not member.is_file:
            continue
        yield from arrays.see(member)
        own_id = f"{url}::{clean(member.name, most=_MOST_ID)}"
        if not seen.add(own_id):
            own_id = f"{own_id}@{member.start}"
        left_out = look(member, own_id)
        if left_out is not None and left_out.kind == ".npy":
            arrays.hold(member, own_id, left_out, keep(member))
            continue
        yield Told(member=member, what=own_id if left_out is None else left_out)
        if left_out is not None and left_out.kind == ".json":
            arrays.learn(read_json(member))
    yield from arrays.end()


def tell_member(own_id: str, name: str, read_head: Callable[[], bytes | None]) -> LeftOut | None:
    """Return how a member of an archive is left out; None if it is audio.

    Parameters
    ----------
    own_id, name : str
        Its id, and its name in the archive.
    read_head : callable
        Returns its first bytes, or None if they cannot be read; called only if the name is not
        sufficient.
    """
    suffix = PurePosixPath(name.rpartition("/")[2]).suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        return None
    head = read_head()
    kind = kind_of_other(suffix, head)
    if not kind:
        return None
    return LeftOut(id=own_id, kind=kind, may_hold_sound=may_hold_sound(kind, head))
