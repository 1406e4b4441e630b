"""Decode a stream of FLAC with libsndfile, and frame by frame where it is damaged.

libsndfile verifies the checksum of every frame and stops at the first wrong one.  From there on
FFmpeg decodes each frame that the walk found separately, and silence replaces the lost ones, so
that everything keeps its position in time.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding.decoder import Audio, Decoder, QueueReader, Traits
from sottovoce.files.decoding.flac import FlacStream, open_codec, subtype_of
from sottovoce.files.decoding.frames import Frames
from sottovoce.files.decoding.pyav import import_av
from sottovoce.files.decoding.raw import Spliced
from sottovoce.files.decoding.shortfall import say_present
from sottovoce.files.decoding.sndfile import SoundFileDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.files.decoding.raw import Raw

__all__ = ["FlacFrames", "open_flac"]

_MOST_SAMPLES = (1 << 36) - 1


def open_flac(raw: Raw, stream: FlacStream, *, is_only: bool) -> Decoder:
    """Return the decoder of one stream.

    If the header is correct, libsndfile reads the file itself; otherwise it is given a corrected
    header.

    Raises
    ------
    UnreadableAudioError
        If it is the only stream of a file and nothing of it can be decoded.
    """

    def resume(n_read: int, traits: Traits) -> Decoder:
        _index(raw, stream)
        return FlacFrames(raw, stream, traits=traits, n_read=n_read)

    if stream.has_jumps:
        return FlacFrames(raw, stream)
    if stream.is_indexed and not stream.places:
        # Nothing is known of it: it must not prevent the other streams from being read.
        return (
            SoundFileDecoder(raw.for_libsndfile(), path=raw.path) if is_only else _lost(raw, stream)
        )
    file = raw.for_libsndfile()
    if not is_only or stream.total != stream.n_frames:
        file = _with_true_total(raw, stream)  # type: ignore[assignment]
    try:
        return SoundFileDecoder(
            file,
            path=raw.path,
            n_frames=stream.n_frames,
            notes=stream.notes,
            missing=stream.missing,
            resume=resume,
        )
    except UnreadableAudioError:
        # libsndfile does not know the depth, or the metadata are damaged.
        _index(raw, stream)
        return FlacFrames(raw, stream)


def _index(raw: Raw, stream: FlacStream) -> None:
    with raw.open() as file:
        stream.index(file)


def _lost(raw: Raw, stream: FlacStream) -> Decoder:
    frames = FlacFrames(raw, stream)
    # A stream closed before anything was recorded has lost nothing.
    if stream.total or stream.stop > stream.first_byte:
        frames.traits.missing = "is damaged: it cannot be decoded"
    return frames


def _with_true_total(raw: Raw, stream: FlacStream) -> Spliced:
    numbers = int.from_bytes(stream.info[10:18], "big")
    numbers = numbers >> 36 << 36 | min(stream.n_frames, _MOST_SAMPLES)
    pieces: list[bytes | tuple[int, int]] = [
        (stream.start, stream.start + 18),
        numbers.to_bytes(8, "big"),
        (stream.start + 26, stream.stop),
    ]
    return Spliced(raw.open(), pieces)


class FlacFrames:
    """Frames of one stream, each decoded separately; see `Decoder`.

    Parameters
    ----------
    raw : Raw
        The file.
    stream : FlacStream
        Its frames.
    traits : Traits or None
        Traits of the decoder whose work is continued.
    n_read : int
        Samples that it has read.
    """

    def __init__(
        self, raw: Raw, stream: FlacStream, *, traits: Traits | None = None, n_read: int = 0
    ) -> None:
        self._stream = stream
        self._codec = open_codec(stream.info)
        self._file = raw.open()
        self.traits = traits or Traits(
            format="FLAC",
            subtype=subtype_of(stream.n_bits),
            sr=stream.sr,
            n_channels=stream.n_channels,
            n_frames=stream.n_frames,
            dtype="float64" if stream.n_bits > 24 else "float32",
            notes=stream.notes,
            missing=stream.missing,
        )
        self._queue = QueueReader(self._decode(n_read), stream.n_channels)

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        return self._queue.read(n).astype(self.traits.dtype, copy=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decode(self, n_read: int) -> Iterator[Audio]:
        """Yield the sound after the first `n_read` samples."""
        stream, skip = self._stream, n_read
        n_silent = n_waiting = 0
        n_decoded, n_whole = stream.n_present, stream.n_whole
        blocks = Frames(self.traits)
        extents = itertools.pairwise([*stream.places, stream.stop])
        frames = zip(extents, stream.lengths, stream.silences, strict=True)
        for (place, stop), n, n_gap in frames:
            n_waiting += n_gap
            if skip >= n_waiting + n:
                skip -= n_waiting + n
                n_waiting = 0
                continue
            block = self._decode_frame(blocks, place, stop, n)
            if block is None:
                n_decoded -= n
                n_waiting += n
                there = say_present(n_decoded, n_whole, stream.sr)
                self.traits.missing = f"is damaged: {there}"
                continue
            n_silent += max(n_waiting - skip, 0)
            yield from self._silence(max(n_waiting - skip, 0))
            yield block[:, max(skip - n_waiting, 0) :]
            skip = n_waiting = 0
        if n_silent:
            self.traits.notes.append(
                f"{n_silent / stream.sr:.2f} s of it could not be decoded and became silence"
            )

    def _silence(self, n: int) -> Iterator[Audio]:
        for at in range(0, n, self._stream.sr):
            n_block = min(n - at, self._stream.sr)
            yield np.zeros((self._stream.n_channels, n_block), dtype=self.traits.dtype)

    def _decode_frame(self, blocks: Frames, place: int, stop: int, n: int) -> Audio | None:
        """Return the samples of a frame; None if it is damaged."""
        av = import_av()
        self._file.seek(place)
        data = self._file.read(min(stop - place, self._stream.most_bytes(n)))
        try:
            decoded = self._codec.decode(av.Packet(data))
            block = blocks.block(decoded[0]) if decoded else None
        except (av.error.FFmpegError, ValueError):
            return None
        return block if block is not None and block.shape[1] == n else None
