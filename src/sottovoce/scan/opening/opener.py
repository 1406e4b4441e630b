"""`Opener`: the source for a file, by its name, its first bytes or what it lists."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, MissingExtraError
from sottovoce.files.decoding.sniffing import HEAD_BYTES, sounds_like_audio
from sottovoce.files.kinds import suffix_of_head
from sottovoce.scan.archives.array_members import MOST_JSON_BYTES, rate_in_json
from sottovoce.scan.archives.tar_source import TAR_SUFFIXES, TarSource
from sottovoce.scan.archives.zip_source import PackedSource, ZipSource
from sottovoce.scan.datasets.arrow import ArrowSource, is_arrow
from sottovoce.scan.datasets.parquet_source import ParquetSource
from sottovoce.scan.listings.recognise import lists_recordings, open_listing
from sottovoce.scan.source import DEFAULTS, SourceOptions
from sottovoce.scan.stores.packing import PACKINGS, packing_of, unpack_head
from sottovoce.scan.stores.remote_folders import is_audio
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from sottovoce.scan.source import Source

__all__ = ["Opener"]

_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """How to read data sets; a value that is sent to the processes that list them.

    Attributes
    ----------
    options : SourceOptions
        How they are read.
    opens_inner : bool
        Whether to open data sets that a list names; otherwise, they are files like any other.
    """

    options: SourceOptions = DEFAULTS
    opens_inner: bool = True

    def inside(self, folder: str) -> Opener:
        """Return the opener for data sets found in a folder."""
        return replace(self, options=self.options.inside(folder))

    def by_name(self, name: str) -> Source | None:
        """Return the source of a file with audio in it, by its name; None for any other."""
        lower = name.lower()
        if lower.endswith(TAR_SUFFIXES):
            return TarSource(name)
        if lower.endswith(".zip"):
            return ZipSource(name)
        if lower.endswith(_PARQUET):
            return self._parquet(name)
        return self.arrow(name) if is_arrow(name) else None

    def by_head(self, name: str, head: bytes) -> Source | None:
        """Return the source of a file with audio in it, by its first bytes; None for any other."""
        suffix, own = os.path.splitext(name)[1].lower(), suffix_of_head(head)  # noqa: PTH122
        packing = packing_of(head)
        if packing:
            inner = unpack_head(head, packing, most=HEAD_BYTES)
            if suffix_of_head(inner) == ".tar":
                return TarSource(name)
            is_named = suffix in PACKINGS and is_audio(name[: -len(suffix)])
            is_sound = is_named or sounds_like_audio(inner)
            return PackedSource(name, packing) if is_sound else None
        if own == ".tar":
            return TarSource(name)
        if own == ".npy" and (rate := _rate_beside(name)):
            return PackedSource(name, None, rate=rate)
        if own == ".parquet":
            return self._parquet(name)
        # Many kinds of files are zip archives inside; a real archive has the suffix.
        return ZipSource(name) if own == ".zip" and not suffix else None

    def listing(self, name: str) -> Source | None:
        """Return the source of a file that names others; None for any other.

        Raises
        ------
        AudioFileError
            If it is a manifest of an unknown kind, or cannot be read.
        MissingExtraError
            If it needs a package that is not installed.
        """
        return open_listing(
            name,
            options=self.options,
            open_inner=self.by_name if self.opens_inner else _open_nothing,
        )

    def found_listing(self, name: str) -> Source | None:
        """Return the source of a listing in a folder without sound; None for other files."""
        try:
            is_one = lists_recordings(name, options=self.options)
            return self.listing(name) if is_one else None
        except (AudioFileError, MissingExtraError):
            return None

    def arrow(self, name: str) -> ArrowSource:
        """Return the source of an Arrow file, or of a folder saved by `datasets`."""
        return ArrowSource(name, options=self.options)

    def _parquet(self, name: str) -> ParquetSource:
        return ParquetSource(name, options=self.options)


def _open_nothing(_name: str) -> None:
    """Treat a data set as a file."""


def _rate_beside(name: str) -> int:
    """Return the sampling rate in a JSON file next to a local file, in Hz; 0 if there is none."""
    beside = Path(os.path.splitext(name)[0] + ".json")  # noqa: PTH122 - as elsewhere here
    try:
        if is_remote(name) or beside.is_symlink() or not beside.is_file():
            return 0
        with beside.open("rb") as file:
            return rate_in_json(file.read(MOST_JSON_BYTES))
    except OSError:
        return 0
