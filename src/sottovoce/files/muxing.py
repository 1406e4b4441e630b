"""Replace the original tracks by the marked ones, and copy everything else bit by bit.

Video, subtitles, covers, attachments, chapters and the tags that FFmpeg knows go from the
original's packets into the new file unchanged; only the sound is replaced.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.files.atomic import part_path
from sottovoce.files.track_writer import open_track_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.files.audio_info import AudioInfo
    from sottovoce.files.track import Track

__all__ = ["ContainerWriter", "mux_tracks", "track_path"]

Audio = npt.NDArray[np.floating[Any]]


class ContainerWriter:
    """Encodes one track and puts it into a copy of the original.

    Parameters
    ----------
    path : Path
        File to create.
    info : AudioInfo
        Properties of the original.
    track : Track
        How the original is stored.
    boost : float
        As in `TrackWriter`.

    Attributes
    ----------
    progress : callable or None
        Called with the copied share of the other streams, 0 to 1.
    """

    def __init__(self, path: Path, info: AudioInfo, track: Track, *, boost: float = 0.0) -> None:
        self._path = path
        self._info = info
        self._track = track
        self._temporary = track_path(path)
        self._is_open = True
        self.progress: Callable[[float], None] | None = None
        try:
            self._writer = open_track_writer(self._temporary, info, track, boost=boost)
        except BaseException:
            self._temporary.unlink(missing_ok=True)
            raise

    def write(self, marked: Audio, original: Audio) -> None:
        """Write a block of shape (channels, n), with the unmarked samples it was made from."""
        try:
            self._writer.write(marked, original)
        except BaseException:
            self._is_open = False
            self._temporary.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Finish the file."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._writer.close()
            mux_tracks(
                Path(self._info.path),
                {self._track.index: self._temporary},
                self._path,
                is_whole=self._info.is_whole,
                progress=self.progress,
            )
        finally:
            self._temporary.unlink(missing_ok=True)


def track_path(target: Path) -> Path:
    """Return a name next to `target` for the file of one track."""
    return part_path(target)


def mux_tracks(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    *,
    is_whole: bool = True,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a container with new sound.

    Parameters
    ----------
    original : Path
        MP4, MOV, M4A, Matroska, WebM, MPEG-TS, ASF, AVI or FLV.
    tracks : dict of int to Path
        By the index of the stream in the container: the file that `TrackWriter` made of it.
    target : Path
        File to be made, in the same container.
    is_whole : bool
        Whether the original is neither cut short nor damaged; else FFmpeg copies what it can.
    progress : callable or None
        Called with the copied share, 0 to 1.

    Raises
    ------
    AudioFileError
        If a table of the original turns out to be broken, FFmpeg can read a stream of this
        container but not write it, or the disk is full.
    """
    from sottovoce.files.films.grafting import graft  # late: most files are no films
    from sottovoce.files.films.rewriting import rewrite

    if not is_whole or not graft(original, tracks, target, progress=progress):
        rewrite(original, tracks, target)
