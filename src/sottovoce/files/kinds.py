"""Kinds of files that are not sound: archives, documents, pictures, and which may hold sound.

A walk through a folder counts the files that it does not examine by kind, and reports which of
those kinds may still hold sound: a reader of "no mark was found" must know what it does not cover.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from sottovoce.files.decoding.sniffing import HEAD_BYTES, sounds_like_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = [
    "describe_kinds",
    "group_words",
    "kind_of_other",
    "may_hold_sound",
    "read_head",
    "suffix_of_head",
]

_TAR_MAGIC_AT = 257
_MAGICS = (
    (b"PK\x03\x04", ".zip"),
    (b"PK\x05\x06", ".zip"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"\x1f\x8b", ".gz"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\0", ".xz"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
    (b"PAR1", ".parquet"),
    (b"ARROW1", ".arrow"),
    (b"\x93NUMPY", ".npy"),
    (b"\x89HDF\r\n", ".h5"),
    (b"%PDF-", ".pdf"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
)
_ARCHIVES = {
    *(".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst"),
    *(".tzst", ".lz4", ".lzma", ".cab", ".iso"),
}
_DOCUMENTS = {
    *(".pdf", ".doc", ".docx", ".odt", ".rtf", ".txt", ".md", ".html", ".xml", ".json"),
    *(".xls", ".xlsx", ".ods", ".csv", ".ppt", ".pptx", ".odp", ".epub", ".srt", ".vtt"),
}
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".heic", ".bmp", ".svg"}
_SILENT = {*(".woff", ".woff2", ".ttf", ".otf", ".ico", ".pyc", ".so", ".dll", ".exe", ".lock")}
"""Binary files that hold no recordings, whatever their content."""
_GROUPS = (
    (_ARCHIVES, ("archive", "archives")),
    (_DOCUMENTS, ("document", "documents")),
    (_PICTURES, ("picture", "pictures")),
)
_OTHER = {
    "hidden": ("hidden file", "hidden files"),
    "hidden sound": ("hidden audio file", "hidden audio files"),
    "without suffix": ("file without a suffix", "files without a suffix"),
    "empty": ("file of 0 bytes", "files of 0 bytes"),
    "special": ("pipe or device", "pipes or devices"),
    "unreadable": ("file that cannot be opened", "files that cannot be opened"),
    "link": ("link that leads out of the folder", "links that lead out of the folder"),
    "broken link": ("broken link", "broken links"),
}
_ALWAYS = {"hidden sound", "unreadable", "link", *_ARCHIVES}
"""Kinds that may hold sound, whatever their first bytes."""
_NEVER = {"hidden", "empty", "special", "broken link"}
_ENCODED = re.compile(rb"[A-Za-z0-9+/]{2048}|data:audio/")
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")


def suffix_of_head(head: bytes) -> str:
    """Return the usual suffix of a file with these first bytes; empty if unknown."""
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return ".tar"
    return next((suffix for magic, suffix in _MAGICS if head.startswith(magic)), "")


def read_head(path: Path) -> bytes | None:
    """Return the first bytes of a regular file; None if it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return None


def kind_of_other(suffix: str, head: bytes | None) -> str:
    """Return the kind of a file that is not sound; empty for one that is, by its bytes.

    Parameters
    ----------
    suffix : str
        Suffix of its name, in lower case, with the dot; empty if it has none.
    head : bytes or None
        Its first bytes; None if it cannot be opened.
    """
    if head is None:
        return "unreadable"
    if sounds_like_audio(head):
        return ""
    return suffix or suffix_of_head(head) or ("without suffix" if head else "empty")


def may_hold_sound(kind: str, head: bytes | None) -> bool:
    """Return whether a file that was not examined may hold sound.

    Parameters
    ----------
    kind : str
        As returned by `kind_of_other`.
    head : bytes or None
        First bytes of the file; None if they are not known.

    Notes
    -----
    Archives may, and so may every binary file of a kind that is not known to hold none: there are
    too many formats of arrays and records to list.  Text does not, unless it contains long words
    of Base64.

    Examples
    --------
    >>> (
    ...     may_hold_sound(".npy", bytes(80)),
    ...     may_hold_sound(".md", b"Notes"),
    ...     may_hold_sound(".7z", b""),
    ... )
    (True, False, True)
    """
    if kind in _ALWAYS and not (kind == ".gz" and head):
        return True
    if kind in _NEVER or kind in _SILENT or kind in _PICTURES:
        return False
    if head is None:
        return kind not in _DOCUMENTS
    if head.startswith(b"\x1f\x8b"):
        head = _begin_gzip(head)
    if _is_text(head):
        return _ENCODED.search(head) is not None
    return kind not in _DOCUMENTS and suffix_of_head(head) not in _PICTURES | {".pdf"}


def _begin_gzip(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    except zlib.error:
        return head


def _is_text(head: bytes) -> bool:
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as err:
        # The end of the bytes read may split a character.
        return err.start >= len(head) - 3
    return True


def describe_kinds(counts: Mapping[str, int], *, show: Callable[[str], str] = str) -> str:
    """Return a text that says how many files there are of each kind.

    Parameters
    ----------
    counts : mapping of str to int
        Counts by kind, as returned by `kind_of_other`.
    show : callable
        Makes a suffix, which is external text, safe for the place where it is shown.

    Examples
    --------
    >>> describe_kinds({".zip": 2, ".pdf": 1, ".xyz": 1, "hidden": 3})
    '2 .zip (archives), 1 .pdf (document), 1 .xyz, 3 hidden files'
    """
    parts = []
    for kind, n in counts.items():
        is_many = n != 1
        if kind in _OTHER:
            parts.append(f"{n:,} {_OTHER[kind][is_many]}")
            continue
        words = group_words(kind)
        parts.append(f"{n:,} {show(kind)}" + (f" ({words[is_many]})" if words else ""))
    return ", ".join(parts)


def group_words(suffix: str) -> tuple[str, str] | None:
    """Return the words for one and several files of a suffix; None if unknown."""
    return next((words for group, words in _GROUPS if suffix in group), None)
