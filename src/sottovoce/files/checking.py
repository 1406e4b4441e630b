"""Detect marks in a file: in every track, and in every stream that was joined to it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.files.listening import Listener
from sottovoce.files.reading import open_parts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.core.seal import SealKeys

__all__ = [
    "CheckedPart",
    "combine",
    "detect_file",
    "detect_nothing",
    "detect_parts",
    "pay_for_parts",
]

_BLOCK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPart:
    """Result for one track of a file.

    Attributes
    ----------
    name : str
        ``"track 2 (French)"``, ``"file 1 of 2"``; empty if the file has one track.
    detection : Detection
        The result; its p-value pays for all tracks of the file.
    sounding_s : float
        Seconds that are not silent.
    is_joined : bool
        Whether it follows the others in time instead of playing along with them.
    notes : tuple of str
        Irregularities of the file, one per line.
    """

    name: str
    detection: Detection
    sounding_s: float = 0.0
    is_joined: bool = False
    notes: tuple[str, ...] = ()


def detect_file(
    path: str | os.PathLike[str],
    *,
    max_fpr: float = FOUND_FPR,
    thorough: bool = False,
    seal_key: SealKeys = None,
    known: Sequence[Notice] = (),
    keep_cells: bool = False,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Detection:
    """Detect marks in a file.

    Parameters
    ----------
    path : path-like
        Audio, or the recording of a call.
    max_fpr, thorough, seal_key, known, keep_cells
        As in `sottovoce.detect`.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.
    progress : callable or None
        Called with the completed share, 0 to 1, if the length is known.

    Returns
    -------
    detection : Detection
        The result for all of its tracks together; `detect_parts` returns them separately.

    Raises
    ------
    NoSoundError
        If it is a film without a sound track.
    AudioFileError
        If the file cannot be read to its end.
    MissingExtraError
        If the format needs PyAV, which is not installed.
    """
    parts = detect_parts(
        path,
        max_fpr=max_fpr,
        thorough=thorough,
        seal_key=seal_key,
        known=known,
        keep_cells=keep_cells,
        partial=partial,
        progress=progress,
    )
    return combine(parts)


def detect_parts(
    path: str | os.PathLike[str],
    *,
    max_fpr: float = FOUND_FPR,
    thorough: bool = False,
    seal_key: SealKeys = None,
    known: Sequence[Notice] = (),
    keep_cells: bool = False,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[CheckedPart, ...]:
    """Detect marks in each track of a file, like `detect_file`.

    Parameters
    ----------
    path, max_fpr, thorough, seal_key, known, keep_cells, partial, progress
        As in `detect_file`.

    Returns
    -------
    parts : tuple of CheckedPart
        One for each track, or for each stream of another rate that was joined to the file.
    """
    checked: list[CheckedPart] = []
    for file in open_parts(path, partial=partial):
        file.check_whole()
        n_parts = len(file.parts)
        # The tracks share the allowed false alarms of the file.
        listener = Listener(
            sr=file.info.sr,
            max_fpr=max_fpr / n_parts,
            thorough=thorough,
            seal_key=seal_key,
            known=known,
            keep_cells=keep_cells,
        )
        for block in file.blocks(_BLOCK_S):
            listener.listen(block)
            if progress and file.info.n_frames:
                share = min(listener.n_samples / file.info.n_frames, 1.0)
                progress((len(checked) + share) / n_parts)
        detection = pay_for_parts(listener.finish(), n_parts)
        part = file.parts[len(checked)]
        checked.append(
            CheckedPart(
                name=part.name,
                detection=detection,
                sounding_s=listener.sounding_s,
                is_joined=part.stream < 0,
                notes=file.notes,
            )
        )
    return tuple(checked)


def detect_nothing() -> Detection:
    """Return the verdict on a file without any sound: not found, in 0 s."""
    return Listener(sr=16_000).finish()


def pay_for_parts(detection: Detection, n_parts: int) -> Detection:
    """Return a detection whose p-value also pays for the search of the other tracks."""
    if n_parts == 1:
        return detection
    log10_p = min(detection.log10_p + math.log10(n_parts), 0.0)
    return dataclasses.replace(
        detection, log10_p=log10_p, n_hypotheses=detection.n_hypotheses * n_parts
    )


def combine(parts: Sequence[CheckedPart]) -> Detection:
    """Return the verdict on a whole file from those on its tracks.

    Parameters
    ----------
    parts : sequence of CheckedPart
        At least one; the p-value of each pays for all of them.

    Returns
    -------
    detection : Detection
        Detection in the most significant track, with the voices of all; the e-value is the mean,
        which is valid under any dependence of the tracks.
    """
    detections = [part.detection for part in parts]
    if len(detections) == 1:
        return detections[0]
    best = min(detections, key=lambda one: (not one.found, one.log10_p))
    voices = sorted((voice for one in detections for voice in one.voices), key=lambda v: v.log10_p)
    largest = max(one.log10_e for one in detections)
    total = sum(10.0 ** (one.log10_e - largest) for one in detections)
    lengths_s = [one.duration_s for one in detections]
    return dataclasses.replace(
        best,
        voices=tuple(voices),
        log10_e=largest + math.log10(total / len(detections)),
        n_more_voices=sum(one.n_more_voices for one in detections),
        duration_s=sum(lengths_s) if parts[0].is_joined else max(lengths_s),
    )
