"""Findings as rows of a ledger: its columns, their types, and what is stored as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from sottovoce.scan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "COLUMNS",
    "FIELDS",
    "FIND",
    "LATER",
    "STATUS",
    "TYPES",
    "UPSERT",
    "make_finding",
    "make_row",
    "plain",
]

FIELDS = tuple(field.name for field in dataclasses.fields(Finding))
"""Columns with the fields of a finding, in the order of a row."""
STATUS = FIELDS.index("status")
COLUMNS = (*FIELDS, "stamp", "detector", "run")
LATER = {
    "n_more_voices": ("INTEGER", "0"),
    "tracks": ("TEXT", "'[]'"),
    "cause": ("TEXT", "''"),
    "cells": ("TEXT", "'[]'"),
    "sha256": ("TEXT", "''"),
    "pcm_sha256": ("TEXT", "''"),
    "seals": ("TEXT", "'[]'"),
}
"""Columns that older ledgers lack: their types and default values."""
TYPES = {
    **dict.fromkeys(COLUMNS, "TEXT"),
    **dict.fromkeys(("log10_p", "log10_e", "score", "seconds", "sound_s"), "REAL"),
    **dict.fromkeys(("sr", "n_channels", "run"), "INTEGER"),
    **{name: f"{kind} DEFAULT {default}" for name, (kind, default) in LATER.items()},
}
UPSERT = (
    f"INSERT INTO findings ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of our own
    f" ON CONFLICT (id) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[1:])}"
)
FIND = (
    f"SELECT {', '.join(FIELDS)} FROM findings"  # noqa: S608 - names of our own
    " WHERE id = ? AND stamp = ? AND detector = ?"
)
_TUPLES = ("voices", "tracks", "cells", "seals")
_JSON = (*_TUPLES, "groups")
_decode = json.JSONDecoder().decode
"""The core of `json.loads`, without its type checks for each of millions of values."""


def make_row(finding: Finding) -> list[Any]:
    """Return the values of `FIELDS` for a finding."""
    fields = finding.to_dict()
    row = [json.dumps(fields[name]) if name in _JSON else fields[name] for name in FIELDS]
    return [plain(value) if isinstance(value, str) else value for value in row]


def make_finding(row: Sequence[Any], *, groups: Mapping[str, str] | None = None) -> Finding:
    """Return the finding of a row; `groups` replaces those that are stored."""
    fields = dict(zip(FIELDS, row, strict=True))
    for name in _TUPLES:
        text = fields[name]
        fields[name] = () if text == "[]" else tuple(_decode(text))
    fields["groups"] = _decode(fields["groups"]) if groups is None else groups
    return Finding(**fields)


def plain(text: str) -> str:
    """Return text that SQLite accepts: a file's name need not be valid Unicode."""
    if text.isascii():
        return text
    return text.encode(errors="backslashreplace").decode()
