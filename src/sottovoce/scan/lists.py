"""`ListSource`: a text file with paths and addresses, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.scan.listed import (
    Entry,
    Line,
    clean,
    cuts_of,
    fail,
    folder_of,
    point_at,
    read_lines,
    write_entries,
)
from sottovoce.scan.listed_recordings import recordings_of
from sottovoce.scan.reach import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.sources import Kept

__all__ = ["ListSource"]


class ListSource:
    """A list; blank lines, and lines that begin with ``#``, say nothing.

    Parameters
    ----------
    name : str
        Its path or address.
    root : str or None
        Folder from which relative paths are taken; None for the list's own.
    """

    def __init__(self, name: str, *, root: str | None = None) -> None:
        self.name = name
        self.within = ""
        self.reach = NOWHERE
        self._folder = folder_of(name) if root is None else root

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each file once."""
        return recordings_of(
            self._entries(), listing=self.name, reach=self.reach, within=self.within
        )

    def cuts(self) -> Iterator[Cut]:
        """Yield every line, as a whole file."""
        return cuts_of(self._entries())

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the list without what is refused; comments stay, and lines as they are."""
        packed = self.name.lower().endswith(".gz")
        return write_entries(self._entries(), out, refused=refused, packed=packed)

    def _entries(self) -> Iterator[Entry]:
        groups = {"list": clean(self.name.rpartition("/")[2])}
        for line in read_lines(self.name):
            known_as = f"{self.name}::line {line.number}"
            text = _text(line)
            if line.problem:
                yield Entry(raw=b"", uses=(fail(known_as, line.problem),), groups=groups)
            elif not text or text.startswith("#"):
                yield Entry(raw=line.raw)
            else:
                use = point_at(text, folder=self._folder, known_as=known_as)
                yield Entry(raw=line.raw, uses=(use,), groups=groups)


def _text(line: Line) -> str:
    text = line.text.strip()
    return text.removeprefix("\ufeff") if line.number == 1 else text
