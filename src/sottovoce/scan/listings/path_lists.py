"""`ListSource`: a text file with paths and addresses, one per line.

A line may have more text after the path, as in VITS (``wavs/a.wav|some words``), and may name an
archive or a table instead of a recording, as in wenet's ``shards.list``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.scan.finding import Finding
from sottovoce.scan.listings.entries import (
    Entry,
    cuts_of,
    fail,
    folder_of,
    leads_to_file,
    point_at,
    write_entries,
)
from sottovoce.scan.listings.listed_recordings import recordings_of
from sottovoce.scan.listings.sound_values import looks_like_path
from sottovoce.scan.listings.texts import Line, read_lines
from sottovoce.scan.plain_text import clean
from sottovoce.scan.reach.reach import ANYWHERE, Reach
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sottovoce.scan.left_out import LeftOut
    from sottovoce.scan.listings.entries import RecordingRef
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.source import Kept, Source

__all__ = ["ListSource"]

_SEPARATORS = "|\t"
_DATA_SETS = (".tar", ".tgz", ".zip", ".parquet", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2")

_MOST_FAILED = 1_000
"""Lines in a row that lead to no file, after which a text is taken for a list all the same."""


class ListSource:
    """A list; blank lines, and lines that begin with ``#``, are ignored.

    Parameters
    ----------
    name : str
        Its path or address.
    open_inner : callable
        Takes a path, and returns its source if it is a data set by its name.
    reach : Reach
        Where the names in it are looked up, and what they may refer to.
    """

    def __init__(
        self,
        name: str,
        *,
        open_inner: Callable[[str], Source | None] = lambda _: None,
        reach: Reach = ANYWHERE,
    ) -> None:
        self.name = name
        self._folder = folder_of(name)
        self._open_inner = open_inner
        self._reach = reach

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield each file once, followed by the recordings of the data sets."""
        inner: dict[str, Source] = {}

        def plain() -> Iterator[Entry]:
            for entry, one in self._told():
                if one is None:
                    yield entry
                else:
                    inner.setdefault(one.name, one)

        named = recordings_of(plain(), listing=self.name, reach=self._reach)
        yield from self._explain_text(named, inner)
        for one in inner.values():
            yield from one.recordings()

    def _explain_text(
        self, named: Iterator[Recording | Finding], inner: Mapping[str, Source]
    ) -> Iterator[Recording | Finding]:
        """Yield what the lines name, after a finding for the whole if none of it exists."""
        failed: list[Recording | Finding] = []
        for one in named:
            if isinstance(one, Finding) and one.status == "error" and len(failed) < _MOST_FAILED:
                failed.append(one)
                continue
            yield from (*failed, one)
            yield from named
            return
        if failed and not inner:
            lines = "its only line does not name" if len(failed) == 1 else "none of its lines names"
            yield Finding(
                id=self.name,
                status="error",
                message=f"was read as a list of paths, but {lines} an existing file",
                remedy="If it is a list, check its paths, or name their folder (`root`); if it is"
                " not, leave it out.",
                groups={"list": clean(self.name.rpartition("/")[2])},
            )
        yield from failed

    def cuts(self) -> Iterator[Cut]:
        """Yield every line, as a whole file, and the examples of data sets."""
        for entry, inner in self._told():
            yield from cuts_of([entry]) if inner is None else inner.cuts()

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the list without refused recordings; comments and other lines are unchanged.

        A data set with a refused recording is left out as a whole.
        """
        packed = self.name.lower().endswith(".gz")
        inner: dict[str, Source] = {}

        def refused_in(own_id: str) -> bool:
            if own_id in inner:
                return any(refused(cut.recording_id) for cut in inner[own_id].cuts())
            return refused(own_id)

        def entries() -> Iterator[Entry]:
            for entry, one in self._told():
                if one is not None:  # before its own entry is judged
                    inner.setdefault(one.name, one)
                yield entry

        return write_entries(entries(), out, folder=self._folder, refused=refused_in, packed=packed)

    def _told(self) -> Iterator[tuple[Entry, Source | None]]:
        groups = {"list": clean(self.name.rpartition("/")[2])}
        for line in read_lines(self.name):
            known_as = f"{self.name}::line {line.number}"
            text = _text(line)
            if line.problem:
                yield Entry(raw=b"", uses=(fail(known_as, line.problem),), groups=groups), None
            elif not text or text.startswith("#"):
                yield Entry(raw=line.raw), None
            else:
                use = self._point_at(text, known_as)
                entry = Entry(raw=line.raw, uses=(use,), groups=groups)
                is_inner = use.recording_id.lower().endswith(_DATA_SETS) and leads_to_file(use)
                is_inner = is_inner and self._reach.allows(use.recording_id)
                yield entry, self._open_inner(use.recording_id) if is_inner else None

    def _point_at(self, text: str, known_as: str) -> RecordingRef:
        use = self._find(text, known_as)
        heads = (text.partition(separator)[0].strip() for separator in _SEPARATORS)
        head = next((one for one in heads if one != text and looks_like_path(one)), "")
        if head and leads_to_file(use):
            return use
        if is_remote(text) and text.partition("?")[0].lower().endswith(_DATA_SETS):
            message = "is a remote data set, which a list alone does not allow to be fetched"
            return fail(known_as, message, "Scan it by its own name.", status="unsupported")
        return self._find(head, known_as) if head else use

    def _find(self, text: str, known_as: str) -> RecordingRef:
        return point_at(text, folder=self._folder, known_as=known_as, reach=self._reach)


def _text(line: Line) -> str:
    text = line.text.strip()
    return text.removeprefix("\ufeff") if line.number == 1 else text
