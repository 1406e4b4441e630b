"""The blocks of a new track, read from the file that its encoder made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import (
    make_element,
    make_size,
    read_number,
    split_elements,
    walk,
)
from sottovoce.files.decoding.pyav import open_container
from sottovoce.files.films.matroska_layout import read_scale, read_segment
from sottovoce.files.films.starts import start_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from sottovoce.files.films.matroska_heads import TrackHead

__all__ = ["NewBlock", "NewBlocks"]

_NS = 1_000_000_000
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block to be written.

    Attributes
    ----------
    time : int
        Time in the film's units.
    number : int
        Number of its track in the film.
    payload : bytes
        Flags, and one frame.
    extras : bytes
        Other elements of its group: the length of its padding.
    """

    time: int
    number: int
    payload: bytes
    extras: bytes

    def make(self, relative: int) -> bytes:
        """Return it as an element of a cluster that began `relative` units before it."""
        body = make_size(self.number) + relative.to_bytes(2, "big", signed=True) + self.payload
        if not self.extras:
            return make_element(names.SIMPLE_BLOCK, body)
        return make_element(names.BLOCK_GROUP, make_element(names.BLOCK, body) + self.extras)


class NewBlocks:
    """Blocks of one new track, one after the other.

    Parameters
    ----------
    path : Path
        Matroska or WebM, with this track alone.
    begin : Fraction
        Start time of its first sample, in seconds.
    old : TrackHead
        Header of the track that it replaces.
    scale : int
        Nanoseconds per unit of the film's time.

    Attributes
    ----------
    entry : dict of int to bytes
        The elements of its ``TrackEntry``.
    waiting : NewBlock or None
        The next one; None at the end.

    Raises
    ------
    UnsupportedFormatError
        If the file is not as the encoder writes it.
    """

    def __init__(self, path: Path, begin: Fraction, old: TrackHead, scale: int) -> None:
        with path.open("rb") as raw, open_container(raw, path=str(path)) as container:
            own = start_of(container.streams.audio[0])
        self._file = path.open("rb")
        self._number, self._scale = old.number, scale
        # Time of the first sample in its own file, which knows its delay.
        self._shift_ns = (begin - own) * _NS
        self.entry: dict[int, bytes] = {}
        self.waiting: NewBlock | None = None
        self._blocks = self._read()
        self.take()
        delay_ns = int.from_bytes(self.entry.get(names.CODEC_DELAY, b""), "big")
        if not old.delay_ns and delay_ns and own * _NS > delay_ns - _MS:
            # The encoder's silence replaces silence that was dropped, and has to be played like the
            # old one: not all players support a delay for codecs other than Opus.
            del self.entry[names.CODEC_DELAY]

    def take(self) -> NewBlock:
        """Return the waiting block, and read the next one."""
        block, self.waiting = self.waiting, next(self._blocks, None)
        return block  # type: ignore[return-value]  # None only from the constructor

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> Iterator[NewBlock]:
        file = self._file
        _, segment = read_segment(file)
        own_scale = _MS
        for element in walk(file, segment.body, segment.end):
            if element.name == names.INFO:
                own_scale = read_scale(element.read(file))
            elif element.name == names.TRACKS:
                tracks = split_elements(element.read(file))
                entry = next((data for name, data in tracks if name == names.TRACK), b"")
                self.entry = dict(split_elements(entry))
            elif element.name == names.CLUSTER:
                yield from self._read_cluster(element.read(file), own_scale)

    def _read_cluster(self, data: bytes, own_scale: int) -> Iterator[NewBlock]:
        begin = 0
        for name, body in split_elements(data):
            if name == names.TIMESTAMP:
                begin = int.from_bytes(body, "big")
            elif name == names.SIMPLE_BLOCK:
                yield self._place(body, b"", begin, own_scale)
            elif name == names.BLOCK_GROUP:
                inner = split_elements(body)
                block = next((one for number, one in inner if number == names.BLOCK), None)
                if block is None:
                    raise UnsupportedFormatError("a group has no block")
                extras = b"".join(
                    make_element(number, one)
                    for number, one in inner
                    if number == names.DISCARD_PADDING
                )
                yield self._place(block, extras, begin, own_scale)

    def _place(self, block: bytes, extras: bytes, begin: int, own_scale: int) -> NewBlock:
        n, _ = read_number(block)
        relative = int.from_bytes(block[n : n + 2], "big", signed=True)
        time = ((begin + relative) * own_scale + self._shift_ns) / self._scale
        # An audio frame depends on no other: 0x80 says so in a block without a group.
        flags = b"\x00" if extras else b"\x80"
        return NewBlock(round(time), self._number, flags + block[n + 3 :], extras)
