"""Verify a marked file: read it back, count its samples, and find the mark in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.files.coverage import covered_s
from sottovoce.files.listening import Listener
from sottovoce.files.reading import open_audio
from sottovoce.files.writing import is_lossy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.files.listening import Loudness

__all__ = ["Encoded", "measure_mark", "prove"]

_BLOCK_S = 10.0
_ENOUGH_S = 10.0
"""Seconds of loud sound in which a mark must be found: in everyday conditions it is found in 10 s
(docs/measurements.md)."""
_SLACK = 4_096
"""Samples by which a lossy file may be longer: encoders pad the end by a frame, and containers
that cannot declare the delay of the codec keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One track as written.

    Attributes
    ----------
    part : int
        Which track of the original, from 0.
    name : str
        Name of the track for the user; empty if there is only one.
    sr, n_channels : int
        Rate in Hz, channels.
    n_samples : int
        Number of samples in each channel.
    sounding_s, loud_s : float
        Seconds of it that are not silent, and that are loud enough for a mark to be found.
    before : Detection
        The marks that the original already carried.
    loudness : Loudness
        Loudness of the original over time.
    limited_s : float
        Seconds in which the mark was attenuated.
    phase_s : float
        Where in its pattern the mark begins, as `Protector.phase_s`.
    notes : tuple of str
        Irregularities of the original.
    """

    part: int
    name: str
    sr: int
    n_channels: int
    n_samples: int
    sounding_s: float
    loud_s: float
    before: Detection
    loudness: Loudness
    limited_s: float
    phase_s: float
    notes: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Length, in seconds."""
        return self.n_samples / self.sr


def prove(
    written: Path,
    encoded: Encoded,
    notice: Notice,
    *,
    path: str,
    part: int,
    progress: Callable[[float], None] | None = None,
    detects: bool = True,
) -> float:
    """Read a track of a new file back and return the seconds that carry the mark.

    Parameters
    ----------
    written : Path
        The new file, not moved into place yet.
    encoded : Encoded
        The track as written.
    notice : Notice
        The notice of the mark.
    path : str
        The original, for error messages.
    part : int
        Number of the track in the new file.
    progress : callable or None
        Called with the completed share, 0 to 1.
    detects : bool
        Whether to also search for the mark, not just count samples.

    Returns
    -------
    marked_s : float
        Seconds; 0 if the track is too short or too quiet to tell.

    Raises
    ------
    AudioFileError
        If the file does not read back as written, or no mark is found where one must be.
    """
    with open_audio(written, part=part) as file:
        listener = Listener(sr=file.info.sr)
        n_read = 0
        for block in file.blocks(_BLOCK_S):
            n_read += block.shape[1]
            if detects:
                listener.listen(block)
            if progress:
                progress(min(n_read / encoded.n_samples, 1.0))
        # A lossy format may be a little longer than what was written.
        most = encoded.n_samples + (_SLACK if is_lossy(file.info) else 0)
        same = (file.info.sr, file.info.n_channels) == (encoded.sr, encoded.n_channels)
    if not same or not encoded.n_samples <= n_read <= most:
        raise AudioFileError(
            f"the new file did not read back as written ({n_read:,} samples of"
            f" {encoded.n_samples:,}), and was discarded; the original is unchanged",
            path=path,
            remedy="Write it to another format, and report this.",
        )
    return measure_mark(listener.finish(), encoded, notice, path=path) if detects else 0.0


def measure_mark(detection: Detection, encoded: Encoded, notice: Notice, *, path: str) -> float:
    """Return for how many seconds a mark is present.

    Raises
    ------
    AudioFileError
        If none is found in a file that has enough sound for one.
    """
    marked_s = covered_s(detection, notice, strictly=False)
    if marked_s == 0.0 and encoded.loud_s >= _ENOUGH_S:
        where = f"{encoded.name} of the new file" if encoded.name else "the new file"
        remedy = "Is it speech? Try a stronger mark, or a format or bit rate that loses less."
        if encoded.name:
            remedy += " If another track has the speech, mark only that one (`track`)."
        raise AudioFileError(
            f"the mark was not found in {where}, although it has {encoded.loud_s:.0f} s of"
            " sound; the new file was discarded",
            path=path,
            remedy=remedy,
        )
    return marked_s
