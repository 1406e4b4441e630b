"""`open_source`: from a name on the command line to the source that it means."""

from __future__ import annotations

import functools
import glob
import os
import re
import stat
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.kinds import read_head, suffix_of_head
from sottovoce.files.sniffing import HEAD_BYTES, sounds_like_audio
from sottovoce.scan.apart import Apart, ApartSource
from sottovoce.scan.archives import TAR_SUFFIXES, TarSource
from sottovoce.scan.array_members import MOST_JSON_BYTES, rate_in_json
from sottovoce.scan.arrow import ArrowSource, is_arrow, is_saved_dataset
from sottovoce.scan.folders import FolderSource
from sottovoce.scan.hugging_face import PREFIX, is_data_set, open_data_set
from sottovoce.scan.leaves import import_arrow
from sottovoce.scan.listed import as_names
from sottovoce.scan.listings import is_listing, open_found_listing, open_listing
from sottovoce.scan.lone_files import FileSource
from sottovoce.scan.packing import PACKINGS, packing_of, unpack_head
from sottovoce.scan.reach import NOWHERE, Reach
from sottovoce.scan.remote_folders import RemoteFolderSource, is_audio
from sottovoce.scan.storage import ask, is_remote, scheme_of
from sottovoce.scan.tables import ParquetSource
from sottovoce.scan.zip_archives import PackedSource, ZipSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sottovoce.scan.sources import Source

__all__ = ["open_source", "open_sources"]

_PARQUET = (".parquet", ".pq")
_MOST_NAMES = 1_000_000
_FIRST_PATIENCE_S = 3.0
"""With a store of which nothing is known yet: its name may be wrong."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_MISSING = "Check the name, and the permissions of the folder that it is in."


def open_sources(
    names: Iterable[Any],
    *,
    group_by: tuple[str, ...] = (),
    column: str | Sequence[str] | None = None,
    root: str | None = None,
    allow_remote: bool | str | tuple[str, ...] = False,
    apart: Apart | None = None,
) -> list[Source]:
    """Return the sources that names mean, patterns expanded.

    Parameters
    ----------
    names : iterable of str, path-like or data sets
        Paths, addresses, and data sets of Hugging Face's that are open in this process.
        In names, ``*``, ``?``, ``[…]`` and ``**`` stand for what is there;
        ``shard-{000..012}.tar`` and ``{train,test}.csv`` for what must be there.
    group_by, column, root
        As in `open_source`.
    allow_remote : bool, str or tuple of str
        What listings and tables may name on a network, besides what lies in their own store:
        True for all that is public, without credentials; addresses as ``"s3://voices"`` for these
        stores, with the person's.
    apart : Apart or None
        Processes that list what may be hostile; None lists it in this one.

    Returns
    -------
    sources : list of Source
        In the order of the names; what a pattern matches is sorted.

    Raises
    ------
    AudioFileError
        If something does not exist, or a pattern matches nothing.
    """
    sources: list[Source] = []
    column, reach = as_names(column), Reach.of(allow_remote)
    for name in names:
        if is_data_set(name):
            sources += open_data_set(name, group_by=group_by, column=column, reach=reach)
            continue
        sources += [
            open_source(one, group_by=group_by, column=column, root=root, reach=reach, apart=apart)
            for one in _expand(os.fspath(name))
        ]
    _check_data_sets(sources)
    return sources


def _check_data_sets(sources: list[Source]) -> None:
    """Raise where two data sets have one name: the rows of one would be taken for the other's."""
    names = [one.name for one in sources if one.name.startswith(PREFIX)]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise ParameterError(
            f"two data sets are called {twice!r}",
            remedy="Scan them one after the other, each with a ledger of its own.",
        )


def open_source(
    name: str,
    *,
    group_by: tuple[str, ...] = (),
    column: str | Sequence[str] | None = None,
    root: str | None = None,
    reach: Reach = NOWHERE,
    apart: Apart | None = None,
) -> Source:
    """Return the source that a name means: a data set, a manifest, a folder or a single file.

    Parameters
    ----------
    name : str
        Path or address.
    group_by : tuple of str
        Columns and fields that say what recordings belong to.
    column : str, sequence of str or None
        Columns or fields with audio, or with paths of it; None finds all.
    root : str or None
        Folder from which manifests take relative paths; None for the one that they are in.
    reach : Reach
        What it may name on a network.
    apart : Apart or None
        As in `open_sources`.

    Returns
    -------
    source : Source
        Nothing of it is read yet, but the first lines of a manifest.

    Raises
    ------
    AudioFileError
        If it does not exist, is no regular file, or is a manifest of an unknown kind.
    MissingExtraError
        If it needs a package that is not installed.
    """
    is_folder = _look(name)
    column = as_names(column)
    data_set = _open_data_set(name, group_by=group_by, column=column, root=root)

    def guard(source: Source | None) -> Source | None:
        if source is not None and hasattr(source, "reach"):
            source.reach = reach
        if source is None or apart is None or isinstance(source, PackedSource):
            return source
        if scheme_of(source.name) == "memory":  # of this process
            return source
        return ApartSource(source, apart)

    def open_nested(path: str, head: bytes | None) -> Source | None:
        how = {"group_by": group_by, "column": column, "root": root}
        nested = _open_data_set(path, **how)  # type: ignore[arg-type]
        if nested is None and head:
            nested = _open_packed(path, head, **how)  # type: ignore[arg-type]
        return guard(nested)

    def open_found(path: str, folder: str) -> Source | None:
        open_one = functools.partial(
            open_found_listing, within=folder, group_by=group_by, column=column, root=root
        )
        try:
            return guard(open_one(path) if apart is None else apart.call(open_one, path))
        except AudioFileError:
            return None

    def open_saved(path: str) -> Source:
        import_arrow()
        saved = ArrowSource(path, group_by=group_by, column=column, root=root)
        return guard(saved) or saved

    if is_folder:
        if is_saved_dataset(name):
            return open_saved(name)
        if is_remote(name):
            return RemoteFolderSource(name, open_nested=open_nested, open_saved=open_saved)
        return FolderSource(
            name, open_nested=open_nested, open_saved=open_saved, open_listing=open_found
        )
    if data_set is not None:
        if isinstance(data_set, ParquetSource | ArrowSource):
            import_arrow()  # now, rather than when half is scanned
        return guard(data_set) or data_set
    open_one = functools.partial(open_listing, group_by=group_by, column=column, root=root)
    listing = None
    if is_listing(name):
        listing = open_one(name) if apart is None else apart.call(open_one, name)
    if listing is not None:
        return guard(listing) or listing
    head = b"" if is_remote(name) else read_head(Path(name)) or b""
    packed = _open_packed(name, head, group_by=group_by, column=column, root=root)
    return guard(packed) or FileSource(name)


def _look(name: str) -> bool:
    """Say whether a name is a folder's, or raise where there is nothing to read."""
    if name.startswith(PREFIX):
        raise AudioFileError(
            "was a data set in the memory of the program that scanned it",
            path=name,
            remedy="Filter it there: sottovoce.scan.filter_data_set(data_set, ledger)",
        )
    if is_remote(name):
        if not name.partition("://")[2].strip("/"):
            raise AudioFileError(
                "names no place in the store", path=name, remedy="Name a bucket: s3://bucket"
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


def _open_data_set(
    name: str, *, group_by: tuple[str, ...], column: tuple[str, ...], root: str | None
) -> Source | None:
    """Return the source of a file with audio in it, by its name; None for any other."""
    lower = name.lower()
    if lower.endswith(TAR_SUFFIXES):
        return TarSource(name)
    if lower.endswith(".zip"):
        return ZipSource(name)
    if lower.endswith(_PARQUET):
        return ParquetSource(name, group_by=group_by, column=column, root=root)
    if is_arrow(name):
        return ArrowSource(name, group_by=group_by, column=column, root=root)
    return None


def _open_packed(
    name: str,
    head: bytes,
    *,
    group_by: tuple[str, ...],
    column: tuple[str, ...],
    root: str | None,
) -> Source | None:
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
        return ParquetSource(name, group_by=group_by, column=column, root=root)
    # Many kinds of files are zip archives inside; those say so by their suffix.
    return ZipSource(name) if own == ".zip" and not suffix else None


def _rate_beside(name: str) -> int:
    """Return the sampling rate that a JSON file beside a local file says, in Hz; 0 for none."""
    beside = Path(os.path.splitext(name)[0] + ".json")  # noqa: PTH122 - as elsewhere here
    try:
        if is_remote(name) or beside.is_symlink() or not beside.is_file():
            return 0
        with beside.open("rb") as file:
            return rate_in_json(file.read(MOST_JSON_BYTES))
    except OSError:
        return 0


def _expand(name: str) -> list[str]:
    """Return the names that a pattern stands for."""
    if not is_remote(name) and "\0" not in name and Path(name).exists():
        return [name]
    names = _expand_braces(name)
    return [found for one in names for found in _expand_stars(one)]


def _expand_braces(name: str) -> list[str]:
    """Return what braces stand for.

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
    """Return what is there for a name with wildcards, sorted; hidden files are left out."""
    if is_remote(name):
        # In addresses of the web, a question mark begins a query.
        if not set(name) & set("*[") or name.startswith(("http://", "https://")):
            return [name]
        scheme = name.split("://", 1)[0]
        found = [f"{scheme}://{one.lstrip('/')}" for one in sorted(ask(name, "glob"))]
    elif not glob.has_magic(name) or "\0" in name or Path(name).exists():
        return [name]
    else:
        found = sorted(glob.iglob(name, recursive=True))  # noqa: PTH207 - keeps names as they were given
    if not found:
        raise AudioFileError("matches nothing", path=name, remedy="Check the pattern.")
    return found
