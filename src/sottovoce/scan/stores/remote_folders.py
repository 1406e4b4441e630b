"""Folders in a store, walked lazily, and descriptions of the files there."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.files.kinds import may_hold_sound
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.reach.network import store_of
from sottovoce.scan.recording import Cut, File, Recording
from sottovoce.scan.source import Kept, atomic_out, tell_unreadable
from sottovoce.scan.stores.listing import list_folder
from sottovoce.scan.stores.store import ask, scheme_of, stamp_of_details

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from sottovoce.scan.source import Source

__all__ = [
    "RemoteFolderSource",
    "describe_remote",
    "holds_saved_dataset",
    "is_audio",
]

_MOST_NAME = 4096


class RemoteFolderSource:
    """All audio files under an address such as ``s3://bucket/prefix``, and the data sets there.

    Parameters
    ----------
    name : str
        The address.
    open_nested : callable
        Takes an address, and None for its first bytes, which are not fetched; returns the
        source for the file, or None if it is not a data set.
    open_saved : callable
        Returns the source for a folder in which `datasets` has saved a data set.
    """

    def __init__(
        self,
        name: str,
        *,
        open_nested: Callable[[str, bytes | None], Source | None],
        open_saved: Callable[[str], Source],
    ) -> None:
        self.name = name
        self._open_nested = open_nested
        self._open_saved = open_saved

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield audio files, sorted within each folder, and the recordings of data sets there.

        Files are recognised by their names: reading first bytes would cost a request each.
        """
        for one in self._walk():
            if isinstance(one, Finding):
                yield one
            elif (nested := self._nested(one)) is not None:
                yield from nested.recordings()
            elif is_audio(one.url):
                yield from describe_remote(one.url, one.details, folder=one.folder)
            else:
                yield _leave_out(one.url)

    def cuts(self) -> Iterator[Cut]:
        """Yield every file as a whole, and the examples of data sets."""
        for one in self._walk():
            if isinstance(one, Finding):
                continue
            if (nested := self._nested(one)) is not None:
                yield from nested.cuts()
            elif is_audio(one.url):
                yield Cut(id=one.url, recording_id=one.url)

    def _nested(self, one: _Entry) -> Source | None:
        if one.is_saved:
            return self._open_saved(one.url)
        return None if is_audio(one.url) else self._open_nested(one.url, None)

    def _walk(self) -> Iterator[_Entry | Finding]:
        """Yield every file and saved data set, folder by folder.

        The driver's own walk silently skips folders that it could not list.
        """
        waiting = [self.name.rstrip("/")]
        seen = set(waiting)
        while waiting:
            folder = waiting.pop()
            try:
                inside = yield from self._list(folder)
            except AudioFileError as err:
                yield tell_unreadable(folder, err, {})
                continue
            # Web pages have links back to where they come from.
            inside = [one for one in inside if one not in seen and one.startswith(f"{folder}/")]
            seen.update(inside)
            waiting += sorted(inside, reverse=True)

    def _list(self, folder: str) -> Generator[_Entry | Finding, None, list[str]]:
        """Yield the files of a folder, and return the folders in it."""
        inside = []
        for number, page in enumerate(list_folder(folder)):
            entries = {self._address(str(one["name"])): one for one in page}
            entries.pop(folder, None)  # the marker of the folder itself
            names = sorted(entries)
            if number == 0 and self._is_saved(folder, names):
                yield _Entry(url=folder, folder=folder, details={}, is_saved=True)
                return []
            for url in names:
                if store_of(url) != store_of(folder):
                    # A web page may name anything.
                    yield Finding(
                        id=url[:_MOST_NAME],
                        status="unsupported",
                        message=f"is named in {store_of(folder)}, but is in another store",
                        remedy="If you trust it, scan it by its own name.",
                    )
                elif entries[url]["type"] == "directory":
                    inside.append(url)
                else:
                    yield _Entry(url=url, folder=folder, details=entries[url])
        return inside

    def _is_saved(self, folder: str, names: list[str]) -> bool:
        """Return whether a folder, whose first page is known, is a saved data set."""
        own = {posixpath.basename(name) for name in names}
        # Many parts of a table come before the name that identifies it.
        if "dataset_info.json" in own and "state.json" not in own:
            return bool(ask(f"{folder}/state.json", "exists"))
        return holds_saved_dataset(own)

    def _address(self, name: str) -> str:
        # Web drivers keep whole addresses, others drop the scheme.
        name = name.rstrip("/")
        return name if "://" in name else f"{scheme_of(self.name)}://{name.lstrip('/')}"

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the addresses that are kept, one per line; the bytes stay where they are.

        A data set is kept as a whole or not at all; scanned by its own name, it is copied in part.
        """
        n_kept = n_left_out = 0
        with atomic_out(out) as part, part.open("w", encoding="utf-8") as file:
            for one in self._walk():
                if isinstance(one, Finding):
                    continue
                nested = self._nested(one)
                if nested is None and not is_audio(one.url):
                    continue
                ids = [one.url] if nested is None else [cut.recording_id for cut in nested.cuts()]
                if any(refused(recording_id) for recording_id in ids):
                    n_left_out += len(ids)
                else:
                    file.write(f"{one.url}\n")
                    n_kept += len(ids)
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file in a store, or a folder there that is a saved data set."""

    url: str
    folder: str
    details: dict[str, object]
    is_saved: bool = False


def _leave_out(url: str) -> LeftOut:
    kind = os.path.splitext(url)[1].lower() or "without suffix"  # noqa: PTH122 - as in `is_audio`
    return LeftOut(id=url, kind=kind, may_hold_sound=may_hold_sound(kind, None))


def holds_saved_dataset(names: set[str]) -> bool:
    """Return whether a folder with these names in it is a data set saved to disk by `datasets`.

    Examples
    --------
    >>> holds_saved_dataset({"state.json", "dataset_info.json", "data-00000-of-00001.arrow"})
    True
    >>> holds_saved_dataset({"dataset_info.json", "train.arrow"})
    False
    """
    return "dataset_dict.json" in names or {"state.json", "dataset_info.json"} <= names


def is_audio(name: str) -> bool:
    """Return whether a file is a recording, by its name."""
    # A Path would take as long as everything else that is done for a file.
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122


def describe_remote(url: str, details: dict[str, object], **groups: str) -> Iterator[Recording]:
    """Yield a file in a store as a recording, from what the store reports about it."""
    stamp, size = stamp_of_details(details)
    modified = details.get("LastModified") or details.get("mtime")
    timestamp = getattr(modified, "timestamp", None)
    yield Recording(
        id=url,
        place=File(url),
        stamp=stamp,
        n_bytes=size,
        modified_s=timestamp() if timestamp is not None else None,
        groups=groups,
    )
