"""`FolderCopy`: a copy of a folder without refused recordings, and with listings that match.

Loading an audio folder by its ``metadata.csv``, or a corpus by its ``validated.tsv``, fails at the
first row whose file is gone.  So listings in a folder lose these rows; data that is spread over
several files, as with Kaldi and Lhotse, stays in step.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, SottovoceError, UnreadableAudioError
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.id_set import IdSet
from sottovoce.scan.listings.shar_source import cuts_beside
from sottovoce.scan.opening.gone import Gone
from sottovoce.scan.source import Kept
from sottovoce.scan.stores.lone_files import describe_file, link_or_copy

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.scan.reach.reach import Reach
    from sottovoce.scan.source import Source

__all__ = ["FolderCopy", "is_group"]

_KALDI = "wav.scp"


def is_group(path: str) -> bool:
    """Return whether a file represents several that must stay in step, and is copied with them."""
    return path.lower().endswith(".scp") or cuts_beside(path) == path


class FolderCopy:
    """A copy of one folder.

    Parameters
    ----------
    folder : str
        The folder, as spelled at the beginning of the ids of its recordings.
    part : pathlib.Path
        The new folder, which exists and is empty.
    refused : callable
        Takes the id of a recording.
    reach : Reach
        Where links in the folder may lead.
    open_beside : callable
        Takes the path of a file; returns its source if it lists recordings, and treats the data
        sets in it as files like any other.

    Notes
    -----
    Audio and data sets come first, then the files for which `is_group` holds, then all others:
    only then is it known which names in a listing refer to audio in the copy.
    """

    def __init__(
        self,
        folder: str,
        part: Path,
        *,
        refused: Callable[[str], bool],
        reach: Reach,
        open_beside: Callable[[str], Source | None],
    ) -> None:
        self._folder = folder
        self._part = part
        self._refused = refused
        self._reach = reach
        self._open_beside = open_beside
        self._sounds = IdSet()
        self._is_gone = Gone(self._sounds, folder=folder, part=part, refused=refused)
        self._n_sounds = 0
        self._n_kept = self._n_left_out = self._n_fitted = self._n_fitted_rows = 0
        self._has_links = False
        self._not_copied: Counter[str] = Counter()
        self._unreadable: set[str] = set()

    def add_sound(self, path: str) -> None:
        """Add an audio file."""
        self._sounds.add(self._is_gone.inside(path))
        self._n_sounds += 1
        if self._refused(path):
            self._n_left_out += 1
        elif isinstance(describe_file(path, reach=self._reach), Finding):
            self.pass_over("link" if os.path.islink(path) else "special")  # noqa: PTH114 - as elsewhere here
        else:
            self._link(path, self._place(path))
            self._n_kept += 1

    def add_data_set(self, path: str, source: Source) -> None:
        """Add a data set; one that belongs to a shard with cuts is copied with them."""
        self._sounds.add(self._is_gone.inside(path))
        self._n_sounds += 1
        if cuts_beside(path) is not None:
            return
        try:
            self._count(source.write_kept(self._place(path), refused=self._refused))
        except AudioFileError:  # the others are copied nevertheless
            self.pass_over("unreadable")

    def add_group(self, path: str) -> None:
        """Add a file that represents several."""
        source = self._open_beside(path)
        is_shar = cuts_beside(path) == path
        if not is_shar and (source is None or not self._is_of_this(source)):
            return
        place = self._place(path)
        whole = place.with_name(f".{place.name}.new")
        try:
            if source is None:
                raise UnreadableAudioError("lists no recordings", path=path)
            kept = source.write_kept(whole, refused=self._is_gone)
        except SottovoceError:
            self.pass_over("unreadable")
            self._unreadable.add(path)
            return
        if is_shar or not self._n_sounds:
            self._count(kept)
        if is_shar or kept.n_left_out:
            for made in whole.iterdir():
                if made.name == _KALDI:
                    made.replace(place)
                elif is_shar or place.name == _KALDI:  # others share the files next to them
                    made.replace(place.with_name(made.name))
            self._count_fitted(kept)
        shutil.rmtree(whole)

    def add_other(self, path: str) -> None:
        """Add a file other than audio: unchanged, or without entries that name removed files."""
        place = self._place(path)
        if os.path.lexists(place) or cuts_beside(path) is not None or path in self._unreadable:
            return  # copied with its group, or reported
        # In a group that is still here, nothing was removed.
        listing = None if is_group(path) else self._open_beside(path)
        if listing is None or not self._is_of_this(listing):
            self._link(path, place)
            return
        try:
            kept = listing.write_kept(place, refused=self._is_gone)
        except SottovoceError:
            self.pass_over("unreadable")
            return
        if not self._n_sounds:
            self._count(kept)
        if not kept.n_left_out:
            place.unlink()
            self._link(path, place)
            return
        self._count_fitted(kept)
        if not place.stat().st_size:  # its only example was removed
            place.unlink()

    def pass_over(self, kind: str) -> None:
        """Count a file that is not copied."""
        self._not_copied[kind] += 1

    def describe(self, out: Path) -> Kept:
        """Return the contents of the copy, once everything was added."""
        return Kept(
            path=str(out),
            n_kept=self._n_kept,
            n_left_out=self._n_left_out,
            n_fitted=self._n_fitted,
            n_fitted_rows=self._n_fitted_rows,
            not_copied=dict(self._not_copied),
            has_links=self._has_links,
        )

    def _count(self, kept: Kept) -> None:
        self._n_kept += kept.n_kept
        self._n_left_out += kept.n_left_out

    def _count_fitted(self, kept: Kept) -> None:
        self._n_fitted += bool(kept.n_left_out)
        self._n_fitted_rows += kept.n_left_out

    def _link(self, path: str, place: Path) -> None:
        self._has_links |= link_or_copy(Path(path), place)

    def _place(self, path: str) -> Path:
        place = self._part / os.path.relpath(path, self._folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _is_of_this(self, listing: Source) -> bool:
        """Return whether a listing names audio of this folder, or the folder has no other audio."""
        return not self._n_sounds or any(
            self._is_gone.knows(cut.recording_id) for cut in listing.cuts()
        )
