"""Walk through WAV in all its forms: RIFF, RIFX, RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.files.decoding.extent import Extent, begins_file, is_unknown, settle_extent
from sottovoce.files.decoding.layout import damaged
from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from typing import BinaryIO, Literal

__all__ = ["FORMS", "Wave", "walk_riff"]

FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_MOST_CHUNKS = 20_000
_RESYNC_BYTES = 1 << 20
_NO_SIZE = 0xFFFFFFFF
_MOST_BYTES = 1 << 62

_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One RIFF structure.

    Attributes
    ----------
    form : bytes
        Its first four bytes.
    fmt : bytes
        Body of the chunk with the sample format.
    extent : Extent
        The samples.
    end : int
        The byte after the end of the structure; another file may be joined there.
    """

    form: bytes
    fmt: bytes
    extent: Extent
    end: int

    @property
    def order(self) -> Literal["little", "big"]:
        """Byte order of its numbers and samples."""
        return "big" if self.form == b"RIFX" else "little"

    def number(self, first: int, n: int) -> int:
        """Return the number in `n` bytes of `fmt` from `first` on."""
        return int.from_bytes(self.fmt[first : first + n], self.order)

    @property
    def tag(self) -> int:
        """Code of the codec; in the extensible form, the one with which its GUID begins."""
        tag = self.number(0, 2)
        return self.number(24, 2) if tag == 0xFFFE and len(self.fmt) >= 40 else tag

    @property
    def file_format(self) -> str:
        """``"WAV"``, ``"WAVEX"`` or ``"RF64"``."""
        if self.form in (b"RF64", b"BW64"):
            return "RF64"
        return "WAVEX" if self.number(0, 2) == 0xFFFE else "WAV"

    @property
    def subtype(self) -> str:
        """As soundfile names it; empty for a codec that needs a decoder."""
        # Some programs omit the width of the container and give only its alignment.
        n_bits = -(-self.number(14, 2) // 8) * 8
        return _SUBTYPES.get((self.tag, n_bits), "")


def walk_riff(file: BinaryIO, *, start: int, end: int, path: str) -> Wave:
    """Find the samples of one RIFF structure.

    Parameters
    ----------
    file : binary file
        Its position is moved.
    start, end : int
        First byte of the structure, and the one after the last of the file.
    path : str
        Name of the file in errors.

    Returns
    -------
    wave : Wave
        With verified sizes.

    Raises
    ------
    UnreadableAudioError
        If it has no samples, or does not say how they are stored.
    """
    file.seek(start)
    form = file.read(12)[:4]
    walk = _Walk(file, form, start=start, end=end)
    at = start + 12
    fmt, data, long_size = b"", None, None
    for _ in range(_MOST_CHUNKS):
        head = walk.head(at)
        if head is None:
            at = walk.resync(at, wanted=(b"data",) if fmt else (b"fmt ", b"data"))
            head = walk.head(at) if at >= 0 else None
        if head is None:
            break
        name, size = head
        if name == b"ds64":
            long_size = int.from_bytes(walk.body(at, 24)[8:16], "little")
        elif name == b"fmt ":
            fmt = walk.body(at, min(size, 4096))
        elif name == b"data":
            data = at + 8, size
            if fmt:
                break
        at = walk.following(at, size)
    if len(fmt) < 16 or data is None:
        raise damaged(path, f"it has no {'samples' if fmt else 'description of its samples'}")
    offset, size = data
    declared = None if is_unknown(size) else size
    if size == _NO_SIZE and long_size is not None:
        declared = None if long_size >= _MOST_BYTES else long_size
    stop = walk.limit(offset, declared)
    extent = settle_extent(file, offset=offset, declared=declared, end=stop, chain=walk.chain)
    return Wave(form=form, fmt=fmt, extent=extent, end=walk.past(extent.stop, stop))


class _Walk:
    """Chunks of one file: a name of four letters, a size, a body, and a byte to make it even."""

    def __init__(self, file: BinaryIO, form: bytes, *, start: int, end: int) -> None:
        self._file = file
        self._order: Literal["little", "big"] = "big" if form == b"RIFX" else "little"
        self._start = start
        self._end = end

    def head(self, at: int) -> tuple[bytes, int] | None:
        """Return name and size of a chunk, or None if there cannot be one."""
        self._file.seek(at)
        head = self._file.read(8)
        if len(head) < 8 or not _is_name(head[:4]) or head[:4] in FORMS:
            return None
        return head[:4], int.from_bytes(head[4:], self._order)

    def body(self, at: int, n: int) -> bytes:
        self._file.seek(at + 8)
        return self._file.read(n)

    def chain(self, at: int) -> int | None:
        """Return the end of the chunk that begins here, or None if it is not within the file."""
        self._file.seek(at)
        head = self._file.read(12)
        if head[:4] in FORMS and head[8:12] == b"WAVE":
            return self._end
        if len(head) < 8 or not _is_name(head[:4]) or begins_file(head):
            return None
        stop = at + 8 + int.from_bytes(head[4:8], self._order)
        return self.following(at, stop - at - 8) if stop <= self._end else None

    def following(self, at: int, size: int) -> int:
        """Return where the next chunk begins: an odd one may lack its byte of padding."""
        stop = at + 8 + size
        if size & 1:
            self._file.seek(stop)
            two = self._file.read(5)
            return stop if _is_name(two[:4]) and not _is_name(two[1:]) else stop + 1
        return stop

    def resync(self, at: int, *, wanted: tuple[bytes, ...]) -> int:
        """Return where one of the wanted chunks begins shortly after, or -1."""
        places = [
            place
            for name in wanted
            for place in find_all(self._file, name, at, min(at + _RESYNC_BYTES, self._end))[:1]
        ]
        return min(places, default=-1)

    def limit(self, offset: int, declared: int | None) -> int:
        """Return where the samples must end because a joined file begins."""
        if declared is not None and offset + declared <= self._end:
            stop = offset + declared
            if declared and (stop == self._end or self.chain(stop) or self.chain(stop + 1)):
                return self._end
        for place in find_all(self._file, b"WAVE", offset, self._end):
            self._file.seek(place - 8)
            head = self._file.read(16)
            if head[:4] in FORMS and _is_name(head[12:]):
                return place - 8
        return self._end

    def past(self, stop: int, end: int) -> int:
        """Return the end of the chunks after the samples, where a joined file may begin."""
        at = stop
        for _ in range(_MOST_CHUNKS):
            if at >= end:
                break
            for place in (at, at + 1):
                self._file.seek(place)
                head = self._file.read(12)
                if head[:4] in FORMS and head[8:12] == b"WAVE":
                    return place
            place = next((one for one in (at, at + 1) if self.chain(one) is not None), -1)
            if place < 0:
                joined = [
                    one - 8
                    for one in find_all(self._file, b"WAVEfmt ", at, min(at + _RESYNC_BYTES, end))
                ]
                return joined[0] if joined else at
            at = self.chain(place) or end
        return end


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name) and name.strip() != b""
