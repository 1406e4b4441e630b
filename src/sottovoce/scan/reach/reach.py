"""`Reach`: where the names in a data set are looked up, and what they may refer to.

A name is resolved as in NeMo: as it is, next to the listing, and under each folder that the user
named.  A listing that the user named may refer to any regular local file; one that was found in a
folder may refer only to that folder, and to those that the user named in addition.  Addresses are
judged by `NetworkReach`, wherever the listing was found.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.reach.addresses import is_remote
from sottovoce.scan.reach.network import NOWHERE, NetworkReach, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ANYWHERE", "Reach", "as_roots", "without_placeholder"]

_PLACEHOLDER = re.compile(r"(?:\$\{\w+\}|\$\w+|\{\w+\}|DUMMY\d*)(?:/+|$)")
"""As in ``$data_folder/a.wav`` and ``{data_root}/a.wav``, which SpeechBrain fills in, and in
``DUMMY1/a.wav``, which VITS does."""
_GUESSED = (".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a")
"""Suffixes that lists omit, the most common first."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What the names in a data set may refer to.

    Attributes
    ----------
    roots : tuple of str
        Further folders in which names are looked up; placeholders stand for them.
    follow_links : bool
        Whether links in a folder may lead out of it: their targets then count as part of it.
    within : str
        Folder in which a data set was found; names may refer only to it and to `roots`.  Empty
        for one that the user named.  A folder in a store contains no local files.
    network : NetworkReach
        Which network addresses they may be.
    """

    roots: tuple[str, ...] = ()
    follow_links: bool = False
    within: str = ""
    network: NetworkReach = NOWHERE

    def inside(self, folder: str) -> Reach:
        """Return the reach of data sets found in a folder."""
        return replace(self, within=folder)

    def absolute(self) -> Reach:
        """Return the same reach, independent of the current folder."""
        roots = tuple(os.path.abspath(one) for one in self.roots)  # noqa: PTH100 - links stay
        within = self.within
        if within and not is_remote(within):
            within = os.path.abspath(within)  # noqa: PTH100 - as above
        return replace(self, roots=roots, within=within)

    def judge(self, path: str, *, listing: str) -> bool | Refusal:
        """Return whether a name in a listing is opened, and with whose credentials.

        Parameters
        ----------
        path : str
            A path as `find` returns it, or an address.
        listing : str
            Listing that names it.

        Returns
        -------
        is_named : bool or Refusal
            True: as something that the user named.  False: an address, without credentials and
            at public addresses only.
        """
        if is_remote(path):
            return self.network.judge(path, listing=listing)
        return self.allows(path) or Refusal(
            f"is named by a listing in {self.within}, but is outside of it",
            "If you trust the listing, scan it by its own name.",
        )

    def allows(self, path: str) -> bool:
        """Return whether a local path may be opened.

        Links on the way count as their targets, unless they are followed.
        """
        if not self.within:
            return True
        if is_remote(path):
            return False
        folders = [one for one in (self.within, *self.roots) if not is_remote(one)]
        real = Path(os.path.realpath(path))
        whole = [os.path.abspath(one) for one in folders]  # noqa: PTH100 - without following links
        if any(real.is_relative_to(_real(one)) for one in whole):
            return True
        # Two dots after a link lead next to its target, to which nothing links.
        if not self.follow_links or ".." in Path(path).parts:
            return False
        plain = Path(os.path.abspath(path))  # noqa: PTH100 - without following links
        return any(plain.is_relative_to(one) for one in whole)

    def holds(self, real: str) -> bool:
        """Return whether the target of a link is in the folder, and so is visited there anyway."""
        return Path(real).is_relative_to(_real(os.path.abspath(self.within)))  # noqa: PTH100

    def find(self, name: str, *, folder: str, places: Sequence[str] = ()) -> str | None:
        """Return the local file that a name means; None if there is none.

        Parameters
        ----------
        name : str
            Relative or absolute.
        folder : str
            Folder of the listing.
        places : sequence of str
            Folders next to the listing in which such listings have their files: ``"clips"``.
        """
        found = ""
        for path in self._candidates(name, folder, places):
            if os.path.isfile(path):  # noqa: PTH113 - names that are too long as well
                if self.allows(path):
                    return path
                found = found or path
        return found or None

    def _candidates(self, name: str, folder: str, places: Sequence[str]) -> Iterator[str]:
        yield from self._plain(name, folder, places)
        if not os.path.splitext(name)[1]:  # noqa: PTH122 - a text, not a path yet
            for suffix in _GUESSED:
                yield from self._plain(name + suffix, folder, places)

    def _plain(self, name: str, folder: str, places: Sequence[str]) -> Iterator[str]:
        yield name
        if name.startswith("~/"):
            yield os.path.expanduser(name)  # noqa: PTH111 - kept as it was given
        if os.path.isabs(name):  # noqa: PTH117 - a text, not a path yet
            return
        rest = without_placeholder(name)
        for one in ("", *places):
            yield os.path.join(folder, one, rest or name)  # noqa: PTH118 - kept as it was given
        # Emilia's files are next to their listings, under names that begin one folder above.
        head, _, tail = name.partition("/")
        if tail and head == os.path.basename(folder):  # noqa: PTH119 - as above
            yield os.path.join(folder, tail)  # noqa: PTH118 - as above
        for root in self.roots:
            yield os.path.join(root, rest or name)  # noqa: PTH118 - as above


ANYWHERE = Reach()
"""Reach of a data set that the user named, without further folders."""


def without_placeholder(name: str) -> str | None:
    """Return a name without the placeholder that it begins with; None if there is none.

    Examples
    --------
    >>> without_placeholder("$data_folder/a.wav"), without_placeholder("{root}/b.wav")
    ('a.wav', 'b.wav')
    >>> without_placeholder("takes/a.wav") is None
    True
    """
    begin = _PLACEHOLDER.match(name)
    return None if begin is None else name[begin.end() :]


def as_roots(root: str | os.PathLike[str] | Sequence[str] | None) -> tuple[str, ...]:
    """Return folders given as one, several, or None, as a tuple."""
    if root is None:
        return ()
    if isinstance(root, str | os.PathLike):
        return (os.fspath(root),)
    return tuple(os.fspath(one) for one in root)


@functools.lru_cache(maxsize=64)
def _real(folder: str) -> str:
    return os.path.realpath(folder)
