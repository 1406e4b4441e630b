"""Entries of listings, and the files that they name.

Manifests are as untrusted as audio.  One may name any regular file of this computer, which is then
decoded as audio and nothing else, and addresses of the usual stores; nothing in it is ever
executed, and a problem with one line is reported for that line.
"""

from __future__ import annotations

import os
import posixpath
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sottovoce.scan.finding import Finding, Status
from sottovoce.scan.listings.texts import write_whole
from sottovoce.scan.plain_text import clean
from sottovoce.scan.reach.reach import ANYWHERE, Reach, without_placeholder
from sottovoce.scan.recording import Cut
from sottovoce.scan.source import Kept
from sottovoce.scan.stores.store import is_remote, scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sottovoce.scan.faults import Cause

__all__ = [
    "GROUP_NAMES",
    "PATH_NAMES",
    "Entry",
    "LastNames",
    "RecordingRef",
    "as_names",
    "cuts_of",
    "fail",
    "folder_of",
    "groups_of",
    "leads_to_file",
    "point_at",
    "remembering",
    "write_entries",
]

GROUP_NAMES = ("speaker", "speaker_id", "client_id")
"""Columns that name the speaker; evidence is always pooled over them."""
PATH_NAMES = (
    *("audio_filepath", "audio_path", "audio", "path", "file_path", "filepath", "file_name"),
    *("filename", "file", "wav", "url"),
)
"""Columns that hold the path of a recording, the most specific name first."""

_MOST_NAME = 4096
_MOST_KEPT = 256
"""Names, or answers about them, that are kept: the segments of a recording are close together."""
_STORES = frozenset(
    {
        *("http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "oci"),
        *("oss", "cos", "b2", "hdfs", "webhdfs", "memory"),
    }
)
_COMMAND = "is a command, and commands in data are never executed"
_UNFILLED = "begins with a placeholder for a folder"
_RUN_IT = "If you trust it, run it yourself, save its output as a file, and name that file."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRef:
    """A segment of a recording that an example uses.

    Attributes
    ----------
    recording_id : str
        The recording; also its path, if there is no finding.
    finding : Finding or None
        Why it cannot be examined.
    offset_s : float
        Start of the segment, in seconds.
    duration_s : float or None
        Length of the segment, in seconds; None reaches to the end.
    data : bytes or None
        The recording, if the listing itself contains it.
    archive : str
        The file that contains the recording; empty if it is a separate file.
    start : int or None
        Position in a Kaldi archive, in bytes; None for a member of a tar archive.
    """

    recording_id: str
    finding: Finding | None = None
    offset_s: float = 0.0
    duration_s: float | None = None
    data: bytes | None = None
    archive: str = ""
    start: int | None = None

    @property
    def path(self) -> str:
        """The file that must be opened."""
        return self.archive or self.recording_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An example of a listing, or a line that is not one.

    Attributes
    ----------
    raw : bytes
        Bytes that a filtered copy keeps unchanged.
    name : str
        Name of the example in the listing.
    uses : tuple of RecordingRef
        Recordings used; empty for headers and comments, which every copy keeps.
    groups : mapping of str to str
        Groups that its recordings belong to.
    """

    raw: bytes
    name: str = ""
    uses: tuple[RecordingRef, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names of columns given as one, several, or None for all, as a tuple."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def folder_of(url: str) -> str:
    """Return the folder of a file; empty for the current one."""
    return url.rpartition("/")[0] if is_remote(url) else os.path.dirname(url)  # noqa: PTH120 - kept as it was given


def point_at(
    name: object,
    *,
    folder: str,
    known_as: str,
    reach: Reach = ANYWHERE,
    places: Sequence[str] = (),
) -> RecordingRef:
    """Return the recording that a listing names.

    A relative path that leads to no file is resolved from the listing's folder, and reported as
    missing when it is opened.

    Parameters
    ----------
    name : object
        Path or address, if it is one.
    folder : str
        Base of relative paths.
    known_as : str
        Id of the finding, if it is not one.
    reach : Reach
        Where else it is looked up.
    places : sequence of str
        Folders next to the listing in which such listings have their files.
    """
    if not isinstance(name, str) or not name.strip():
        return fail(known_as, "names no file")
    if "\0" in name or len(name) > _MOST_NAME:
        return fail(known_as, "names an invalid path: too long, or containing NUL")
    if not name.isascii() and clean(name, most=_MOST_NAME) != name:
        return fail(known_as, "is not UTF-8", "Convert the listing to UTF-8.")
    if name.rstrip().endswith("|") or name.startswith("|"):
        return fail(known_as, _COMMAND, _RUN_IT, status="unsupported")
    if is_remote(name):
        scheme = scheme_of(name)
        if scheme == "file":
            # file://host/path, with the host left out or not.
            path = unquote("/" + name[len("file://") :].partition("/")[2])
            return point_at(path, folder="", known_as=known_as, reach=reach)
        if scheme not in _STORES or "::" in name:
            remedy = "Download it, and name the file."
            return fail(known_as, f"names a {scheme}:// address", remedy, status="unsupported")
        return RecordingRef(recording_id=name)
    name = name.removeprefix("./")
    if is_remote(folder):
        return RecordingRef(recording_id=posixpath.join(folder, name))
    found = reach.find(name, folder=folder, places=places)
    if found is None and without_placeholder(name) is not None and not reach.roots:
        return fail(known_as, _UNFILLED, "Name the folder that it stands for.")
    beside = os.path.join(folder, name)  # noqa: PTH118 - kept as it was given
    return RecordingRef(recording_id=found or beside)


class LastNames:
    """The last names in one listing, and the recordings that they mean.

    Looking up a name takes several requests to the file system, and rows share recordings.

    Parameters
    ----------
    folder, reach
        As in `point_at`.
    """

    def __init__(self, *, folder: str, reach: Reach) -> None:
        self._folder = folder
        self._reach = reach
        self._kept: OrderedDict[str, RecordingRef] = OrderedDict()

    def forget(self) -> None:
        """Forget all of them, before the listing is read again: files come and go."""
        self._kept.clear()

    def point_at(self, name: object, known_as: str) -> RecordingRef:
        """Return the recording that a name means; see `sottovoce.scan.listings.entries.point_at`.

        Parameters
        ----------
        name : object
            Path or address, if it is one.
        known_as : str
            Id of the finding, if it is not one.
        """
        use = self._kept.get(name) if isinstance(name, str) else None
        if use is not None:
            return use
        use = point_at(name, folder=self._folder, known_as=known_as, reach=self._reach)
        if isinstance(name, str) and use.finding is None:
            self._kept[name] = use
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return use


def leads_to_file(use: RecordingRef) -> bool:
    """Return whether a listing names an existing local file."""
    is_local = use.finding is None and not is_remote(use.path)
    return is_local and os.path.isfile(use.path)  # noqa: PTH113 - names that are too long as well


def fail(
    known_as: str,
    message: str,
    remedy: str = "",
    *,
    status: Status = "error",
    cause: Cause = "",
) -> RecordingRef:
    """Return a recording that cannot be examined."""
    known_as = clean(known_as, most=_MOST_NAME)
    finding = Finding(id=known_as, status=status, message=message, remedy=remedy, cause=cause)
    return RecordingRef(recording_id=known_as, finding=finding)


def groups_of(
    row: Mapping[str, object], *, group_by: tuple[str, ...], **others: str
) -> dict[str, str]:
    """Return the groups that a row of a table or manifest assigns to a recording.

    Parameters
    ----------
    row : mapping of str to object
        Names of columns, and values.
    group_by : tuple of str
        Columns in addition to those that name the speaker.
    **others : str
        Groups common to all rows.
    """
    groups = dict(others)
    for name in (*GROUP_NAMES, *group_by):
        value = row.get(name)
        if isinstance(value, str | int | float) and value != "":
            groups[name] = clean(str(value))
    return groups


def cuts_of(entries: Iterable[Entry]) -> Iterator[Cut]:
    """Yield the segments that examples use; one example may use several recordings."""
    for entry in entries:
        for use in entry.uses:
            yield Cut(
                id=entry.name or use.recording_id,
                recording_id=use.recording_id,
                offset_s=use.offset_s,
                duration_s=use.duration_s,
            )


def remembering(refused: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a callable that takes the id of a recording, and keeps its last answers.

    An answer may take a query, or a pass over a whole archive; rows share recordings.
    """
    return lru_cache(maxsize=_MOST_KEPT)(refused)


def write_entries(
    entries: Iterable[Entry],
    out: Path,
    *,
    folder: str,
    refused: Callable[[str], bool],
    packed: bool,
) -> Kept:
    """Write a listing without the examples that have a refused recording.

    Parameters
    ----------
    entries : iterable of Entry
        All entries; those that are kept are copied byte for byte, relative paths too.
    out : pathlib.Path
        The new listing.
    folder : str
        Folder of the original.
    refused : callable
        Takes the id of a recording.
    packed : bool
        Whether it is packed by gzip.
    """
    n_kept = n_left_out = 0
    refused = remembering(refused)
    with write_whole(out, packed=packed) as file:
        for entry in entries:
            if not entry.uses:
                file.write(entry.raw)
            elif not entry.raw or any(refused(use.recording_id) for use in entry.uses):
                n_left_out += 1
            else:
                file.write(entry.raw)
                n_kept += 1
    return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out, paths_from=folder or os.curdir)
