"""A receipt as fields for JSON: what became of every file, with its SHA-256 before and after."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sottovoce
from sottovoce.files.notices import describe_notice, make_notice
from sottovoce.files.receipts.outcomes import COUNTED, is_left, name_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.files.protected import Protected

__all__ = ["make_entry", "make_failed_entry", "make_receipt"]

_FORMAT = "sottovoce-receipt-1"


def make_entry(protected: Protected, *, sha256_in: str, sha256_out: str) -> dict[str, Any]:
    """Return what a receipt says of a file.

    Parameters
    ----------
    protected : Protected
        The result for it.
    sha256_in, sha256_out : str
        As `sottovoce.files.digests.hash_file` gives them, before and after.
    """
    fields = protected.to_dict()
    return {
        "file": fields.pop("source"),
        "sha256_in": sha256_in,
        "sha256_out": sha256_out,
        "seconds": fields["duration_s"],  # its former name, for one release
        **fields,
    }


def make_failed_entry(file: str, *, sha256_in: str, error: str, remedy: str) -> dict[str, Any]:
    """Return what a receipt says of a file that no result exists for.

    Parameters
    ----------
    file : str
        Its path.
    sha256_in : str
        As `sottovoce.files.digests.hash_file` gives it.
    error, remedy : str
        What is wrong, and what the author can do about it.
    """
    return {
        "file": file,
        "sha256_in": sha256_in,
        "path": "",
        "sha256_out": "",
        "warnings": [],
        "status": "error",
        "error": error,
        "remedy": remedy,
    }


def make_receipt(
    files: Sequence[dict[str, Any]],
    *,
    notice: Notice,
    identity: str = "",
    in_place: bool = False,
    left_out: Mapping[str, Any] | None = None,
    files_left_out: Sequence[tuple[object, str]] = (),
) -> dict[str, Any]:
    """Return a receipt as fields for JSON; docs/json.md says what they mean.

    Parameters
    ----------
    files : sequence of dict
        Entries, as `make_entry` and `make_failed_entry` make them.
    notice : Notice
        What each mark says.
    identity : str
        What the author calls the owner; empty if the mark is anonymous, or has no name here.
    in_place : bool
        Whether the originals were replaced.
    left_out : mapping or None
        Counts of files that were not looked at, and links that were not followed.
    files_left_out : sequence of (path, kind)
        The files that were not looked at.

    Returns
    -------
    receipt : dict
        For JSON, or for `sottovoce.files.receipts.page.make_page`.
    """
    left_out = left_out or {}
    counts = Counter(_name_outcome(file, in_place=in_place) for file in files)
    return {
        "format": _FORMAT,
        "program": f"sottovoce {sottovoce.__version__}",
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "notice": {**(make_notice(notice) or {}), "words": describe_notice(notice)},
        "identity": identity,
        "in_place": in_place,
        "totals": {
            "in": len(files),
            **{words.replace(" ", "_"): counts[words] for words in COUNTED},
        },
        "files": list(files),
        "not_looked_at": left_out.get("not_looked_at", {}),
        "files_not_looked_at": [{"path": str(path), "kind": kind} for path, kind in files_left_out],
        "links_not_followed": left_out.get("links_not_followed", []),
    }


def _name_outcome(file: dict[str, Any], *, in_place: bool) -> str:
    return name_outcome(file["status"], left=is_left(file["file"], file["path"], in_place=in_place))
