"""Decode the frames that a walk through MPEG audio found, and no others."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.files.decoding.decoder import Audio, Chain, Part, QueueReader, Traits
from sottovoce.files.decoding.frames import Frames, say_damaged
from sottovoce.files.decoding.layout import say_more, unreadable
from sottovoce.files.decoding.mpeg import MpegRun, walk_mpeg
from sottovoce.files.decoding.pyav import import_av

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.files.decoding.raw import Raw

__all__ = ["MpegDecoder", "mpeg_parts"]

_CODECS = {1: "mp1float", 2: "mp2float", 3: "mp3float"}
_LAYERS = {1: "MPEG_LAYER_I", 2: "MPEG_LAYER_II", 3: "MPEG_LAYER_III"}
_FEW_FRAMES = 3
"""A run this short between longer ones is junk that looked like sound."""


def mpeg_parts(
    raw: Raw, *, start: int = 0, end: int | None = None, file_format: str = "MP3"
) -> list[Part]:
    """Return the parts of MPEG audio: its runs of frames, joined where they fit together.

    Raises
    ------
    UnreadableAudioError
        If there is no frame.
    MissingExtraError
        If PyAV is not installed.
    """
    import_av()
    with raw.open() as file:
        runs, _ = walk_mpeg(file, start=start, end=raw.n_bytes if end is None else end)
    runs = [run for run in runs if run.n_frames]
    longest = max((run.n_frames for run in runs), default=0)
    runs = [run for run in runs if run.n_frames > _FEW_FRAMES or run.n_frames == longest]
    if not runs:
        raise unreadable(raw.path)
    opens = [functools.partial(MpegDecoder, raw, run, file_format) for run in runs]
    if len({(run.layer, run.sr, run.n_channels) for run in runs}) == 1:
        return [Part("", opens[0] if len(opens) == 1 else functools.partial(Chain, opens))]
    return [
        Part(f"stream {number} of {len(opens)}", one) for number, one in enumerate(opens, start=1)
    ]


class MpegDecoder:
    """Frames of one run; see `Decoder`.

    Parameters
    ----------
    raw : Raw
        The file.
    run : MpegRun
        Its frames.
    file_format : str
        Container.
    """

    def __init__(self, raw: Raw, run: MpegRun, file_format: str) -> None:
        self._file = raw.open()
        self._run = run
        second = run.n_samples_a_frame / run.sr
        missing = ""
        if run.n_frames_missing:
            whole = (run.n_frames + run.n_frames_missing) * second
            missing = f"is cut short: {run.n_frames * second:.1f} of {whole:.1f} s are there"
        notes = [say_more(run.n_frames_extra * second)] if run.n_frames_extra > 1 else []
        self.traits = Traits(
            format=file_format,
            subtype=_LAYERS[run.layer],
            sr=run.sr,
            n_channels=run.n_channels,
            n_frames=run.n_samples,
            bit_rate=run.bit_rate,
            is_vbr=run.is_vbr,
            notes=notes,
            missing=missing,
        )
        self._queue = QueueReader(self._decode(), run.n_channels)

    def read(self, n: int) -> Audio:
        """Return the next at most `n` samples, shape (channels, m)."""
        return self._queue.read(n)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decode(self) -> Iterator[Audio]:
        run = self._run
        left, skip = run.n_samples, run.n_delay
        n_damaged = 0
        for block in self._frames():
            whole = block
            if whole is None:
                n_damaged += 1
                whole = np.zeros((run.n_channels, run.n_samples_a_frame), dtype=np.float32)
            kept = whole[:, skip : skip + left]
            skip = max(skip - whole.shape[1], 0)
            left -= kept.shape[1]
            if kept.shape[1]:
                yield kept
        if n_damaged:
            self.traits.notes.append(say_damaged(n_damaged))

    def _frames(self) -> Iterator[Audio | None]:
        """Yield the samples of each frame; None for one that cannot be decoded."""
        av = import_av()
        context = av.CodecContext.create(_CODECS[self._run.layer], "r")
        blocks = Frames(self.traits)
        errors = (av.error.FFmpegError, ValueError)
        for at, n_bytes in zip(self._run.places, self._run.lengths, strict=True):
            self._file.seek(at)
            data = self._file.read(n_bytes)
            try:
                decoded = context.decode(av.Packet(data)) if len(data) == n_bytes else []
                block = blocks.block(decoded[0]) if decoded else None
            except errors:
                block = None
            right = block is not None and block.shape[1] == self._run.n_samples_a_frame
            yield block if right else None
