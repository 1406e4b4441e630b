"""Which kind of listing a file is: a table, a manifest, a list of paths.

A listing that the user names may refer to any regular local file, as with Kaldi, NeMo and Lhotse.
One that is found in a folder may refer to that folder only.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnsupportedFormatError
from sottovoce.scan.faults import TooMuchError
from sottovoce.scan.listings.documents import is_container, parts_of, whole_part
from sottovoce.scan.listings.entries import (
    PATH_NAMES,
    folder_of,
    leads_to_file,
    point_at,
)
from sottovoce.scan.listings.kaldi import WavScpSource
from sottovoce.scan.listings.lhotse import LhotseSource
from sottovoce.scan.listings.manifest_fields import sounds_of
from sottovoce.scan.listings.manifests import NemoSource
from sottovoce.scan.listings.path_lists import ListSource
from sottovoce.scan.listings.path_tables import PathTableSource, names_paths
from sottovoce.scan.listings.shar_source import SharSource, is_shar_cuts
from sottovoce.scan.listings.sound_values import looks_like_path
from sottovoce.scan.listings.texts import EXCEEDING, parse_object, read_lines
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.scan.listings.manifests import Form
    from sottovoce.scan.reach.reach import Reach
    from sottovoce.scan.source import Source, SourceOptions

__all__ = ["LISTINGS", "is_listing", "lists_recordings", "open_listing"]

_TABLES = (".csv", ".tsv")
_YAML = (".yaml", ".yml")
_MANIFESTS = (".jsonl", ".json", ".ndjson", *_YAML)
_LISTS = (".txt", ".lst", ".list", ".cleaned")
LISTINGS = (*_TABLES, *_MANIFESTS, *_LISTS, ".scp")
"""Suffixes of files that may list recordings; ``.gz`` may follow."""
_FIRST_LINES = 20
_MOST_WHOLE = 1 << 20
"""Maximum size of a file that is one example, in bytes."""
_OF_LHOTSE = {"recording", "sources", "tracks"}


def is_listing(name: str) -> bool:
    """Return whether a file may list recordings, by its name."""
    return name.lower().removesuffix(".gz").endswith(LISTINGS)


def open_listing(
    name: str,
    *,
    options: SourceOptions,
    open_inner: Callable[[str], Source | None],
) -> Source | None:
    """Return the source of a file that names others, by its own name; None for any other file.

    Parameters
    ----------
    name : str
        Its path or address.
    options : SourceOptions
        How it is read.
    open_inner : callable
        Takes the path of a data set that a list names; returns its source, or None.
    """
    lower = name.lower().removesuffix(".gz")
    if lower.endswith(_TABLES):
        return PathTableSource(name, options=options)
    if lower.endswith(_MANIFESTS):
        return _open_manifest(name, options)
    if lower.endswith(".scp"):
        return WavScpSource(name, reach=options.reach)
    if lower.endswith(_LISTS):
        if _begins_with_object(name):  # wenet's data.list
            return _open_manifest(name, options)
        return ListSource(name, open_inner=open_inner, reach=options.reach)
    return None


def _open_manifest(name: str, options: SourceOptions) -> Source:
    """Return the source of a manifest; its first object determines its kind."""
    column = options.column
    form, fields = _look_at(name, column)
    if not column and fields.keys() & _OF_LHOTSE:
        is_shar = form == "lines" and is_shar_cuts(name) and '"shar"' in json.dumps(fields)
        of_lhotse = SharSource if is_shar else LhotseSource
        return of_lhotse(name, options=options, form=form)
    if fields.keys() & (set(column) if column else {*PATH_NAMES, "shard_id"}) or (
        not column and next(sounds_of(fields), None) is not None
    ):
        return NemoSource(name, options=options, form=form)
    fields_there = ", ".join(repr(key)[:60] for key in islice(fields, 20))
    raise UnsupportedFormatError(
        "has no field of paths",
        path=name,
        remedy=f"Name the field with the path. Available: {fields_there}",
    )


def _look_at(name: str, column: tuple[str, ...]) -> tuple[Form, dict[str, Any]]:
    """Return the form of a manifest, and its first example."""
    begin = islice(read_lines(name), _FIRST_LINES)
    lines = [line for line in begin if line.raw.strip() or line.problem]
    parsed = [parse_object(line) for line in lines]
    first = lines[0].raw.lstrip(b"\xef\xbb\xbf \t") if lines else b""
    is_yaml = name.lower().removesuffix(".gz").endswith(_YAML)
    telling = (*PATH_NAMES, *_OF_LHOTSE, "shard_id", *column)
    if lines and not is_yaml and not first.startswith(b"["):
        if isinstance(parsed[0], str) and len(lines) > 1:
            value = next(
                (
                    one.value
                    for one in whole_part(name, most_bytes=_MOST_WHOLE)
                    if one.value is not None
                ),
                None,
            )
            if isinstance(value, dict) and not is_container(value, telling):
                return "whole", value
        elif len(lines) > 1 or not is_container(parsed[0], telling):
            found = next((one for one in parsed if isinstance(one, dict)), None)
            if found is not None:
                return "lines", found
    for part in parts_of(name) if lines else ():
        if isinstance(part.value, str) and looks_like_path(part.value):
            return "document", {"audio": part.value}
        if isinstance(part.value, dict):
            return "document", part.value
    for one in parsed:
        if isinstance(one, dict):
            return "lines", one
    problem = next((one for one in reversed(parsed) if isinstance(one, str)), "is empty")
    kind = TooMuchError if problem in EXCEEDING else UnsupportedFormatError
    raise kind(
        f"is not a manifest with one JSON object per line: it {problem}",
        path=name,
        remedy="Write one object per line: jq -c '.[]' FILE",
    )


def lists_recordings(name: str, *, options: SourceOptions) -> bool:
    """Return whether a file in a folder without audio is a listing, by name and first lines.

    Parameters
    ----------
    name : str
        Its path.
    options : SourceOptions
        As in `open_listing`.

    Raises
    ------
    AudioFileError
        If it cannot be read.
    """
    lower = name.lower().removesuffix(".gz")
    if lower.endswith(_TABLES):
        return names_paths(name, options.column, options.reach)
    return _lists_files(name, options.reach) if lower.endswith(_LISTS) else is_listing(name)


def _begins_with_object(name: str) -> bool:
    """Return whether a list holds JSON objects rather than paths."""
    for line in islice(read_lines(name), _FIRST_LINES):
        if line.raw.strip():
            return isinstance(parse_object(line), dict)
    return False


def _lists_files(name: str, reach: Reach) -> bool:
    """Return whether one of the first lines of a text names an existing file or an address."""
    folder = folder_of(name)
    for line in islice(read_lines(name), _FIRST_LINES):
        text = line.text.strip()
        if not text or text.startswith("#") or line.problem:
            continue
        for one in (text, text.partition("|")[0].strip()):
            use = point_at(one, folder=folder, known_as=name, reach=reach)
            if use.finding is None and (is_remote(one) or leads_to_file(use)):
                return True
    return _begins_with_object(name)
