"""Which kind of listing a file is: a table, a manifest, a list of paths.

One that the user names may name any regular file of this computer, as Kaldi, NeMo and Lhotse do.
One that is found in a folder speaks for that folder only.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, UnsupportedFormatError
from sottovoce.scan.kaldi import WavScpSource
from sottovoce.scan.listed import PATH_NAMES, folder_of, parse_object, point_at, read_lines
from sottovoce.scan.lists import ListSource
from sottovoce.scan.manifest_fields import sounds_of
from sottovoce.scan.manifests import LhotseSource, NemoSource
from sottovoce.scan.path_tables import PathTableSource, names_paths

if TYPE_CHECKING:
    from sottovoce.scan.sources import Source

__all__ = ["LISTINGS", "is_listing", "open_found_listing", "open_listing"]

_TABLES = (".csv", ".tsv")
_MANIFESTS = (".jsonl", ".json", ".ndjson")
_LISTS = (".txt", ".lst", ".list")
LISTINGS = (*_TABLES, *_MANIFESTS, *_LISTS, ".scp")
"""Suffixes of files that may list recordings; ``.gz`` may follow."""
_FIRST_LINES = 20


def is_listing(name: str) -> bool:
    """Say whether a file may list recordings, by its name."""
    return name.lower().removesuffix(".gz").endswith(LISTINGS)


def open_listing(
    name: str, *, group_by: tuple[str, ...], column: tuple[str, ...], root: str | None
) -> Source | None:
    """Return the source of a file that names others, by its own name; None for any other."""
    lower = name.lower().removesuffix(".gz")
    if lower.endswith(_TABLES):
        return PathTableSource(name, group_by=group_by, column=column, root=root)
    if lower.endswith(_MANIFESTS):
        return _open_manifest(name, group_by=group_by, column=column, root=root)
    if lower.endswith(".scp"):
        return WavScpSource(name, root=root)
    if lower.endswith(_LISTS):
        return ListSource(name, root=root)
    return None


def _open_manifest(
    name: str, *, group_by: tuple[str, ...], column: tuple[str, ...], root: str | None
) -> Source:
    """Return the source of a manifest; its first object tells whose kind it is."""
    problem = "is empty"
    for line in islice(read_lines(name), _FIRST_LINES):
        if not line.problem and not line.raw.strip():
            continue
        fields = parse_object(line)
        if isinstance(fields, str):
            problem = fields
            continue
        if not column and fields.keys() & {"recording", "sources", "tracks"}:
            return LhotseSource(name, group_by=group_by, root=root)
        if fields.keys() & (set(column) if column else {*PATH_NAMES, "shard_id"}):
            return NemoSource(name, group_by=group_by, column=column, root=root)
        if not column and next(sounds_of(fields), None) is not None:
            return NemoSource(name, group_by=group_by, root=root)
        fields_there = ", ".join(repr(key)[:60] for key in islice(fields, 20))
        raise UnsupportedFormatError(
            "has no field of paths",
            path=name,
            remedy=f"Name the field with the path. There are: {fields_there}",
        )
    raise UnsupportedFormatError(
        f"is no manifest with one JSON object a line: it {problem}",
        path=name,
        remedy="Write one object a line: jq -c '.[]' FILE",
    )


def open_found_listing(
    name: str,
    *,
    within: str,
    group_by: tuple[str, ...],
    column: tuple[str, ...],
    root: str | None,
) -> Source | None:
    """Return the source of a listing that lies in a folder without sound; None for other files.

    Parameters
    ----------
    name : str
        Its path.
    within : str
        The folder; what the listing names outside of it is told, and not opened.
    group_by, column, root
        As in `sottovoce.scan.opening.open_source`.
    """
    lower = name.lower().removesuffix(".gz")
    if not is_listing(name):
        return None
    try:
        if lower.endswith(_TABLES) and not names_paths(name, column):
            return None
        if lower.endswith(_LISTS) and not _lists_files(name):
            return None
        source = open_listing(name, group_by=group_by, column=column, root=root)
    except AudioFileError:
        return None
    if isinstance(source, PathTableSource | LhotseSource | NemoSource | WavScpSource | ListSource):
        source.within = within
    return source


def _lists_files(name: str) -> bool:
    """Return whether one of the first lines of a text names a file that is there, or an address."""
    from pathlib import Path

    from sottovoce.scan.storage import is_remote

    folder = folder_of(name)
    for line in islice(read_lines(name), _FIRST_LINES):
        text = line.text.strip()
        if not text or text.startswith("#") or line.problem:
            continue
        use = point_at(text, folder=folder, known_as=name)
        if use.finding is None and (is_remote(text) or Path(use.recording_id).is_file()):
            return True
    return False
