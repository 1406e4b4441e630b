"""Encode one audio track into a file of its own, through PyAV."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import AudioFileError
from sottovoce.files.decoding.pyav import import_av
from sottovoce.files.encoding import Encoding, choose_encoding
from sottovoce.files.rounding import quantise
from sottovoce.files.track import MATROSKA, MOVIES, Track
from sottovoce.files.vorbis_track import VorbisTrackWriter

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["DISK_ERRORS", "TrackWriter", "open_track_writer"]

DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EIO, errno.EFBIG}
)
"""Errors that `atomic_path` explains: of the disk, not of the encoder."""

_QUIET = 1e-3
_SKIP_SAMPLES = 11  # AV_PKT_DATA_SKIP_SAMPLES
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_PIECE = 1 << 16

Audio = npt.NDArray[np.floating[Any]]


def open_track_writer(
    path: Path, info: AudioInfo, track: Track, *, boost: float = 0.0
) -> TrackWriter | VorbisTrackWriter:
    """Open a writer for one track, whose file `mux_tracks` puts into the container.

    Parameters
    ----------
    path, info, track, boost
        As in `TrackWriter`.

    Returns
    -------
    writer : TrackWriter or VorbisTrackWriter
        The writer; close it after use.
    """
    if track.codec == "vorbis":
        return VorbisTrackWriter(path, track, boost=boost)
    return TrackWriter(path, info, track, boost=boost)


class TrackWriter:
    """Encodes marked audio the way its original was encoded.

    Parameters
    ----------
    path : Path
        File to create, with this track alone, in the original's container.
    info : AudioInfo
        Properties of the original.
    track : Track
        How the original is stored.
    boost : float
        Share by which a lossy encoder's bit rate is raised over the first choice.

    Raises
    ------
    AudioFileError
        If the encoder refuses this rate or number of channels.
    """

    def __init__(self, path: Path, info: AudioInfo, track: Track, *, boost: float = 0.0) -> None:
        self._av = import_av()
        self._path = path
        self._track = track
        encoding = choose_encoding(track, boost=boost)
        if encoding is None:
            raise AudioFileError(f"cannot be written as {track.codec}", path=info.path)
        self._encoding: Encoding = encoding
        self._rng = np.random.default_rng()
        self._time_base = Fraction(1, track.sr)
        self._head: list[tuple[Audio, Audio]] | None = [] if encoding.delay else None
        self._n_head = 0
        self._n_dropped = 0
        self._pts = 0
        self._n_samples = 0
        self._n_packets = 0
        self._first_begin = 0
        self._held: deque[Any] = deque()
        self._container: Any = None
        try:
            self._open()
        except BaseException:
            self._abandon()
            raise
        if encoding.lead:
            self._encode_silence(encoding.lead)

    def write(self, marked: Audio, original: Audio) -> None:
        """Write a block of shape (channels, n), with the unmarked samples it was made from."""
        if self._head is None:
            self._encode(marked, original)
            return
        self._head.append((marked, original))
        self._n_head += marked.shape[1]
        if self._n_head >= self._encoding.delay:
            self._flush_head()

    def close(self) -> None:
        """Finish the file."""
        if self._container is None:
            return
        try:
            if self._head is not None:
                self._flush_head()
            if self._encoding.tail:
                self._encode_silence(self._encoding.tail)
            for packet in self._stream.encode(None):
                self._mux(packet)
            self._container.start_encoding()  # even if there was no sound
            self._finish_last()
            self._container.close()
            self._container = None
        except self._av.error.FFmpegError as err:
            raise self._failed(err) from err
        finally:
            self._abandon()

    def _open(self) -> None:
        track, encoding = self._track, self._encoding
        options = {}
        if track.muxer in MOVIES:
            # The edit list then counts in samples, not in milliseconds.
            options["movie_timescale"] = str(track.sr)
        try:
            self._container = self._av.open(
                f"file:{self._path}", "w", format=track.muxer, container_options=options
            )
            self._stream = self._container.add_stream(
                encoding.encoder,
                rate=track.sr,
                options={"strict": "experimental", **encoding.options},
            )
            if encoding.bit_rate:
                self._stream.bit_rate = encoding.bit_rate
            self._stream.layout = _known_layout(self._av, track)
            self._stream.format = _nearest_format(self._stream.codec_context, encoding)
            self._stream.time_base = self._time_base
            self._stream.codec_context.open()
        except (self._av.error.FFmpegError, ValueError) as err:
            raise self._failed(err) from err

    def _failed(self, err: Exception) -> OSError:
        if isinstance(err, OSError) and err.errno in DISK_ERRORS:
            return OSError(err.errno, os.strerror(err.errno or 0))
        track = self._track
        return AudioFileError(
            f"cannot be written as {track.codec} with {track.n_channels} channels at"
            f" {track.sr} Hz ({getattr(err, 'strerror', None) or err})",
            path=str(self._path),
            remedy="Write it to another format: FLAC or WAV.",
        )

    def _abandon(self) -> None:
        container, self._container = self._container, None
        self._held.clear()
        if container is not None:
            # The first error is the one that counts.
            with contextlib.suppress(self._av.error.FFmpegError, ValueError):
                container.close()

    def _flush_head(self) -> None:
        """Drop the silence from an earlier encoder's delay, so that delays do not add up."""
        head, self._head = self._head or [], None
        if not head:
            return
        marked = np.concatenate([pair[0] for pair in head], axis=1)
        original = np.concatenate([pair[1] for pair in head], axis=1)
        n = min(self._encoding.delay, marked.shape[1])
        # If the delay is not declared, a decoder's first samples are the delay, or were cut from
        # earlier sound, and are not sound: the halves of their windows lack the other half.
        if self._encoding.is_primed or np.abs(original[:, :n]).max(initial=0.0) < _QUIET:
            marked, original = marked[:, n:], original[:, n:]
            self._pts = self._n_dropped = n
        self._encode(marked, original)

    def _encode_silence(self, n: int) -> None:
        zeros = np.zeros((self._track.n_channels, n), dtype=np.float32)
        self._n_samples -= n
        self._encode(zeros, zeros)

    def _encode(self, marked: Audio, original: Audio) -> None:
        for start in range(0, marked.shape[1], _PIECE):
            piece = slice(start, start + _PIECE)
            self._encode_piece(marked[:, piece], original[:, piece])

    def _encode_piece(self, marked: Audio, original: Audio) -> None:
        encoding = self._encoding
        # Packed, since PyAV reads one plane too many of planar frames with eight channels.
        dtype = _DTYPES[encoding.sample_format]
        if encoding.n_bits:
            samples = quantise(marked, original, n_bits=encoding.n_bits, rng=self._rng)
            wide = 8 * int(dtype[1])
            packed: Any = samples << (wide - encoding.n_bits)
            packed = packed + 128 if dtype == "u1" else packed
        else:
            packed = marked * encoding.gain if encoding.gain != 1.0 else marked
        flat = np.ascontiguousarray(packed.T.astype(dtype, copy=False)).reshape(1, -1)
        frame = self._av.AudioFrame.from_ndarray(
            flat, format=encoding.sample_format, layout=self._stream.codec_context.layout
        )
        frame.sample_rate = self._track.sr
        frame.time_base = self._time_base
        frame.pts = self._pts
        self._pts += marked.shape[1]
        self._n_samples += marked.shape[1]
        try:
            for packet in self._stream.encode(frame):
                self._mux(packet)
        except self._av.error.FFmpegError as err:
            raise self._failed(err) from err

    def _mux(self, packet: Any) -> None:  # noqa: ANN401 - PyAV is imported late
        """Write all but the last two packets, in which the padding has to be declared."""
        if self._n_packets == 0 and packet.pts is not None:
            self._first_begin = round(packet.pts * packet.time_base * self._track.sr)
        self._n_packets += 1
        self._held.append(packet)
        if len(self._held) > 2:
            self._container.mux_one(self._held.popleft())

    def _finish_last(self) -> None:
        """Declare in the last packets how many of their samples are padding."""
        size = int(self._stream.codec_context.frame_size or 0)
        # A lossless encoder's last frame is as short as the sound.
        tells = not self._track.is_lossless and self._track.muxer in MOVIES | MATROSKA and size
        self._n_packets -= len(self._held)
        for packet in self._held:
            begins = self._first_begin + self._n_packets * size
            padding = begins + size - (self._n_dropped + self._n_samples + self._encoding.lead)
            self._n_packets += 1
            if tells and self._track.muxer in MOVIES and padding >= size:
                continue  # LAME ends with a frame of nothing but padding
            if tells and 0 < padding < size:
                packet.duration = round(Fraction(size - padding, self._track.sr) / packet.time_base)
                if self._track.muxer in MATROSKA and not packet.has_sidedata("skip_samples"):
                    _say_padding(packet, padding)
            self._container.mux_one(packet)
        self._held.clear()


def _say_padding(packet: Any, padding: int) -> None:  # noqa: ANN401
    import av.packet

    make: Any = av.packet.PacketSideData  # its stub knows no constructor
    data = make(_SKIP_SAMPLES, 10)
    data.update(bytes(4) + padding.to_bytes(4, "little") + bytes(2))
    packet.set_sidedata(data)


def _known_layout(av: Any, track: Track) -> Any:  # noqa: ANN401
    """Return the track's layout, or the usual one if the container names none."""
    layout = av.AudioLayout(track.layout)
    if "channels" not in track.layout:
        return layout
    usual = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
    if track.codec.startswith("pcm_") or track.n_channels not in usual:
        return layout
    return av.AudioLayout(usual[track.n_channels])


def _nearest_format(context: Any, encoding: Encoding) -> str:  # noqa: ANN401
    """Return the sample format that the encoder accepts: the same one, packed or planar."""
    offered = [form.name for form in context.codec.audio_formats or ()]
    for name in (encoding.sample_format, f"{encoding.sample_format}p"):
        if name in offered:
            return name
    return str(offered[0]) if offered else encoding.sample_format
