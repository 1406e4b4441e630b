"""FFmpeg through PyAV: the sound of containers, and of codecs that libsndfile does not support."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import NoSoundError, UnreadableAudioError
from sottovoce.files.decoding.boxes import walk_boxes
from sottovoce.files.decoding.decoder import Audio, Part, QueueReader, Traits, decoding_failed
from sottovoce.files.decoding.edits import Piece, find_pieces, play_pieces
from sottovoce.files.decoding.frames import Frames, KindChangedError, say_damaged
from sottovoce.files.decoding.gaps import Gaps
from sottovoce.files.decoding.layout import say_more
from sottovoce.files.decoding.packets import PacketWatch
from sottovoce.files.decoding.pyav import import_av, is_cover, open_container
from sottovoce.files.decoding.soundless import is_soundless_film

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, Literal

    from sottovoce.files.decoding.raw import Raw

__all__ = ["StreamDecoder", "container_parts"]

_REMEDY = "Check that it plays; if it does, convert it to WAV or FLAC."
_NAMES = {
    "mov": "MOV",
    "matroska": "MATROSKA",
    "mpegts": "TS",
    "asf": "ASF",
    "wv": "WAVPACK",
    "aac": "ADTS",
    "rm": "REALMEDIA",
}
_SUBTYPES = {
    "PCM_S16LE": "PCM_16",
    "PCM_S24LE": "PCM_24",
    "MP3FLOAT": "MPEG_LAYER_III",
    "MP3": "MPEG_LAYER_III",
    "MP2FLOAT": "MPEG_LAYER_II",
    "MP2": "MPEG_LAYER_II",
}
_COUNTED = {"WAVPACK", "TTA", "APE", "TAK", "SHN"}
"""Containers whose header has the exact number of samples, written at the end."""
_CHECKED = {"flac", "wavpack", "tta", "ape", "tak", "mlp", "truehd", "ac3", "eac3"}
"""Codecs whose frames carry a checksum."""
_COUNTING = {"AVI"}
"""Containers without timestamps: FFmpeg counts packets, and a large one as two."""
_MOST_FILLING = 8192
_PIECE = 1 << 19
_MOST_PACKET_S = 10.0
"""The longest packets of any codec last 8 s; more is the work of damage or of an attack."""
_MOST_DRIFT = 1e-3
_SKIP_MANUAL = 1 << 29


def container_parts(raw: Raw, *, missing: str = "", notes: Sequence[str] = ()) -> list[Part]:
    """Return the audio tracks of a container.

    Parameters
    ----------
    raw : Raw
        The file.
    missing : str
        As in `Traits`.
    notes : sequence of str
        Irregularities of the container as a whole.

    Returns
    -------
    parts : list of Part
        At least one.

    Raises
    ------
    NoSoundError
        If it is a complete film without a sound track.
    UnreadableAudioError
        If no sound is found for another reason, or it cannot be opened.
    MissingExtraError
        If PyAV is not installed.
    """
    with contextlib.closing(raw.open()) as file, open_container(file, path=raw.path) as container:
        tracks = [
            (stream.index, stream.metadata.get("title", ""), stream.metadata.get("language", ""))
            for stream in container.streams.audio
        ]
        is_alone = len(_playing(container)) == 1
        is_odd = bool(missing or notes)
        is_film = not tracks and not is_odd and is_soundless_film(container, raw)
    if is_film:
        raise NoSoundError(
            "has no sound track", path=raw.path, remedy="A film without sound needs no mark."
        )
    if not tracks and missing:
        missing = f"{missing}, and the rest contains no sound track"
        raise UnreadableAudioError(missing, path=raw.path, remedy="Get a complete copy.")
    if not tracks:
        raise UnreadableAudioError("has no audio track", path=raw.path, remedy=_REMEDY)
    parts = []
    for number, (index, title, language) in enumerate(tracks, start=1):
        known = [word for word in (title, language) if word and word != "und"]
        name = f"track {number}" + (f" ({', '.join(known)})" if known else "")
        parts.append(
            Part(
                name if len(tracks) > 1 else "",
                functools.partial(StreamDecoder, raw, index, missing=missing, notes=notes),
                index,
                is_alone=is_alone,
            )
        )
    return parts


def _playing(container: Any) -> list[Any]:  # noqa: ANN401 - PyAV is imported late
    """Return the streams of a container that play, that is all but cover pictures."""
    return [one for one in container.streams if not is_cover(one)]


class StreamDecoder:
    """One audio stream of a container; see `Decoder`.

    Parameters
    ----------
    raw : Raw
        The file.
    index : int
        Number of the stream among all streams.
    file : binary file or None
        Read instead of the file, if given.
    missing, notes
        As in `Traits`.

    Raises
    ------
    UnreadableAudioError
        If it is damaged.
    MissingExtraError
        If PyAV is not installed.
    """

    def __init__(
        self,
        raw: Raw,
        index: int,
        *,
        file: BinaryIO | None = None,
        missing: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        self._path = raw.path
        self._errors = (import_av().error.FFmpegError, ValueError)
        self._file = file or raw.open()
        self._container: Any = None
        self._is_damaged = self._is_fragmented = False
        self._index = index
        try:
            container = self._open({})
            self._trim: _Trim | None = None
            self._pieces: list[Piece] = []
            if container.format.name.startswith("mov"):
                self._trim, cut = self._find_trim(raw, index)
                missing = missing or cut
                if self._trim is not None or self._pieces:
                    self._open({"ignore_editlist": "1"})
            elif container.format.name == "caf":
                self._trim = self._find_end()
            self.traits = self._describe(raw, missing, notes)
        except BaseException:
            self.close()
            raise
        self._queue = QueueReader(self._decode(), self.traits.n_channels)

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        return self._queue.read(n)

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
        self._file.close()

    def _open(self, options: dict[str, str]) -> Any:  # noqa: ANN401
        """Open the file, or rewind it; return its container."""
        if self._container is not None:
            self._container.close()
            self._file.seek(0)
        self._container = open_container(self._file, path=self._path, options=options)
        self._stream = self._container.streams[self._index]
        context = self._stream.codec_context  # None for a codec that FFmpeg does not know
        if context is not None and context.name in _CHECKED:
            # Otherwise a damaged frame is decoded to a burst of noise.
            context.options = {"err_detect": "crccheck+explode"}
        return self._container

    def _find_trim(self, raw: Raw, index: int) -> tuple[_Trim | None, str]:
        """Return which of the decoded samples are sound, and what the file lacks."""
        with raw.open() as file:
            movie = walk_boxes(file, end=raw.n_bytes)
        missing = ""
        if movie.n_missing:
            missing = f"is cut short: {movie.n_missing:,} bytes of its last box are missing"
        self._is_fragmented = movie.is_fragmented
        stream = self._container.streams[index]
        sounding, context = movie.sounding(stream.id), stream.codec_context
        if context is None:
            return None, missing
        sr = int(context.sample_rate or 0)
        if sounding is None:
            self._pieces = find_pieces(movie, stream.id, sr)
            return None, missing
        per_unit = sr / sounding.timescale
        first, stop = round(sounding.first * per_unit), round(sounding.stop * per_unit)
        return _Trim(first, stop, is_edited=sounding.is_edited), missing

    def _find_end(self) -> _Trim | None:
        """Return where ALAC in CAF ends: its last frame is short, and FFmpeg cuts it again."""
        stream = self._stream
        if stream.codec_context is None or stream.codec_context.name != "alac":
            return None
        n = round((stream.duration or 0) * stream.time_base * stream.codec_context.sample_rate)
        return _Trim(0, n, is_edited=False) if n else None

    def _describe(self, raw: Raw, missing: str, notes: Sequence[str]) -> Traits:
        context = self._stream.codec_context
        if context is None or context.format is None or not context.sample_rate:
            raise UnreadableAudioError(
                "has an audio track that cannot be read", path=raw.path, remedy=_REMEDY
            )
        demuxer = self._container.format.name.split(",", maxsplit=1)[0]
        name = _NAMES.get(demuxer, demuxer.upper())
        codec = str(context.name).upper()
        sr, n_channels = int(context.sample_rate), int(context.channels or 0)
        if name == "MOV" and not self._has_picture():
            name = "M4A"
        n_frames = 0
        if self._trim is not None and name != "CAF":
            n_frames = self._trim.stop - self._trim.first
        elif self._pieces:
            n_frames = sum(piece.n for piece in self._pieces)
        elif name in _COUNTED and self._stream.duration:
            n_frames = round(self._stream.duration * self._stream.time_base * sr)
        promised_s = n_frames / sr or float(self._container.duration or 0) / 1e6
        dtype: Literal["float32", "float64"] = (
            "float64" if context.format.name.rstrip("p") in ("s32", "s64", "dbl") else "float32"
        )
        return Traits(
            format=name,
            subtype=_SUBTYPES.get(codec, codec),
            sr=sr,
            n_channels=n_channels,
            n_frames=n_frames,
            dtype=dtype,
            bit_rate=float(self._stream.bit_rate or 0),
            notes=[*notes, *self._tell_edits()],
            missing=missing,
            promised_s=promised_s,
            is_open_ended=self._is_fragmented,
        )

    def _tell_edits(self) -> list[str]:
        n = sum(piece.first >= 0 for piece in self._pieces)
        return [f"has {n} edits, which were read in playing order"] if n else []

    def _has_picture(self) -> bool:
        return any(one.type == "video" for one in _playing(self._container))

    def _has_company(self) -> bool:
        """Return whether there are other streams with which this one has to stay in sync."""
        return len(_playing(self._container)) > 1

    def _decode_again(self) -> Iterator[Audio]:
        self._open({"ignore_editlist": "1"})
        return self._decode_all()

    def _decode(self) -> Iterator[Audio]:
        if self._pieces:
            silence = np.zeros((self.traits.n_channels, 0), self.traits.dtype)
            yield from play_pieces(self._pieces, self._decode_again, silence)
            return
        if self._trim is None:
            yield from self._decode_all()
            return
        trim, at, n_behind = self._trim, 0, 0
        behind: list[Audio] = []
        for block in self._decode_all():
            kept = block[:, max(trim.first - at, 0) : max(trim.stop - at, 0)]
            if kept.shape[1]:
                yield kept
            if not trim.is_edited and at + block.shape[1] > trim.stop:
                behind.append(block[:, max(trim.stop - at, 0) :])
                n_behind += behind[-1].shape[1]
                # An encoder pads its last frames.  More than that is sound that the tables of the
                # file do not list.
                if n_behind > _MOST_FILLING:
                    yield from behind
                    behind.clear()
            at += block.shape[1]
        n_short = trim.stop - at
        may_drift = self._has_company() and not self._is_damaged
        if may_drift and 0 < n_short <= min(_MOST_DRIFT * trim.stop, self.traits.sr):
            # Films that were joined without encoding have one sample more of time than of sound at
            # each joint, and phone clocks drift.  The film is as long as its table says.
            yield np.zeros((self.traits.n_channels, n_short), self.traits.dtype)
        if n_behind > _MOST_FILLING:
            self.traits.notes.append(say_more(n_behind / self.traits.sr))

    def _count_lost(self, packet: Any) -> int:  # noqa: ANN401 - PyAV is imported late
        """Return how many samples a packet lasts that cannot be decoded; 0 if that is not known."""
        seconds = float((packet.duration or 0) * packet.time_base)
        return round(seconds * self.traits.sr) if 0.0 < seconds <= _MOST_PACKET_S else 0

    def _decode_all(self) -> Iterator[Audio]:
        context = self._stream.codec_context
        if self._trim is not None or self._pieces:
            context.flags2 |= _SKIP_MANUAL
        n_damaged = n_decoded = 0
        frames_of = Frames(self.traits)
        watch = PacketWatch(self._container.format.name.split(",", maxsplit=1)[0])
        gaps = Gaps(self.traits.sr, fills=self._has_company())
        is_counted = self.traits.format in _COUNTING
        try:
            for packet in self._container.demux(self._stream):
                watch.look_at(packet)
                try:
                    frames = packet.decode()
                except self._errors:
                    n_damaged += 1
                    watch.pass_over(packet)
                    n_lost = self._count_lost(packet)
                    gaps.add_silence(n_lost)
                    yield np.zeros((self.traits.n_channels, n_lost), np.float32)
                    continue
                for frame in frames:
                    block = frames_of.block(frame)
                    n_fill = 0 if is_counted else gaps.before(frame)
                    for begin in range(0, n_fill, _PIECE):
                        n = min(n_fill - begin, _PIECE)
                        yield np.zeros((self.traits.n_channels, n), block.dtype)
                    n_decoded += block.shape[1]
                    yield block
        except KindChangedError as err:
            self.traits.missing = f"{err} after {n_decoded / self.traits.sr:.1f} s"
        except self._errors as err:
            if n_decoded == 0:
                raise decoding_failed(self._path) from err
            seconds = n_decoded / self.traits.sr
            self.traits.missing = f"is damaged: after {seconds:.1f} s it cannot be read"
        self._is_damaged = bool(self.traits.missing or n_damaged or watch.n_corrupt)
        if self.traits.missing.startswith("is cut short"):
            # The last packet is where the file was cut, which is already reported.
            n_damaged -= watch.forget_last()
        if n_damaged:
            self.traits.notes.append(say_damaged(n_damaged))
        self.traits.notes += [*gaps.notes, *watch.notes]


@dataclass(frozen=True, slots=True)
class _Trim:
    """Which of the decoded samples are sound, and whether an edit list ends them."""

    first: int
    stop: int
    is_edited: bool
