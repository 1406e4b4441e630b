"""The elements of Matroska and WebM (RFC 8794): variable-length numbers, headers, contents.

Sizes come from the file, so each is checked against the end of its parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

__all__ = [
    "OPEN",
    "Element",
    "make_element",
    "make_head",
    "make_size",
    "number_of",
    "read_element",
    "read_number",
    "split_elements",
    "walk",
]

OPEN = -1
"""The size of an element of unknown length."""
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Element:
    """An element in a file.

    Attributes
    ----------
    name : int
        Its number, including the marker of its length.
    at : int
        Where it begins.
    body : int
        Where its content begins.
    size : int
        Bytes of its content, or `OPEN`.
    """

    name: int
    at: int
    body: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.body + self.size

    def read(self, file: BinaryIO) -> bytes:
        """Return its content.

        Raises
        ------
        UnsupportedFormatError
            If it is too large.
        """
        if not 0 <= self.size <= _MOST_BYTES:
            raise UnsupportedFormatError("an element is too large to be read")
        file.seek(self.body)
        return file.read(self.size)


def read_number(data: bytes, at: int = 0, *, keep_mark: bool = False) -> tuple[int, int]:
    """Return (bytes, value) of a variable-length number; `OPEN` if all its bits are ones.

    Raises
    ------
    UnsupportedFormatError
        If it is invalid, or cut short.
    """
    if at >= len(data) or data[at] == 0:
        raise UnsupportedFormatError("a variable-length number is invalid")
    n = 9 - data[at].bit_length()
    if at + n > len(data):
        raise UnsupportedFormatError("a variable-length number is cut short")
    value = int.from_bytes(data[at : at + n], "big")
    if keep_mark:
        return n, value
    value &= (1 << 7 * n) - 1
    return n, OPEN if value == (1 << 7 * n) - 1 else value


def read_element(file: BinaryIO, at: int, end: int) -> Element:
    """Read the header of an element.

    Raises
    ------
    UnsupportedFormatError
        If none begins there, or it extends past `end`.
    """
    file.seek(at)
    head = file.read(12)
    n_name, name = read_number(head, keep_mark=True)
    n_size, size = read_number(head, n_name)
    body = at + n_name + n_size
    if n_name > 4 or (size != OPEN and body + size > end):
        raise UnsupportedFormatError("an element extends past the end of its parent")
    return Element(name, at, body, size)


def walk(file: BinaryIO, begin: int, end: int) -> Iterator[Element]:
    """Yield elements one after the other, up to one of unknown length."""
    while begin < end:
        element = read_element(file, begin, end)
        yield element
        if element.size == OPEN:
            return
        begin = element.end


def split_elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return (number, content) of the elements in some bytes.

    Raises
    ------
    UnsupportedFormatError
        If one extends past the end.
    """
    found, at = [], 0
    while at < len(data):
        n_name, name = read_number(data, at, keep_mark=True)
        n_size, size = read_number(data, at + n_name)
        at += n_name + n_size
        if size == OPEN or at + size > len(data):
            raise UnsupportedFormatError("an element extends past the end of its parent")
        found.append((name, data[at : at + size]))
        at += size
    return found


def number_of(elements: Iterable[tuple[int, bytes]], name: int, default: int = 0) -> int:
    """Return the content of the last element with a name, as a number, or `default`."""
    content = dict(elements).get(name)
    return default if content is None else int.from_bytes(content, "big")


def make_size(size: int, *, width: int = 0) -> bytes:
    """Return a size as a variable-length number, in as few bytes as possible or in `width`."""
    n = width or next(n for n in range(1, 9) if size < (1 << 7 * n) - 1)
    return (size | 1 << 7 * n).to_bytes(n, "big")


def make_head(name: int, size: int, *, width: int = 0) -> bytes:
    """Return the header of an element."""
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + make_size(size, width=width)


def make_element(name: int, content: bytes) -> bytes:
    """Return an element with its header."""
    return make_head(name, len(content)) + content
