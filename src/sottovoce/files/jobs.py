"""Whole jobs on one file: mark it, or look for marks in it, in bounded memory."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.core.listening import Detector
from sottovoce.core.stream import Protector
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    ParameterError,
    UnsupportedFormatError,
)
from sottovoce.files.pcm import is_uncompressed
from sottovoce.files.reading import AudioInfo, open_audio
from sottovoce.files.tags import copy_tags
from sottovoce.files.writing import SampleWriter, atomic_path, is_lossy, open_writer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from sottovoce.core.detection import Detection
    from sottovoce.core.payload import Notice

__all__ = ["Protected", "detect_file", "protect_file"]

_BLOCK_S = 10.0
_LOOK_S = 120.0
_SOUNDING = 1e-4
_SHORT_S = 5.0
_BOOSTS = (0.0, 0.15, 0.3, 1.0)

Audio = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """What became of one file.

    Attributes
    ----------
    source, path : str
        The original, and where the marked file is; the original again where nothing was
        written.
    status : "marked" or "already"
        *already*: it carries this owner's mark and was left as it is.
    duration_s : float
        Length, in seconds.
    sr, n_channels : int
        As in the original.
    format, subtype : str
        As in `AudioInfo`.
    limited_s : float
        Seconds in which the mark was turned down to keep peaks under full scale.
    warnings : tuple of str
        One line each, for the person.
    """

    source: str
    path: str
    status: Literal["marked", "already"]
    duration_s: float
    sr: int
    n_channels: int
    format: str
    subtype: str
    limited_s: float = 0.0
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "warnings": list(self.warnings)
        }


def protect_file(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    notice: Notice,
    strength_db: float = STRENGTHS_DB["standard"],
    in_place: bool = False,
    remark: bool = False,
    phase_s: float | None = None,
    seal_key: bytes | None = None,
    progress: Callable[[float], None] | None = None,
) -> Protected:
    """Mark a file.

    The new file has the rate, channels, format, sample format, length and tags of the old one.
    It is written beside its place and moved there when it is whole, so a crash or a full disk
    leaves no half file; the original is never touched, unless `in_place` asks for it.

    Parameters
    ----------
    src : path-like
        Original.
    dst : path-like or None
        Where the marked file shall be, with the same suffix; replaced if it is there.  None
        only with `in_place`.
    notice : Notice
        Who refuses what.
    strength_db, phase_s, seal_key
        As in `sottovoce.Protector`.
    in_place : bool
        Replace the original, once the new file is complete and was read back.
    remark : bool
        Mark even if the file carries this owner's mark already.
    progress : callable or None
        Called with the share that is done, 0 to 1.

    Returns
    -------
    protected : Protected
        What was done.

    Raises
    ------
    ParameterError
        If `dst` is missing, is the original, or has another suffix.
    AudioFileError
        If the original cannot be read or the new file cannot be written.
    MissingExtraError
        If the format needs PyAV and that is not installed.
    """
    source = Path(src)
    with open_audio(source) as file:
        info = file.info
    target = _choose_target(source, dst, in_place=in_place)
    facts: dict[str, Any] = {
        "source": str(source),
        "sr": info.sr,
        "n_channels": info.n_channels,
        "format": info.format,
        "subtype": info.subtype,
    }
    if not remark and _carries(source, notice):
        return Protected(**facts, path=str(source), status="already", duration_s=info.duration_s)
    warnings = _foretell(info)
    with atomic_path(target) as temporary:
        protector = Protector(
            sr=info.sr,
            notice=notice,
            strength_db=strength_db,
            phase_s=phase_s,
            seal_key=seal_key,
        )
        n_samples = _encode(source, temporary, info, protector, progress)
        if not is_uncompressed(info):
            warnings += _carry_tags(source, temporary, info)
        shutil.copymode(source, temporary)
        if in_place:
            _read_back(temporary, info, n_samples)
    if n_samples / info.sr < _SHORT_S:
        warnings.append(
            f"only {n_samples / info.sr:.1f} s long: a check of this file alone may not find"
            f" the mark, which takes {_SHORT_S:.0f} s of speech"
        )
    return Protected(
        **facts,
        path=str(target),
        status="marked",
        duration_s=n_samples / info.sr,
        limited_s=round(protector.limited_s, 3),
        warnings=tuple(warnings),
    )


def detect_file(
    path: str | os.PathLike[str],
    *,
    max_fpr: float = FOUND_FPR,
    thorough: bool = False,
    seal_key: bytes | None = None,
    progress: Callable[[float], None] | None = None,
) -> Detection:
    """Look for marks in a file.

    Parameters
    ----------
    path : path-like
        Audio, or the recording of a call.
    max_fpr, thorough, seal_key
        As in `sottovoce.detect`.
    progress : callable or None
        Called with the share that is done, 0 to 1, where the length is known.

    Returns
    -------
    detection : Detection
        What was found.

    Raises
    ------
    AudioFileError
        If the file cannot be read to its end.
    MissingExtraError
        If the format needs PyAV and that is not installed.
    """
    with open_audio(path) as file:
        detector = Detector(sr=file.info.sr, max_fpr=max_fpr, thorough=thorough, seal_key=seal_key)
        n_read = 0
        for block in file.blocks(_BLOCK_S):
            detector.process(block)
            n_read += block.shape[1]
            if progress and file.info.n_frames:
                progress(n_read / file.info.n_frames)
        detector.process(np.empty((file.info.n_channels, 0), dtype=np.float32), last=True)
        return detector.detection()


def _choose_target(source: Path, dst: str | os.PathLike[str] | None, *, in_place: bool) -> Path:
    if in_place:
        if dst is not None and Path(dst).resolve() != source.resolve():
            raise ParameterError(f"dst={str(dst)!r} given together with in_place")
        return source.resolve()  # the file itself, not a link to it
    if dst is None:
        raise ParameterError("dst is missing; give a path, or in_place=True")
    target = Path(dst)
    if target.is_dir():
        raise AudioFileError("is a folder", path=str(target), remedy="Name a file in it.")
    same = target.exists() and source.exists() and target.samefile(source)
    if same or target.resolve() == source.resolve():
        raise AudioFileError(
            "is both the input and the output",
            path=str(source),
            remedy="Choose another output, or ask for --in-place.",
        )
    if target.suffix.lower() != source.suffix.lower():
        raise AudioFileError(
            f"has another suffix than {source.name}; formats are kept, not converted",
            path=str(target),
            remedy=f"Name it {target.with_suffix(source.suffix).name}.",
        )
    return target


def _carries(source: Path, notice: Notice) -> bool:
    """Say whether the first two minutes of sound carry this owner's mark."""
    with open_audio(source) as file:
        detector = Detector(sr=file.info.sr)
        heard_s = 0.0
        for block in file.blocks(_BLOCK_S):
            if np.abs(block).max() < _SOUNDING:
                continue
            detector.process(block)
            heard_s += block.shape[1] / file.info.sr
            if heard_s >= _LOOK_S:
                break
        found = [voice.notice for voice in detector.detection().voices if voice.notice]
    if notice.owner_id == 0:
        return notice in found
    return any(other.owner_id == notice.owner_id for other in found)


def _foretell(info: AudioInfo) -> list[str]:
    if not is_lossy(info):
        return []
    return [f"{info.subtype} is lossy: the audio was encoded once more, at no lower rate"]


def _carry_tags(source: Path, temporary: Path, info: AudioInfo) -> list[str]:
    """Copy tags to a file that was encoded anew; return what to tell the person."""
    try:
        copy_tags(source, temporary, audio_format=info.format, subtype=info.subtype)
    except MissingExtraError as err:
        return [f"tags were not kept: {err}. {err.remedy}"]
    except UnsupportedFormatError as err:
        return [f"tags were not kept: {err}"]
    return []


def _encode(
    source: Path,
    temporary: Path,
    info: AudioInfo,
    protector: Protector,
    progress: Callable[[float], None] | None,
) -> int:
    """Write the marked file; a lossy one again, better, until it is no smaller than the old."""
    n_samples = 0
    for boost in _BOOSTS:
        protector.reset()
        n_samples = _encode_once(source, temporary, info, protector, boost, progress)
        enough = temporary.stat().st_size >= 0.97 * info.n_bytes
        if enough or not is_lossy(info) or info.format == "M4A":
            break
    return n_samples


def _encode_once(
    source: Path,
    temporary: Path,
    info: AudioInfo,
    protector: Protector,
    boost: float,
    progress: Callable[[float], None] | None,
) -> int:
    n_samples = 0
    with open_audio(source) as file:
        writer = open_writer(temporary, info, boost=boost)
        try:
            waiting: deque[Audio] = deque()
            for block in file.blocks(_BLOCK_S):
                n_samples += block.shape[1]
                waiting.append(block)
                _write_ready(writer, protector.process(block), waiting)
                if progress and info.n_frames:
                    progress(n_samples / info.n_frames)
            end = np.empty((info.n_channels, 0), dtype=file.dtype)
            _write_ready(writer, protector.process(end, last=True), waiting)
        finally:
            writer.close()
    return n_samples


def _write_ready(writer: SampleWriter, marked: Audio, waiting: deque[Audio]) -> None:
    """Write marked samples together with the original ones that they were made from."""
    if marked.shape[1] == 0:
        return
    original = np.concatenate(list(waiting), axis=1)
    waiting.clear()
    waiting.append(original[:, marked.shape[1] :])
    writer.write(marked, original[:, : marked.shape[1]])


def _read_back(temporary: Path, info: AudioInfo, n_samples: int) -> None:
    """Decode a new file to its end before it replaces the only copy of the old."""
    with open_audio(temporary) as file:
        n_read = sum(block.shape[1] for block in file.blocks(_BLOCK_S))
        same = file.info.sr == info.sr and file.info.n_channels == info.n_channels
    # Encoders of lossy formats may pad the end by a frame.
    slack = 4_096 if is_lossy(info) else 0
    if not same or not n_samples <= n_read <= n_samples + slack:
        raise AudioFileError(
            "was not replaced: the new file did not read back as it should",
            path=info.path,
            remedy="Write to another file with -o, and report this.",
        )
