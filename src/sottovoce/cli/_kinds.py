"""What the files are that are not sound, in words: archives, documents, pictures."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.cli._words import format_path
from sottovoce.errors import UnreadableAudioError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["describe_kinds", "explain_kind", "suffix_of_head"]

_HEAD_BYTES = 16
_MAGICS = (
    (b"PK\x03\x04", ".zip"),
    (b"PK\x05\x06", ".zip"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"\x1f\x8b", ".gz"),
    (b"%PDF-", ".pdf"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
)
_ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".zst"}
_DOCUMENTS = {
    *(".pdf", ".doc", ".docx", ".odt", ".rtf", ".txt", ".md", ".html", ".xml", ".json"),
    *(".xls", ".xlsx", ".ods", ".csv", ".ppt", ".pptx", ".odp", ".epub", ".srt", ".vtt"),
}
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".heic", ".bmp", ".svg"}
_GROUPS = (
    (_ARCHIVES, ("archive", "archives")),
    (_DOCUMENTS, ("document", "documents")),
    (_PICTURES, ("picture", "pictures")),
)
_OTHER = {
    "hidden": ("hidden file", "hidden files"),
    "without suffix": ("file without a suffix", "files without a suffix"),
    "empty": ("file of 0 bytes", "files of 0 bytes"),
    "special": ("pipe or device", "pipes or devices"),
    "unreadable": ("file that cannot be opened", "files that cannot be opened"),
}


def suffix_of_head(head: bytes) -> str:
    """Return the usual suffix of a file that begins so; empty for what is not known here."""
    return next((suffix for magic, suffix in _MAGICS if head.startswith(magic)), "")


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Return in words how many files there are of each kind that `Selection` counts.

    Examples
    --------
    >>> describe_kinds({".zip": 2, ".pdf": 1, ".xyz": 1, "hidden": 3})
    '2 .zip (archives), 1 .pdf (document), 1 .xyz, 3 hidden files'
    """
    parts = []
    for kind, n in counts.items():
        is_many = n != 1
        if kind in _OTHER:
            parts.append(f"{n} {_OTHER[kind][is_many]}")
            continue
        words = _group_words(kind)
        parts.append(f"{n} {format_path(kind)}" + (f" ({words[is_many]})" if words else ""))
    return ", ".join(parts)


def explain_kind(path: Path) -> UnreadableAudioError | None:
    """Return the error of a named file that is an archive, a document or a picture; else None."""
    head = b""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
    kind, named = suffix_of_head(head), path.suffix.lower()
    if kind == ".zip" and _group_words(named):
        kind = named  # what many kinds of documents are inside
    words = _group_words(kind)
    if words is None:
        return None
    is_archive = words[0] == "archive"
    article = "an" if is_archive else "a"
    return UnreadableAudioError(
        f"is {article} {words[0]} ({kind[1:].upper()}), not audio",
        path=str(path),
        remedy="Unpack it, and name the audio in it." if is_archive else "Name an audio file.",
    )


def _group_words(suffix: str) -> tuple[str, str] | None:
    return next((words for group, words in _GROUPS if suffix in group), None)
