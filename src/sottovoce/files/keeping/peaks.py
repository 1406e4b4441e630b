"""Statements of a file about its own samples, which change when these are replaced.

``PEAK`` of WAV and AIFF-C and ``peak`` of CAF hold the largest sample of each channel and its
position, and are rewritten from the stored samples.  The samples of CAF have an *edit count*, by
which readers detect that an overview (``ovvw``) is outdated: it is incremented.  NIST Sphere has a
checksum and the smallest and largest sample in its header: they are renamed as those of the source.
Everything else in the chunks stays unchanged.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.files.decoding.sniffing import HEAD_BYTES, skip_id3
from sottovoce.files.keeping.chunks import Chunk, read_chunks
from sottovoce.files.keeping.splicing import file_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from sottovoce.files.pcm import Span

__all__ = ["PeakChunks"]

_FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"caff")
_MOST_JOINED = 1_000
_LARGEST = 0xFFFF_FFFF
_SPHERE = (b"\nsample_checksum ", b"\nsample_min ", b"\nsample_max ")


@dataclass(frozen=True, slots=True)
class _Structure:
    """One of the joined files: its form, its chunks, and the start of the next one."""

    form: bytes
    chunks: list[Chunk]
    start: int
    stop: int

    def find(self, name: bytes) -> Chunk | None:
        return next((chunk for chunk in self.chunks if chunk.name == name), None)


class PeakChunks:
    """Tracks the samples that replace others in a file, and updates the file's chunks at the end.

    Parameters
    ----------
    file : binary file
        The copy, open for reading and writing; it still holds the original's chunks.
    spans : sequence of Span
        Its samples.
    n_channels : int
        Channels.
    """

    def __init__(self, file: BinaryIO, spans: Sequence[Span], n_channels: int) -> None:
        self._file = file
        self._n_channels = n_channels
        self._spans = list(spans)
        self._structures = _list_structures(file)
        self._meters = {
            span.offset: _Meter(n_channels)
            for structure in self._structures
            if structure.find(b"PEAK") or structure.find(b"peak")
            for span in self._spans
            if structure.start < span.offset < structure.stop
        }

    def take(self, span: Span, stored: bytes) -> None:
        """Process samples in the order of the file, as they are stored.

        Parameters
        ----------
        span : Span
            Their span.
        stored : bytes
            Whole frames.
        """
        meter = self._meters.get(span.offset)
        if meter is not None:
            meter.add(span.samples.unpack(stored, self._n_channels))

    def write(self) -> None:
        """Write the new peaks; nothing if the file makes no statements about its samples."""
        for structure in self._structures:
            for span in self._spans:
                meter = self._meters.get(span.offset)
                if meter is not None and structure.start < span.offset < structure.stop:
                    self._write_peak(structure, meter)
            if structure.form == b"caff":
                self._count_edit(structure)
        if self._spans:
            self._rename_sphere(self._spans[0].offset)

    def _write_peak(self, structure: _Structure, meter: _Meter) -> None:
        chunk = structure.find(b"PEAK") or structure.find(b"peak")
        assert chunk is not None  # noqa: S101 - there is a meter because there is a chunk
        is_caf = structure.form == b"caff"
        order = "<" if structure.form in (b"RIFF", b"RF64", b"BW64") else ">"
        body = b"".join(
            struct.pack(
                f"{order}f{'Q' if is_caf else 'I'}",
                value,
                place if is_caf else min(place, _LARGEST),
            )
            for value, place in zip(meter.values, meter.places, strict=True)
        )
        n_before = 4 if is_caf else 8  # the edit count; or version and time, which are kept
        if chunk.n_bytes >= n_before + len(body):
            self._file.seek(chunk.body + n_before)
            self._file.write(body)

    def _count_edit(self, structure: _Structure) -> None:
        data, peak = structure.find(b"data"), structure.find(b"peak")
        if data is None or not (peak or structure.find(b"ovvw")):
            return
        self._file.seek(data.body)
        count = (int.from_bytes(self._file.read(4), "big") + 1) & _LARGEST
        for chunk in filter(None, (data, peak)):
            self._file.seek(chunk.body)
            self._file.write(count.to_bytes(4, "big"))

    def _rename_sphere(self, end: int) -> None:
        self._file.seek(0)
        if self._file.read(7) != b"NIST_1A":
            return
        self._file.seek(0)
        header = self._file.read(end)
        for field in _SPHERE:
            header = header.replace(field, field.replace(b"sample_", b"source_"))
        self._file.seek(0)
        self._file.write(header)


class _Meter:
    """The largest sample of each channel, and its first position."""

    def __init__(self, n_channels: int) -> None:
        self.values = [0.0] * n_channels
        self.places = [0] * n_channels
        self._n_samples = 0

    def add(self, samples: npt.NDArray[np.floating[Any]]) -> None:
        sizes = np.abs(samples)
        places = sizes.argmax(axis=1)
        for channel, place in enumerate(places.tolist()):
            size = float(sizes[channel, place])
            if size > self.values[channel]:
                self.values[channel] = size
                self.places[channel] = self._n_samples + place
        self._n_samples += samples.shape[1]


def _list_structures(file: BinaryIO) -> list[_Structure]:
    """Return the file's structures; several if files were joined."""
    file.seek(0)
    start = skip_id3(file.read(HEAD_BYTES))
    structures: list[_Structure] = []
    for _ in range(_MOST_JOINED):
        file.seek(start)
        form = file.read(4)
        if form not in _FORMS:
            break
        chunks: list[Chunk] = []
        following = 0
        for chunk in read_chunks(file, start):
            if chunk.name in _FORMS:
                following = chunk.head
                break
            chunks.append(chunk)
        structures.append(_Structure(form, chunks, start, following or file_size(file)))
        if not following:
            break
        start = following
    return structures
