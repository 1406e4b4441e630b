"""Decode exactly the frames that a walk through MPEG audio found."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.files.decoding.decoder import Audio, Chain, Part, QueueReader, Traits
from sottovoce.files.decoding.frames import Frames, say_damaged
from sottovoce.files.decoding.layout import say_more, unreadable
from sottovoce.files.decoding.mpeg import MpegRun, walk_mpeg
from sottovoce.files.decoding.pyav import import_av
from sottovoce.files.decoding.shortfall import say_present

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sottovoce.files.decoding.raw import Raw

__all__ = ["MpegDecoder", "mpeg_parts"]

_CODECS = {1: "mp1float", 2: "mp2float", 3: "mp3float"}
_LAYERS = {1: "MPEG_LAYER_I", 2: "MPEG_LAYER_II", 3: "MPEG_LAYER_III"}
_BLOCK_SAMPLES = 1 << 15
_SURE_FRAMES = 3
"""Fewer frames without statistics, at the end of a file, may be junk that looks like audio."""


def mpeg_parts(
    raw: Raw,
    *,
    start: int = 0,
    end: int | None = None,
    file_format: str = "MP3",
    missing: str = "",
) -> list[Part]:
    """Return the parts of MPEG audio: its runs of frames, joined where they fit together.

    Parameters
    ----------
    raw : Raw
        The file.
    start, end : int
        The stretch of it that may hold frames.
    file_format : str
        Container.
    missing : str
        What the container provably lacks, as in `Traits`.

    Raises
    ------
    UnreadableAudioError
        If there is no frame.
    UnsupportedFormatError
        If there are free-format frames.
    MissingExtraError
        If PyAV is not installed.
    """
    import_av()
    end = raw.n_bytes if end is None else end
    with raw.open() as file:
        found = walk_mpeg(file, start=start, end=end, path=raw.path)
    runs, notes = _leave_out_junk([run for run in found if run.n_frames or run.n_said])
    if not runs:
        raise unreadable(raw.path)
    opens = [
        functools.partial(
            MpegDecoder, raw, run, file_format, notes, missing if run is runs[-1] else ""
        )
        for run in runs
    ]
    if len({(run.layer, run.sr, run.n_channels) for run in runs}) == 1:
        return [Part("", opens[0] if len(opens) == 1 else functools.partial(Chain, opens))]
    return [
        Part(f"stream {number} of {len(opens)}", one) for number, one in enumerate(opens, start=1)
    ]


def _leave_out_junk(runs: list[MpegRun]) -> tuple[list[MpegRun], list[str]]:
    """Return the runs that are sound, and notes on the others."""
    sure = [run for run in runs if run.n_frames >= _SURE_FRAMES or run.n_statistics_bytes]
    if not sure or len(sure) == len(runs):
        return runs, []
    n_frames = sum(run.n_frames for run in runs) - sum(run.n_frames for run in sure)
    what = "frame that looks" if n_frames == 1 else "frames that look"
    return sure, [f"has {n_frames} {what} like audio but stood alone; skipped"]


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
    notes : sequence of str
        Irregularities of the whole file that the walk found.
    missing : str
        What the container provably lacks.
    """

    def __init__(
        self, raw: Raw, run: MpegRun, file_format: str, notes: Sequence[str], missing: str
    ) -> None:
        self._file = raw.open()
        self._run = run
        if run.n_frames_missing:
            n_present, n_whole = (
                n * run.n_samples_a_frame
                for n in (run.n_frames, run.n_frames + run.n_frames_missing)
            )
            missing = f"is cut short: {say_present(n_present, n_whole, run.sr)}"
        self.traits = Traits(
            format=file_format,
            subtype=_LAYERS[run.layer],
            sr=run.sr,
            n_channels=run.n_channels,
            n_frames=run.n_samples,
            bit_rate=run.bit_rate,
            is_vbr=run.is_vbr,
            notes=[*notes, *_say_odd(run)],
            missing=missing,
        )
        self._queue = QueueReader(self._decode(), run.n_channels)

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        return self._queue.read(n)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decode(self) -> Iterator[Audio]:
        left, skip = self._run.n_samples, self._run.n_delay
        for block in self._blocks():
            kept = block[:, skip : skip + left]
            skip = max(skip - block.shape[1], 0)
            left -= kept.shape[1]
            if kept.shape[1]:
                yield kept

    def _blocks(self) -> Iterator[Audio]:
        """Yield the samples of all frames, many at a time; silence for what cannot be decoded."""
        av = import_av()
        run = self._run
        fifo = av.AudioFifo()
        blocks = Frames(self.traits)
        silence = np.zeros((run.n_channels, run.n_samples_a_frame), dtype=np.float32)
        n_damaged = 0
        for frame in self._frames():
            if frame is not None:
                fifo.write(frame)
            if fifo.samples and (frame is None or fifo.samples >= _BLOCK_SAMPLES):
                yield blocks.block(fifo.read())
            if frame is None:
                n_damaged += 1
                yield silence
        if fifo.samples:
            yield blocks.block(fifo.read())
        if n_damaged:
            self.traits.notes.append(say_damaged(n_damaged))

    def _frames(self) -> Iterator[Any]:
        """Yield each decoded frame; None for one that cannot be decoded."""
        av = import_av()
        run = self._run
        context = av.CodecContext.create(_CODECS[run.layer], "r")
        for at, n_bytes in zip(run.places, run.lengths, strict=True):
            self._file.seek(at)
            data = self._file.read(n_bytes)
            try:
                decoded = context.decode(av.Packet(data)) if len(data) == n_bytes else []
            except (av.error.FFmpegError, ValueError):
                decoded = []
            yield decoded[0] if decoded and _is_like(decoded[0], run) else None


def _is_like(frame: Any, run: MpegRun) -> bool:  # noqa: ANN401 - PyAV is imported late
    """Return whether a frame was decoded to what its header declares."""
    kind = (frame.samples, frame.sample_rate, frame.layout.nb_channels)
    return kind == (run.n_samples_a_frame, run.sr, run.n_channels)


def _say_odd(run: MpegRun) -> list[str]:
    """Return the irregularities of a run, one per line."""
    notes = []
    if run.n_frames_extra > 1:
        notes.append(say_more(run.n_frames_extra * run.n_samples_a_frame / run.sr))
    if run.n_skipped:
        notes.append(f"has {run.n_skipped:,} bytes between its frames that are not MPEG audio")
    # If the statistics count as many frames as there are, nothing is missing.
    if run.n_said is None or run.n_said > run.n_frames:
        if run.n_behind:
            notes.append(f"has {run.n_behind:,} bytes after its last frame that are not MPEG audio")
        if run.n_cut:
            notes.append("ends within a frame, so the rest may be missing")
    return notes
