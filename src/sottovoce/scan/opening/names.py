"""`open_source`: from a name on the command line to the source that it means."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.kinds import read_head
from sottovoce.scan.datasets.arrow import ArrowSource, is_saved_dataset
from sottovoce.scan.datasets.hugging_face import PREFIX, is_data_set, open_data_set
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.parquet_source import ParquetSource
from sottovoce.scan.faults import TooMuchError
from sottovoce.scan.listings.entries import as_names
from sottovoce.scan.listings.recognise import is_listing
from sottovoce.scan.opening.apart import Apart, ApartSource, UnlistedSource
from sottovoce.scan.opening.folders import FolderSource
from sottovoce.scan.opening.opener import Opener
from sottovoce.scan.reach.network import NetworkReach
from sottovoce.scan.reach.reach import Reach, as_roots
from sottovoce.scan.source import SourceOptions, tell_unreadable
from sottovoce.scan.stores.lone_files import FileSource
from sottovoce.scan.stores.remote_folders import RemoteFolderSource
from sottovoce.scan.stores.store import ask, is_remote, scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sottovoce.scan.source import Source

__all__ = ["open_source", "open_sources"]

_MOST_NAMES = 1_000_000
_FIRST_PATIENCE_S = 3.0
"""Patience with a store that has not answered yet, in seconds: its name may be wrong."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_MISSING = "Check the name and the permissions of its folder."


def open_sources(
    names: Iterable[Any],
    *,
    group_by: tuple[str, ...] = (),
    column: str | Sequence[str] | None = None,
    root: str | Sequence[str] | None = None,
    follow_links: bool = False,
    allow_remote: bool | str | tuple[str, ...] = False,
    apart: Apart | None = None,
) -> list[Source]:
    """Return the sources that names mean, with patterns expanded.

    Parameters
    ----------
    names : iterable of str, path-like or data sets
        Paths, addresses, and Hugging Face data sets that are open in this process.
        In names, ``*``, ``?``, ``[…]`` and ``**`` match what exists;
        ``shard-{000..012}.tar`` and ``{train,test}.csv`` stand for files that must exist.
    group_by, column, root, follow_links, allow_remote, apart
        As in `open_source`.

    Returns
    -------
    sources : list of Source
        One for each name, in the same order; for a mapping of data sets, one for each split.

    Raises
    ------
    AudioFileError
        If something does not exist, or a pattern matches nothing.
    """
    reach = _reach_of(root, allow_remote, follow_links=follow_links)
    options = SourceOptions(group_by=group_by, column=as_names(column), reach=reach)
    opener = Opener(options=options)
    sources: list[Source] = []
    for name in names:
        if is_data_set(name):
            sources += open_data_set(name, options=options)
        else:
            sources += [_open(one, opener, apart) for one in _expand(os.fspath(name))]
    _check_data_sets(sources)
    return sources


def _check_data_sets(sources: list[Source]) -> None:
    """Raise if two data sets share a name: rows of one would be taken for rows of the other."""
    names = [one.name for one in sources if one.name.startswith(PREFIX)]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise ParameterError(
            f"two data sets have the name {twice!r}",
            remedy="Scan them one after the other, each with its own ledger.",
        )


def open_source(
    name: str,
    *,
    group_by: tuple[str, ...] = (),
    column: str | Sequence[str] | None = None,
    root: str | Sequence[str] | None = None,
    follow_links: bool = False,
    allow_remote: bool | str | tuple[str, ...] = False,
    apart: Apart | None = None,
) -> Source:
    """Return the source that a name means: a data set, a manifest, a folder or a single file.

    Parameters
    ----------
    name : str
        Path or address.
    group_by : tuple of str
        Columns and fields to group recordings by.
    column : str, sequence of str or None
        Columns or fields with audio or paths to it; None finds all.
    root : str, sequence of str or None
        Folders in which to look for files that listings and tables name, if they exist neither
        by their name alone nor next to the listing; links in a folder may lead to these as well.
    follow_links : bool
        Whether links in a folder may lead anywhere, as in caches, in which files are links.
    allow_remote : bool, str or tuple of str
        Which network addresses listings and tables may name, in addition to those in their own
        store: True for all public ones, without credentials; addresses such as
        ``"s3://voices"`` for these stores, with the user's credentials.
    apart : Apart or None
        Processes that list possibly hostile data; None lists it in this process.

    Returns
    -------
    source : Source
        Source that has not been read yet, except for the first lines of a manifest.

    Raises
    ------
    AudioFileError
        If it does not exist, is not a regular file, or is a manifest of an unknown kind.
    MissingExtraError
        If it needs a package that is not installed.
    """
    reach = _reach_of(root, allow_remote, follow_links=follow_links)
    options = SourceOptions(group_by=group_by, column=as_names(column), reach=reach)
    return _open(name, Opener(options=options), apart)


def _reach_of(
    root: str | Sequence[str] | None,
    allow_remote: bool | str | tuple[str, ...],  # noqa: FBT001 - as the user gives it
    *,
    follow_links: bool,
) -> Reach:
    network = NetworkReach.of(allow_remote)
    return Reach(roots=as_roots(root), follow_links=follow_links, network=network)


def _open(name: str, opener: Opener, apart: Apart | None) -> Source:
    if scheme_of(name) == "memory":  # of this process
        apart = None
    if _look(name):
        return _open_folder(name, opener, apart)
    source = opener.by_name(name)
    if isinstance(source, ParquetSource | ArrowSource):
        import_arrow()  # now, rather than in the middle of a scan
    if source is None and is_listing(name):
        try:
            source = opener.listing(name) if apart is None else apart.open(opener.listing, name)
        except TooMuchError as err:
            return UnlistedSource(tell_unreadable(name, err, {}))
    if source is None and not is_remote(name):
        source = opener.by_head(name, read_head(Path(name)) or b"")
    return _set_apart(source or FileSource(name), apart)


def _open_folder(name: str, opener: Opener, apart: Apart | None) -> Source:
    inner = opener.inside(name)

    def open_nested(path: str, head: bytes | None) -> Source | None:
        nested = inner.by_name(path)
        if nested is None and head:
            nested = inner.by_head(path, head)
        return None if nested is None else _set_apart(nested, apart)

    def open_saved(path: str) -> Source:
        import_arrow()
        return _set_apart((opener if path == name else inner).arrow(path), apart)

    def open_with(found: Callable[[str], Source | None], path: str) -> Source | None:
        if not is_listing(path):
            return None
        listing = found(path) if apart is None else apart.open(found, path)
        return None if listing is None else _set_apart(listing, apart)

    beside = replace(inner, opens_inner=False)

    if is_saved_dataset(name):
        return open_saved(name)
    if is_remote(name):
        return RemoteFolderSource(name, open_nested=open_nested, open_saved=open_saved)
    return FolderSource(
        name,
        open_nested=open_nested,
        open_saved=open_saved,
        open_listing=partial(open_with, inner.found_listing),
        open_beside=partial(open_with, beside.found_listing),
        reach=inner.options.reach,
    )


def _set_apart(source: Source, apart: Apart | None) -> Source:
    """Return a source that another process lists, if it holds more than one recording."""
    is_plain = isinstance(source, FileSource | UnlistedSource)
    return source if apart is None or is_plain else ApartSource(source, apart)


def _look(name: str) -> bool:
    """Return whether a name is a folder; raise if there is nothing to read."""
    if name.startswith(PREFIX):
        raise AudioFileError(
            "was a data set in the memory of the program that scanned it",
            path=name,
            remedy="Filter it there: sottovoce.scan.filter_data_set(data_set, ledger)",
        )
    if is_remote(name):
        if not name.partition("://")[2].strip("/"):
            raise AudioFileError(
                "names no bucket in the store", path=name, remedy="Name a bucket: s3://bucket"
            )
        if name.endswith("/") and scheme_of(name) in {"http", "https"}:
            return True
        return bool(ask(name, "info", patience_s=_FIRST_PATIENCE_S)["type"] == "directory")
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as err:
        reason = "does not exist" if isinstance(err, FileNotFoundError) else "cannot be read"
        raise AudioFileError(reason, path=name.replace("\0", "\\x00"), remedy=_MISSING) from err
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise AudioFileError(
            "is not a regular file", path=name, remedy="Name a file, or a folder of files."
        )
    return stat.S_ISDIR(mode)


def _expand(name: str) -> list[str]:
    """Return the names that a pattern matches or stands for."""
    if not is_remote(name) and "\0" not in name and os.path.exists(name):  # noqa: PTH110 - names that are too long as well
        return [name]
    names = _expand_braces(name)
    return [found for one in names for found in _expand_stars(one)]


def _expand_braces(name: str) -> list[str]:
    """Return the names that braces stand for.

    Examples
    --------
    >>> _expand_braces("{a,b}-{08..10}.tar")
    ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar', 'b-09.tar', 'b-10.tar']
    """
    parts = _BRACES.split(name)
    choices = [_choices(part) if i % 2 else [part] for i, part in enumerate(parts)]
    n_names = 1
    for some in choices:
        n_names *= len(some)
    if n_names > _MOST_NAMES:
        raise ParameterError(f"{name!r} stands for {n_names:,} names, more than {_MOST_NAMES:,}")
    return ["".join(one) for one in product(*choices)]


def _choices(inside: str) -> list[str]:
    found = _RANGE.fullmatch(inside)
    if found is None:
        return inside.split(",") if "," in inside else [f"{{{inside}}}"]
    first, last = found.groups()
    if abs(int(last) - int(first)) >= _MOST_NAMES:
        raise ParameterError(f"{{{inside}}} stands for more than {_MOST_NAMES:,} names")
    step = 1 if int(last) >= int(first) else -1
    width = len(first) if first.startswith("0") else 0
    return [f"{i:0{width}d}" for i in range(int(first), int(last) + step, step)]


def _expand_stars(name: str) -> list[str]:
    """Return the existing names that match wildcards, sorted; hidden files are left out."""
    if is_remote(name):
        # In web addresses, a question mark begins a query.
        if not set(name) & set("*[") or name.startswith(("http://", "https://")):
            return [name]
        scheme = name.split("://", 1)[0]
        found = [f"{scheme}://{one.lstrip('/')}" for one in sorted(ask(name, "glob"))]
    elif not glob.has_magic(name) or "\0" in name or os.path.exists(name):  # noqa: PTH110 - names that are too long as well
        return [name]
    else:
        found = sorted(glob.iglob(name, recursive=True))  # noqa: PTH207 - keeps names as they were given
    if not found:
        raise AudioFileError("matches nothing", path=name, remedy="Check the pattern.")
    return found
