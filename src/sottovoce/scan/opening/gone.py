"""`Gone`: whether what a listing names is in the copy of its folder, in any process."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.scan.ledger.id_set import IdSet
from sottovoce.scan.reach.addresses import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Gone"]


class Gone:
    """A callable that takes an id from a listing in a folder; used once its audio is copied.

    Parameters
    ----------
    sounds : IdSet
        Audio files and data sets of the folder, as paths relative to it; another process sees
        only those that were added before its first query.
    folder : str
        The folder, as spelled at the beginning of the ids of its recordings.
    part : pathlib.Path
        Its copy.
    refused : callable
        Takes the id of a recording.
    """

    def __init__(
        self, sounds: IdSet, *, folder: str, part: Path, refused: Callable[[str], bool]
    ) -> None:
        self._sounds = sounds
        self._folder = folder
        self._part = part
        self._refused = refused
        self._spool: Any = None

    @property
    def can_travel(self) -> bool:
        """Whether it can be used in another process as well."""
        return getattr(self._refused, "can_travel", False)

    def __reduce__(self) -> tuple[Any, ...]:
        # A folder may have thousands of listings: the paths are written once for all of them.
        if self._spool is None:
            self._spool = tempfile.NamedTemporaryFile(prefix="sottovoce-sounds-")  # noqa: SIM115 - goes with this object
            self._spool.write(self._sounds.to_bytes())
            self._spool.flush()
        return _arrive, (self._spool.name, self._folder, self._part, self._refused)

    def __call__(self, own_id: str) -> bool:
        """Return whether a recording that a listing names is missing from the copy."""
        inside, rest = self._split(own_id)
        if not inside:
            return self._refused(own_id)
        real = self._real(inside)
        if real in self._sounds and not (rest and inside == real):
            if not os.path.exists(self._part / inside):  # noqa: PTH110 - names that are too long as well
                return True  # or it exists under another name only, without the link
            if not rest:
                return False
        # As spelled by the walk through the folder.
        return self._refused(os.path.join(self._folder, real) + rest)  # noqa: PTH118 - as there

    def knows(self, own_id: str) -> bool:
        """Return whether a recording that a listing names is audio of this folder."""
        return self._real(self._split(own_id)[0]) in self._sounds

    def inside(self, path: str) -> str:
        """Return a path relative to the folder; empty if it leads out of it."""
        inside = os.path.relpath(path, self._folder)
        return "" if inside.startswith("..") else inside

    def _split(self, own_id: str) -> tuple[str, str]:
        """Return the file in the folder with which an id begins, and the rest of the id."""
        if is_remote(own_id):
            return "", ""
        path, separator, rest = own_id, "", ""
        if not os.path.lexists(own_id):
            path, separator, rest = own_id.partition("::")
        return self.inside(path), separator + rest

    def _real(self, inside: str) -> str:
        """Return a path in the folder as the walk saw it, without going through links."""
        if not inside or inside in self._sounds:
            return inside
        path = os.path.realpath(os.path.join(self._folder, inside))  # noqa: PTH118 - as there
        own = os.path.relpath(path, os.path.realpath(self._folder))
        return inside if own.startswith("..") else own


def _arrive(spool: str, folder: str, part: Path, refused: Callable[[str], bool]) -> Gone:
    return Gone(_read(spool), folder=folder, part=part, refused=refused)


@lru_cache(maxsize=1)
def _read(spool: str) -> IdSet:
    return IdSet.from_bytes(Path(spool).read_bytes())
