"""Replace some bytes of a file by more or fewer, and read bytes that a file declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["MOST_BYTES", "copy_bytes", "file_size", "read_at", "splice"]

MOST_BYTES = 256 << 20
"""Maximum size of tags that are copied: the maximum of an ID3 tag."""

_BLOCK_BYTES = 4 << 20


def file_size(file: BinaryIO) -> int:
    """Return the size of a file, in bytes.

    Parameters
    ----------
    file : binary file
        Its position is changed.

    Returns
    -------
    n_bytes : int
        Size.
    """
    return file.seek(0, 2)


def read_at(file: BinaryIO, offset: int, n_bytes: int) -> bytes:
    """Read exactly `n_bytes` bytes.

    Parameters
    ----------
    file : binary file
        Open for reading.
    offset, n_bytes : int
        Position and length.

    Returns
    -------
    data : bytes
        Exactly `n_bytes` bytes.

    Raises
    ------
    UnsupportedFormatError
        If the file ends before, or if this is more than `MOST_BYTES`: sizes come from the file,
        and cannot be trusted.
    """
    if not 0 <= n_bytes <= MOST_BYTES:
        raise UnsupportedFormatError(f"they claim {n_bytes} bytes, more than {MOST_BYTES}")
    # Checked first: reading allocates the requested size before it finds the file shorter.
    if offset < 0 or offset + n_bytes > file_size(file):
        raise UnsupportedFormatError("they reach beyond the end of the file")
    file.seek(offset)
    return file.read(n_bytes)


def copy_bytes(
    old: BinaryIO,
    new: BinaryIO,
    offset: int,
    n_bytes: int,
    *,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Copy a part of a file to the current position of another.

    Parameters
    ----------
    old : binary file
        Open for reading.
    new : binary file
        Open for writing.
    offset, n_bytes : int
        The part to be copied, of any length.
    tell : callable or None
        Called with the number of bytes written, for each block.

    Raises
    ------
    UnsupportedFormatError
        If the file ends before.
    """
    old.seek(offset)
    while n_bytes:
        block = old.read(min(n_bytes, _BLOCK_BYTES))
        if not block:
            raise UnsupportedFormatError("it is cut short")
        new.write(block)
        n_bytes -= len(block)
        if tell:
            tell(len(block))


def splice(file: BinaryIO, offset: int, n_old: int, new: bytes) -> None:
    """Replace a part of a file in place, moving what follows.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    offset, n_old : int
        The part to be replaced.
    new : bytes
        The new bytes, of any length.
    """
    end = file_size(file)
    shift = len(new) - n_old
    if shift > 0:
        _move_up(file, offset + n_old, end, shift)
    elif shift < 0:
        _move_down(file, offset + n_old, end, -shift)
        file.truncate(end + shift)
    file.seek(offset)
    file.write(new)
    file.flush()


def _move_up(file: BinaryIO, start: int, end: int, shift: int) -> None:
    # From the end, so that nothing is overwritten before it is moved.
    while end > start:
        n_bytes = min(_BLOCK_BYTES, end - start)
        file.seek(end - n_bytes)
        block = file.read(n_bytes)
        file.seek(end - n_bytes + shift)
        file.write(block)
        end -= n_bytes


def _move_down(file: BinaryIO, start: int, end: int, shift: int) -> None:
    while start < end:
        file.seek(start)
        block = file.read(min(_BLOCK_BYTES, end - start))
        file.seek(start - shift)
        file.write(block)
        start += len(block)
