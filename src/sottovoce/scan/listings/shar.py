"""`SharMembers`: the recordings of Lhotse Shar, in tar archives next to the cuts.

Next to ``cuts.000000.jsonl.gz`` are ``recording.000000.tar`` and an archive for every other field
that is a recording: ``target_recording.000000.tar``.  A member is named after its cut.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.errors import SottovoceError
from sottovoce.scan.archives.tar import open_tar
from sottovoce.scan.listings.entries import RecordingRef, fail, folder_of
from sottovoce.scan.plain_text import clean
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from sottovoce.scan.reach.reach import Reach

__all__ = ["SharMembers"]

_CUTS = re.compile(r"cuts\.(\d+)\.jsonl(\.gz)?")
_FIELD = re.compile(r"[\w-]{1,200}")
_OTHERS = (".json", ".nodata", ".nometa")
_MOST_MEMBERS = 1_000_000
"""Members of a shard, whose names are held in memory."""
_NOWHERE = (
    "is in a tar archive that is not next to the cuts",
    "Name the folder that it is in, or scan the archives themselves.",
)


class SharMembers:
    """The recordings of one file of cuts.

    Parameters
    ----------
    cuts : str
        The file.
    reach : Reach
        Where its archives are looked up.
    """

    def __init__(self, cuts: str, reach: Reach) -> None:
        self._folder = folder_of(cuts)
        found = None if is_remote(cuts) else _CUTS.fullmatch(cuts.rpartition("/")[2])
        self._number = "" if found is None else found[1]
        self._reach = reach
        self._members: dict[str, tuple[str, dict[str, str]]] = {}

    def use(self, field: str, cut: str, known_as: str) -> RecordingRef:
        """Return the recording that a cut has in a field.

        Parameters
        ----------
        field : str
            ``"recording"``, or a custom field.
        cut : str
            The cut's id.
        known_as : str
            Id of the finding, if there is no recording.
        """
        if not self._number or not _FIELD.fullmatch(field):
            return fail(known_as, *_NOWHERE, status="unsupported")
        archive, names = self._look(field)
        if not archive:
            return fail(known_as, *_NOWHERE, status="unsupported")
        name = names.get(cut, f"{cut}.flac")
        return RecordingRef(recording_id=f"{archive}::{clean(name, most=4096)}", archive=archive)

    def _look(self, field: str) -> tuple[str, dict[str, str]]:
        """Return the archive of a field, and the names of its members by cut."""
        if field in self._members:
            return self._members[field]
        names: dict[str, str] = {}
        stem = f"{field}.{self._number}.tar"
        paths = (self._reach.find(one, folder=self._folder) for one in (stem, f"{stem}.gz"))
        archive = next((path for path in paths if path is not None), "")
        if archive and self._reach.allows(archive):
            # Damage is reported when the archive is read.
            with suppress(SottovoceError), open_tar(archive) as reader:
                for header in reader:
                    is_sound = header.is_file and not header.name.endswith(_OTHERS)
                    if is_sound and len(names) < _MOST_MEMBERS:
                        names[header.name.rpartition(".")[0]] = header.name
        self._members[field] = archive, names
        return archive, names
