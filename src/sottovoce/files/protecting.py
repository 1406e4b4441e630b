"""Mark a file: encode it, verify the new file, and only then move it into place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import (
    AudioFileError,
    NoSoundError,
    ParameterError,
    UnsupportedFormatError,
)
from sottovoce.files.atomic import atomic_path
from sottovoce.files.keeping import Keeping, carry_over, plan_keeping
from sottovoce.files.marking import (
    COPYING_SHARE,
    ENCODING_SHARE,
    MarkingJob,
    Written,
    encode_tracks,
)
from sottovoce.files.proof import prove as prove_track
from sottovoce.files.protected import Protected, ProtectedTrack, report, report_soundless
from sottovoce.files.reading import OpenAudio, open_audio
from sottovoce.files.space import check_space, estimate_duration_s
from sottovoce.files.target import choose_target, is_other_format
from sottovoce.files.writing import is_lossy

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from sottovoce.core.payload import Notice
    from sottovoce.files.audio_info import AudioInfo

__all__ = ["ENCODED_AGAIN", "Protected", "ProtectedTrack", "protect_file"]

_CONTAINERS = {"M4A", "MOV", "MATROSKA", "TS", "ASF", "AVI", "FLV"}
_NAMES = {
    "MPEG_LAYER_III": "MP3",
    "MPEG_LAYER_II": "MP2",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "WMAV1": "WMA",
    "WMAV2": "WMA",
}
ENCODED_AGAIN = "the audio was encoded once more, at no lower rate"
SEAL_FROM_S = 30.0
"""Length from which programs seal files: in shorter ones the owner would be read less often."""
_CONVERTED = Keeping(lost=("its tags and everything else that is not audio",), dropped=())


def protect_file(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    notice: Notice,
    strength_db: float = STRENGTHS_DB["standard"],
    in_place: bool = False,
    remark: bool = False,
    partial: bool = False,
    track: int | None = None,
    keep_all: bool = False,
    copies: bool = True,
    prove: bool = True,
    phase_s: float | None = None,
    seal_key: bytes | None = None,
    seal_from_s: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Protected:
    """Mark a file.

    The new file has the rate, channels, format, sample format, length and tags of the old one.
    It is written next to its destination, read back, checked for the mark and the number of
    samples, and only then moved; so a crash or a full disk leaves no partial file.  The original
    is never changed, unless `in_place` requests it.  A film without a sound track is *silent*: it
    is copied byte for byte.

    Parameters
    ----------
    src : path-like
        Original.
    dst : path-like or None
        Path of the marked file, with the same suffix; an existing file is replaced.  None only
        with `in_place`.  If the format can be read but not written, another suffix (``".flac"``,
        ``".wav"``) makes a file of that format.
    notice : Notice
        The refusal to write.
    strength_db, phase_s, seal_key
        As in `sottovoce.Protector`.
    seal_from_s : float
        Only files that are at least as long get the seal.
    in_place : bool
        Replace the original, after the new file has been read back.
    remark : bool
        Mark even if the file already carries this owner's mark.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.
    track : int or None
        Number of the audio track to mark, from 1; None marks all of them.
    keep_all : bool
        Refuse a file whose tags, chapters or the like would be lost.
    copies : bool
        Whether to copy a file that needs no mark to `dst`; else nothing is written.
    prove : bool
        Whether to search for the mark in the new file; its samples are counted in any case.
    progress : callable or None
        Called with the completed share, 0 to 1.

    Returns
    -------
    protected : Protected
        The result.

    Raises
    ------
    ParameterError
        If `dst` is missing, is the original, or has another suffix; or if `track` does not exist.
    OtherPolicyError
        If the file carries this owner's mark with another policy, unless `remark`.
    IncompleteAudioError
        If the file proves that a part of it is missing, unless `partial`.
    AudioFileError
        If the original cannot be read or changes meanwhile, the requested track is silent, the new
        file cannot be written, or the mark is not found in it where it must be.
    MissingExtraError
        If the format needs PyAV, which is not installed.

    Notes
    -----
    Takes as long as the encoding plus a check: docs/measurements.md.
    """
    source = Path(src)
    job = MarkingJob(
        notice=notice,
        strength_db=strength_db,
        phase_s=phase_s,
        seal_key=seal_key,
        remark=remark,
        partial=partial,
        prove=prove,
        progress=progress,
    )
    before = _stamp(source)
    copies = copies and not in_place
    try:
        infos = _choose_tracks(source, track, partial=partial)
    except NoSoundError:
        target = choose_target(source, dst, None, in_place=in_place, partial=partial)
        if copies:
            with atomic_path(target, mode_from=source.resolve()) as temporary:
                _copy(source, temporary, before=before)
        return report_soundless(source, target if copies or in_place else source)
    if estimate_duration_s(infos[0]) < seal_from_s:
        job = replace(job, seal_key=None)
    target = choose_target(source, dst, infos[0], in_place=in_place, partial=partial)
    is_converted = not in_place and is_other_format(source, target)
    warnings = _foretell(source, infos, keep_all=keep_all, is_converted=is_converted)
    try:
        written = _write(
            source,
            target,
            infos,
            job,
            in_place=in_place,
            copies=copies,
            is_converted=is_converted,
            is_named=track is not None,
            before=before,
        )
    except _LeftAloneError as alone:
        written = alone.written
        target = target if in_place else source
    done = report(source, target, written, infos[0], warnings)
    return replace(done, sealed=done.status == "marked" and job.seal_key is not None)


class _LeftAloneError(Exception):
    """The original stays unchanged, because there is nothing to mark."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


def _write(
    source: Path,
    target: Path,
    infos: list[AudioInfo],
    job: MarkingJob,
    *,
    in_place: bool,
    copies: bool,
    is_converted: bool,
    is_named: bool,
    before: tuple[int, ...],
) -> Written:
    """Write and verify the new file, and move it into place."""
    original = source.resolve()
    keep, mode_from = (original, None) if in_place else (None, original)
    if infos[0].format in _CONTAINERS and not is_converted:
        check_space(source, target, infos)
    with atomic_path(target, keep=keep, mode_from=mode_from) as temporary:
        written = encode_tracks(source, temporary, infos, job)
        if is_named and written.status == "silent":
            raise _silent_track(source, infos[0].track, partial=job.partial)
        if written.status == "marked":
            if not is_converted:
                written.warnings = carry_over(source, temporary, infos[0])
            _prove(source, temporary, written, job)
            _check_unchanged(source, before)
        elif copies:
            _copy(source, temporary, before=before)
        else:
            raise _LeftAloneError(written)
    return written


def _copy(source: Path, temporary: Path, *, before: tuple[int, ...]) -> None:
    shutil.copyfile(source, temporary)
    _check_unchanged(source, before)


def _check_unchanged(source: Path, before: tuple[int, ...]) -> None:
    if _stamp(source) != before:
        # It may be another take by now, or the rest of this one may have been written.
        raise AudioFileError(
            "changed during processing; the new file was discarded",
            path=str(source),
            remedy="Wait until it is finished, and try again.",
        )


def _stamp(path: Path) -> tuple[int, ...]:
    """Return values that differ between files, and change when a file is written to."""
    try:
        status = path.stat()
    except OSError:
        return ()  # opening it raises the error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _choose_tracks(source: Path, track: int | None, *, partial: bool) -> list[AudioInfo]:
    """Return information on the tracks to be marked, or refuse the file."""
    with open_audio(source, partial=partial) as file:
        file.check_uniform()
        file.check_whole()
        n_parts = len(file.parts)
        if track is not None and not 1 <= track <= n_parts:
            raise ParameterError(f"no audio track {track}", remedy=_name_tracks(file))
        wanted = range(n_parts) if track is None else [track - 1]
        return [file.describe(part) for part in wanted]


def _silent_track(source: Path, track: int, *, partial: bool) -> AudioFileError:
    """Return the error for a requested track without sound."""
    with open_audio(source, partial=partial) as file:
        name = file.parts[track].name or f"track {track + 1}"
        others = _list_tracks(file, but=track)
    return AudioFileError(
        f"{name} is silent; nothing was marked",
        path=str(source),
        remedy=f"Other tracks: {'; '.join(others)}." if others else "It has no other track.",
    )


def _name_tracks(file: OpenAudio) -> str:
    """Return the list of a file's tracks, as a remedy."""
    if len(file.parts) == 1:
        return "It has only one."
    names = _list_tracks(file)
    return f"It has {len(names)}: {'; '.join(names)}."


def _list_tracks(file: OpenAudio, *, but: int | None = None) -> list[str]:
    return [
        f"{part.name}, {_name_codec(file.describe(number))}"
        for number, part in enumerate(file.parts)
        if number != but
    ]


def _name_codec(info: AudioInfo) -> str:
    return _NAMES.get(info.subtype, info.subtype)


def _foretell(
    source: Path, infos: list[AudioInfo], *, keep_all: bool, is_converted: bool
) -> list[str]:
    """Return the messages before anything is written; refuse losses if all must be kept."""
    lines, info = [], infos[0]
    if is_lossy(info) and not is_converted:
        lines.append(f"{_name_codec(info)} is lossy: {ENCODED_AGAIN}")
    keeping = _CONVERTED if is_converted else plan_keeping(source, info)
    lost = keeping.lost
    if info.format in _CONTAINERS:
        from sottovoce.files.films import losses  # late: most files are no films

        if not is_converted:
            lost += losses.name_losses(source, is_whole=all(one.is_whole for one in infos))
        elif losses.has_picture(source):
            lost = ("the picture", *lost)
    if lost and keep_all:
        raise UnsupportedFormatError(
            f"would lose {', '.join(lost)}",
            path=str(source),
            remedy="Allow that, or choose another format.",
        )
    if lost:
        lines.append(f"lost: {', '.join(lost)}")
    if keeping.dropped:
        lines.append(f"left out: {', '.join(keeping.dropped)}")
    return lines


def _prove(source: Path, temporary: Path, written: Written, job: MarkingJob) -> None:
    """Read every new track back, and record for how many seconds it carries the mark."""
    with open_audio(temporary) as file:
        n_parts = len(file.parts)
    before = ENCODING_SHARE + COPYING_SHARE
    for number, track in enumerate(written.tracks):
        if track.status != "marked":
            continue

        def tell(share: float, number: int = number) -> None:
            done = (number + share) / len(written.tracks)
            job.tell(before + (1.0 - before) * done)

        # In a container the tracks keep their numbers, including those that were copied.
        seconds = prove_track(
            temporary,
            track.encoded,
            job.notice,
            path=str(source),
            part=track.encoded.part if n_parts > 1 else 0,
            progress=tell,
            detects=job.prove,
        )
        track.marked_s = min(seconds, track.encoded.duration_s)
    job.tell(1.0)
