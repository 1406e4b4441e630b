"""`examine`: from one recording to its finding, whatever the bytes are; it never raises.

It runs in a process of its own, which may still die: decoders are C, and bytes are hostile.  What
dies there is `sottovoce.scan.pool`'s business.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.core.listening import Detector
from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.files.reading import OpenAudio, open_audio
from sottovoce.scan.finding import Finding, Status
from sottovoce.scan.storage import fetch

if TYPE_CHECKING:
    from sottovoce.core.detection import Detection
    from sottovoce.scan.recording import Recording

__all__ = ["ENOUGH_S", "Limits", "examine", "tell_failure"]

_logger = logging.getLogger(__name__)

ENOUGH_S = 5.0
"""Seconds of sound from which *clean* is said: marks on clean speech of that length are found
nearly always (`docs/measurements.md`); shorter recordings are *undetermined*."""
_BLOCK_S = 10.24
_LEVEL_S = 0.1
_SOUNDING = 1e-4
"""Amplitude, 80 dB under full scale, from which a stretch of 0.1 s counts as sound."""
_MOST_EVIDENCE = 200
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one recording may cost.

    Attributes
    ----------
    seconds : float
        Of audio, after which the rest is left unread: a file of a few megabytes can hold weeks.
    channels : int
        More are refused.
    bytes : int
        Of one recording that must be brought into memory.
    memory_bytes : int
        Address space of a worker beyond what it has when it starts; 0 sets no limit.
    time_s, time_per_mib_s : float
        Wall time for one recording, and for each MiB of it, after which its process is ended.
    """

    seconds: float = 24 * 3600.0
    channels: int = 64
    bytes: int = 2048 * _MIB
    memory_bytes: int = 3072 * _MIB
    time_s: float = 60.0
    time_per_mib_s: float = 4.0

    def time_for(self, *recordings: Recording) -> float:
        """Return the seconds that a recording, or a batch of small ones, may take."""
        n_bytes = sum(recording.n_bytes for recording in recordings)
        return self.time_s + self.time_per_mib_s * n_bytes / _MIB


def examine(recording: Recording, *, limits: Limits, thorough: bool = False) -> Finding:
    """Look for marks in one recording.

    Parameters
    ----------
    recording : Recording
        What to look at.
    limits : Limits
        What it may cost.
    thorough : bool
        Whether changed speed, tempo and pitch are searched too.

    Returns
    -------
    finding : Finding
        With a status for whatever went wrong.
    """
    try:
        return _examine(recording, limits, thorough=thorough)
    except SottovoceError as err:
        return tell_failure(recording, err)
    except MemoryError:
        remedy = "Allow it more memory, or look at the file alone: sottovoce check FILE"
        return _fail(recording, "error", "took more memory than it may", remedy)
    except Exception as err:  # a scan of a million goes on
        _logger.exception("%s", recording.id)
        return _fail(recording, "error", f"an unforeseen error: {err!r}"[:500], "")


def tell_failure(recording: Recording, err: SottovoceError) -> Finding:
    """Return the finding for a recording that could not be read."""
    is_other = isinstance(err, UnsupportedFormatError | MissingExtraError)
    return _fail(recording, "unsupported" if is_other else "error", str(err), err.remedy)


def _fail(recording: Recording, status: Status, message: str, remedy: str) -> Finding:
    # What errors say begins with the path, which the finding names already.
    for name in (getattr(recording.place, "url", ""), recording.id):
        message = message.removeprefix(f"{name}: ")
    return Finding(
        id=recording.id, status=status, message=message, remedy=remedy, groups=recording.groups
    )


def _examine(recording: Recording, limits: Limits, *, thorough: bool) -> Finding:
    source = fetch(recording.place, most_bytes=limits.bytes)
    path, data = (source, None) if isinstance(source, str) else (recording.id, source)
    with open_audio(path, data=data) as file:
        if file.info.n_channels > limits.channels:
            raise UnsupportedFormatError(f"has {file.info.n_channels} channels")
        listened = _Listened(file, thorough=thorough)
        cut = _listen(listened, limits, limits.time_for(recording))
        return _conclude(recording, listened, cut)


class _Listened:
    """A detector, and how much sound went into it."""

    def __init__(self, file: OpenAudio, *, thorough: bool) -> None:
        self.file = file
        self.detector = Detector(sr=file.info.sr, thorough=thorough)
        self.n_samples = 0
        self.n_sounding = 0

    def listen(self, block: np.ndarray[Any, np.dtype[np.floating[Any]]]) -> None:
        self.detector.process(block)
        self.n_samples += block.shape[1]
        step = max(1, round(_LEVEL_S * self.file.info.sr))
        loud = np.abs(block).max(axis=0) >= _SOUNDING
        steps = np.add.reduceat(loud, np.arange(0, len(loud), step), dtype=np.int64)
        self.n_sounding += min(step * int(np.count_nonzero(steps)), len(loud))

    def seconds(self, n: int) -> float:
        return n / self.file.info.sr


def _listen(listened: _Listened, limits: Limits, time_s: float) -> tuple[str, str]:
    """Listen to the end, or say why not."""
    began_s = time.monotonic()
    info = listened.file.info
    try:
        for block in listened.file.blocks(_BLOCK_S):
            listened.listen(block)
            if listened.seconds(listened.n_samples) >= limits.seconds and (
                not info.n_frames or listened.n_samples < info.n_frames
            ):
                return f"only the first {limits.seconds / 3600:.1f} hours were read", ""
            # Before the process would be ended from outside, and all be lost.
            if time.monotonic() - began_s > 0.8 * time_s:
                return f"only so much could be read in {time_s:.0f} s", "Allow it more time."
    except AudioFileError as err:
        if listened.n_samples == 0:
            raise
        return str(err).removeprefix(f"{info.path}: "), err.remedy
    return "", ""


def _conclude(recording: Recording, listened: _Listened, cut: tuple[str, str]) -> Finding:
    info = listened.file.info
    nothing = np.empty((info.n_channels, 0), dtype=np.float32)
    listened.detector.process(nothing, last=True)
    detection = listened.detector.detection()
    sound_s = listened.seconds(listened.n_sounding)
    message, remedy = cut
    return Finding(
        id=recording.id,
        status=_choose_status(detection, sound_s=sound_s, cut=bool(message)),
        log10_p=round(detection.log10_p, 4),
        log10_e=round(detection.log10_e, 4),
        score=round(detection.score, 4),
        seconds=round(detection.duration_s, 3),
        sound_s=round(sound_s, 3),
        sr=info.sr,
        n_channels=info.n_channels,
        format=f"{info.format} {info.subtype}",
        voices=tuple(_describe_voices(detection)),
        message=message,
        remedy=remedy,
        groups=recording.groups,
    )


def _choose_status(detection: Detection, *, sound_s: float, cut: bool) -> Status:
    if detection.found:
        return "marked"
    if cut:
        return "partial"
    if detection.verdict == "suspected":
        return "suspected"
    return "clean" if sound_s >= ENOUGH_S else "undetermined"


def _describe_voices(detection: Detection) -> list[dict[str, Any]]:
    described = []
    for voice in detection.voices:
        step = -(-len(voice.evidence) // _MOST_EVIDENCE) or 1
        points = [[round(t, 2), round(z, 2)] for t, z in voice.evidence[::step]]
        described.append({**voice.to_dict(), "evidence": points})
    return described
