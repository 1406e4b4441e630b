"""Describe files that are not audio: archives, documents, pictures."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.cli._words import format_path
from sottovoce.errors import UnreadableAudioError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["describe_kinds", "explain_kind"]

_HEAD_BYTES = 16


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Return in words how many files there are of each kind that `Selection` counts.

    Examples
    --------
    >>> describe_kinds({".zip": 2, "hidden": 3})
    '2 .zip (archives), 3 hidden files'
    """
    from sottovoce.files import kinds  # late, so that --help is quick

    return kinds.describe_kinds(counts, show=format_path)


def explain_kind(path: Path) -> UnreadableAudioError | None:
    """Return the error of a named file that is an archive, a document or a picture; else None."""
    from sottovoce.files.kinds import group_words, suffix_of_head

    head = b""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
    kind, named = suffix_of_head(head), path.suffix.lower()
    if kind == ".zip" and group_words(named):
        kind = named  # what many kinds of documents are inside
    words = group_words(kind)
    if words is None:
        return None
    is_archive = words[0] == "archive"
    article = "an" if is_archive else "a"
    return UnreadableAudioError(
        f"is {article} {words[0]} ({kind[1:].upper()}), not audio",
        path=str(path),
        remedy="Unpack it, and name the audio in it." if is_archive else "Name an audio file.",
    )
