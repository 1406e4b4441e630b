"""The interface of every source of recordings, whatever its format."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.scan.faults import cause_of
from sottovoce.scan.finding import Finding
from sottovoce.scan.reach.reach import ANYWHERE, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sottovoce.scan.left_out import LeftOut
    from sottovoce.scan.recording import Cut, Recording

__all__ = ["DEFAULTS", "Kept", "Source", "SourceOptions", "atomic_out", "tell_unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Contents of a filtered copy.

    Attributes
    ----------
    path : str
        Path of the copy.
    n_kept, n_left_out : int
        Number of examples in the copy, and of those left out.
    n_fitted, n_fitted_rows : int
        Listings in a folder whose copies lack entries, and number of these entries: they name
        files that are not in the copy, because they were left out, missing or elsewhere.
    not_copied : mapping of str to int
        Number of other files of a folder that were not copied, by kind.
    paths_from : str
        Folder from which relative paths in the copy count, if it lists recordings by path: they
        are not changed.
    has_links : bool
        Whether files in it are hard links to the originals.
    """

    path: str
    n_kept: int
    n_left_out: int
    n_fitted: int = 0
    n_fitted_rows: int = 0
    not_copied: Mapping[str, int] = field(default_factory=dict)
    paths_from: str = ""
    has_links: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How data sets are read.

    Attributes
    ----------
    group_by : tuple of str
        Columns and fields to group recordings by, in addition to those that name the speaker.
    column : tuple of str
        Columns or fields with audio or paths to it; if empty, all are found.
    reach : Reach
        Where names in the data are looked up, and what they may refer to.
    """

    group_by: tuple[str, ...] = ()
    column: tuple[str, ...] = ()
    reach: Reach = ANYWHERE

    def inside(self, folder: str) -> SourceOptions:
        """Return the options for data sets found in a folder."""
        return replace(self, reach=self.reach.inside(folder))


DEFAULTS = SourceOptions()


@contextmanager
def atomic_out(out: Path) -> Iterator[Path]:
    """Provide a temporary path next to that of a copy, and move it into place on success.

    Parameters
    ----------
    out : pathlib.Path
        Final place of the copy: a file or a folder.

    Yields
    ------
    part : pathlib.Path
        Where nothing exists yet.  On any exception, whatever was created there is removed.

    Raises
    ------
    AudioFileError
        If the folder cannot be written to, or the disk is full.
    """
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        yield part
        part.replace(out)
    except OSError as err:
        if isinstance(err, AudioFileError):
            raise
        what = f"{err.strerror}: {err.filename}" if err.filename else err.strerror or str(err)
        raise AudioFileError(f"cannot be written: {what}", path=str(out)) from err
    finally:
        with suppress(OSError):  # the reason is being raised already
            _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class Source(Protocol):
    """A data set, a folder, a manifest: anything that lists recordings.

    Attributes
    ----------
    name : str
        As the user gave it.
    """

    name: str

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield every recording, lazily, or a finding for one that cannot be read.

        Any other file is yielded as left out.

        A recording that is listed several times may be yielded several times.
        """

    def cuts(self) -> Iterator[Cut]:
        """Yield the examples that the data set makes from its recordings."""

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write a copy in the source's own format, without refused recordings.

        Parameters
        ----------
        out : pathlib.Path
            A new file or folder of the source's kind; it exists only once it is complete.
        refused : callable
            Takes the id of a recording; returns whether it is refused.

        Returns
        -------
        kept : Kept
            Contents of the copy.
        """


def tell_unreadable(name: str, err: SottovoceError, groups: Mapping[str, str]) -> Finding:
    """Return the finding for a source that cannot be opened or read to its end.

    Parameters
    ----------
    name : str
        The source; removed from the message.
    err : SottovoceError
        The reason.
    groups : mapping of str to str
        Groups that its recordings belong to.
    """
    is_other = isinstance(err, MissingExtraError | UnsupportedFormatError)
    return Finding(
        id=name,
        status="unsupported" if is_other else "error",
        message=err.without_path(name) if isinstance(err, AudioFileError) else str(err),
        remedy=err.remedy,
        cause=cause_of(err),
        groups=groups,
    )
