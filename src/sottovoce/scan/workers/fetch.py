"""`fetch`: get the bytes of a recording, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.reach.addresses import is_remote
from sottovoce.scan.recording import Cell, File, Inline, Member, Packed, Samples, Spooled
from sottovoce.scan.stores.packing import unpack
from sottovoce.scan.stores.samples import wav_of_npy, wav_of_raw
from sottovoce.scan.stores.store import check_size, read_file, read_range

if TYPE_CHECKING:
    from sottovoce.scan.recording import Place

__all__ = ["fetch"]


def fetch(place: Place, *, most_bytes: int) -> bytes | str:
    """Return the bytes of a recording, or the path of the local file that holds them.

    Parameters
    ----------
    place : Place
        Where they are.
    most_bytes : int
        Maximum size; a larger recording is refused before it is read into memory.

    Raises
    ------
    AudioFileError
        With the reason.
    """
    match place:
        case Inline(data):
            return data
        case Spooled():
            check_size("", place.n_bytes, most_bytes)
            return place.read()
        case File(url) if not is_remote(url):
            return url
        case File(url, is_named):
            return read_file(url, most_bytes, is_named=is_named)
        case Member(url, start, length):
            return read_range(url, start, length, most_bytes)
        case Packed(url, start, length, packing, n_bytes, crc):
            packed = read_range(url, start, length, most_bytes)
            return unpack(packed, packing, url, n_bytes=n_bytes, crc=crc, most_bytes=most_bytes)
        case Samples(inner, form, sr):
            return _as_wav(inner, form, sr, most_bytes=most_bytes)
        case Cell():
            from sottovoce.scan.datasets.table_cells import read_cell  # late: it imports pyarrow

            return read_cell(place, most_bytes=most_bytes)


def _as_wav(
    place: File | Member | Inline | Spooled | Packed, form: str, sr: int, *, most_bytes: int
) -> bytes:
    data = fetch(place, most_bytes=most_bytes)
    name = place.url if not isinstance(place, Inline) else ""
    if isinstance(data, str):
        data = read_range(data, 0, Path(data).stat().st_size, most_bytes)
    return (wav_of_npy if form == "npy" else wav_of_raw)(data, sr, name)
