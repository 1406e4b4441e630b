"""Mark a file: encode it, prove the new file, and only then move it into its place."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sottovoce.core.stream import Protector
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import OtherPolicyError, ParameterError, UnsupportedFormatError
from sottovoce.files.atomic import atomic_path
from sottovoce.files.keeping import carry_over, plan_keeping
from sottovoce.files.listening import Listener
from sottovoce.files.muxing import mux_tracks, track_path
from sottovoce.files.proof import Encoded, covered_s, prove
from sottovoce.files.reading import AudioInfo, open_audio
from sottovoce.files.target import choose_target
from sottovoce.files.track_writer import open_track_writer
from sottovoce.files.writing import SampleWriter, is_lossy, open_writer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from sottovoce.core.payload import Notice

__all__ = ["Protected", "protect_file"]

_BLOCK_S = 10.0
_SHORT_S = 5.0
_BOOSTS = (0.0, 0.15, 0.3, 1.0)
_COVERED = 0.9
"""Share of the sound that a mark must cover for a file to count as marked already."""
_TOLD = 0.8
"""Share of the sound under which the seconds that carry the mark are pointed out."""
_ENCODING_SHARE = 0.6

Audio = npt.NDArray[np.floating[Any]]
Status = Literal["marked", "already", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """What became of one file.

    Attributes
    ----------
    source, path : str
        The original, and where the marked file is.
    status : "marked", "already" or "silent"
        *already*: it carries this owner's mark all along, and was copied as it is; *silent*: it
        holds no sound to mark, and was copied as it is.
    duration_s : float
        Length, in seconds.
    marked_s : float
        Seconds of the new file in which the mark was found when it was read back, of the track
        where they are fewest; 0 where it is too short or too quiet to tell.
    sr, n_channels : int
        As in the original.
    format, subtype : str
        As in `AudioInfo`.
    n_tracks : int
        Audio tracks that were marked.
    limited_s : float
        Seconds in which the mark was turned down to keep peaks under full scale.
    warnings : tuple of str
        One line each, for the user.
    """

    source: str
    path: str
    status: Status
    duration_s: float
    sr: int
    n_channels: int
    format: str
    subtype: str
    marked_s: float = 0.0
    n_tracks: int = 1
    limited_s: float = 0.0
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "warnings": list(self.warnings)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What `protect_file` was asked for."""

    notice: Notice
    strength_db: float
    phase_s: float | None
    seal_key: bytes | None
    remark: bool
    partial: bool
    prove: bool
    progress: Callable[[float], None] | None

    def tell(self, share: float) -> None:
        if self.progress:
            self.progress(share)


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
    prove: bool = True,
    phase_s: float | None = None,
    seal_key: bytes | None = None,
    progress: Callable[[float], None] | None = None,
) -> Protected:
    """Mark a file.

    The new file has the rate, channels, format, sample format, length and tags of the old one.
    It is written beside its place, read back, found to carry the mark in as many samples as were
    decoded, and moved there then; so a crash or a full disk leaves no half file.  The original is
    never touched, unless `in_place` asks for it.

    Parameters
    ----------
    src : path-like
        Original.
    dst : path-like or None
        Where the marked file shall be, with the same suffix; replaced if it is there.  None
        only with `in_place`.  Where the format can be read but not written, another suffix
        (``".flac"``, ``".wav"``) makes a file of that format.
    notice : Notice
        Who refuses what.
    strength_db, phase_s, seal_key
        As in `sottovoce.Protector`.
    in_place : bool
        Replace the original, once the new file was read back.
    remark : bool
        Mark even if the file carries this owner's mark already.
    partial : bool
        Whether to be content with the part that is there of a file that is cut short or damaged.
    track : int or None
        Which audio track to mark, from 1; None marks all of them.
    keep_all : bool
        Refuse a file of which tags, chapters or the like would be lost.
    prove : bool
        Whether to look for the mark in the new file; its samples are counted in any case.
    progress : callable or None
        Called with the share that is done, 0 to 1.

    Returns
    -------
    protected : Protected
        What was done.

    Raises
    ------
    ParameterError
        If `dst` is missing, is the original, or has another suffix; if there is no such track.
    OtherPolicyError
        If the file carries this owner's mark with another policy, unless `remark`.
    IncompleteAudioError
        If the file proves that a part of it is missing, unless `partial`.
    AudioFileError
        If the original cannot be read, the new file cannot be written, or the mark is not found
        in it where it must be.
    MissingExtraError
        If the format needs PyAV and that is not installed.

    Notes
    -----
    Costs a `check` more than the encoding alone: docs/measurements.md.
    """
    source = Path(src)
    job = _Job(
        notice=notice,
        strength_db=strength_db,
        phase_s=phase_s,
        seal_key=seal_key,
        remark=remark,
        partial=partial,
        prove=prove,
        progress=progress,
    )
    infos = _choose_tracks(source, track, partial=partial)
    target = choose_target(source, dst, infos[0], in_place=in_place, partial=partial)
    is_converted = target.suffix.lower() != source.suffix.lower() and not in_place
    warnings = _foretell(source, infos[0], keep_all=keep_all, is_converted=is_converted)
    original = source.resolve()
    try:
        with atomic_path(
            target,
            keep=original if in_place else None,
            mode_from=None if in_place else original,
        ) as temporary:
            encoded, statuses = _encode(source, temporary, infos, job)
            status = _sum_up(statuses)
            marked_s = 0.0
            if status != "marked":
                if in_place:
                    raise _LeftAloneError
                shutil.copyfile(source, temporary)
            else:
                if not is_converted:
                    warnings += carry_over(source, temporary, infos[0])
                marked_s = _prove(source, temporary, encoded, statuses, job)
    except _LeftAloneError:
        pass
    return _report(source, target, status, encoded, infos[0], marked_s, warnings)


class _LeftAloneError(Exception):
    """Nothing is to be written."""


def _choose_tracks(source: Path, track: int | None, *, partial: bool) -> list[AudioInfo]:
    """Return what is known of the tracks to be marked, or refuse the file."""
    with open_audio(source, partial=partial) as file:
        file.check_whole()
        parts, infos = file.parts, [file.info]
    if len(parts) > 1 and parts[0].stream < 0:
        names = ", ".join(part.name for part in parts)
        raise UnsupportedFormatError(
            f"is {len(parts)} recordings of different rates or channels joined into one ({names})",
            path=str(source),
            remedy="Split it, and protect each by itself.",
        )
    if track is not None and not 1 <= track <= len(parts):
        raise ParameterError(
            f"{source} has no track {track}", remedy=f"It has {len(parts)} audio tracks."
        )
    wanted = range(len(parts)) if track is None else [track - 1]
    for part in wanted:
        if part:
            with open_audio(source, part=part, partial=partial) as file:
                infos.append(file.info)
    return infos if 0 in wanted else infos[1:]


def _foretell(
    source: Path, info: AudioInfo, *, keep_all: bool, is_converted: bool
) -> list[str]:
    """Return what is said before anything is written; refuse where all must be kept."""
    lines = []
    if is_lossy(info) and not is_converted:
        lines.append(f"{info.subtype} is lossy: the audio was encoded once more, at no lower rate")
    if is_converted:
        lost, dropped = ("its tags and whatever else is not sound",), ()
    else:
        keeping = plan_keeping(source, info)
        lost, dropped = keeping.lost, keeping.dropped
    if lost and keep_all:
        raise UnsupportedFormatError(
            f"would lose {', '.join(lost)}",
            path=str(source),
            remedy="Allow that, or choose another format.",
        )
    lines += [f"lost: {', '.join(lost)}"] if lost else []
    return [*lines, *([f"left out: {', '.join(dropped)}"] if dropped else [])]


def _encode(
    source: Path, temporary: Path, infos: list[AudioInfo], job: _Job
) -> tuple[list[Encoded], list[Status]]:
    """Write the marked file, and say what became of each track."""
    if infos[0].n_tracks == 1 or temporary.suffix.lower() != source.suffix.lower():
        if len(infos) > 1:
            raise UnsupportedFormatError(
                f"has {len(infos)} audio tracks, which this format cannot hold",
                path=str(source),
                remedy="Choose one of them.",
            )
        encoded = [_encode_better(source, temporary, infos[0], job)]
        return encoded, [_settle(source, encoded[0], job)]
    files: dict[int, Path] = {}
    encoded, statuses = [], []
    try:
        for number, info in enumerate(infos):
            file = track_path(temporary)
            with open_audio(source, part=info.track, partial=job.partial) as opened:
                stream = opened.parts[info.track].stream
            files[stream] = file
            writer = open_track_writer(file, info)
            encoded.append(_encode_once(source, writer, info, job, number / len(infos)))
            statuses.append(_settle(source, encoded[-1], job))
            if statuses[-1] != "marked":
                files.pop(stream).unlink(missing_ok=True)
        if files:
            mux_tracks(source, files, temporary)
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)
    return encoded, statuses


def _encode_better(source: Path, temporary: Path, info: AudioInfo, job: _Job) -> Encoded:
    """Encode; a lossy file again, better, until it is no smaller than the old one."""
    for boost in _BOOSTS:
        writer = open_writer(temporary, info, boost=boost)
        encoded = _encode_once(source, writer, info, job, 0.0)
        is_converted = temporary.suffix.lower() != source.suffix.lower()
        enough = temporary.stat().st_size >= 0.97 * info.n_bytes
        if enough or is_converted or job.partial or not is_lossy(info) or info.bit_rate:
            break
    return encoded


def _encode_once(
    source: Path, writer: SampleWriter, info: AudioInfo, job: _Job, begun: float
) -> Encoded:
    protector = Protector(
        sr=info.sr,
        notice=job.notice,
        strength_db=job.strength_db,
        phase_s=job.phase_s,
        seal_key=job.seal_key,
    )
    listener = Listener(sr=info.sr)
    try:
        with open_audio(source, part=info.track, partial=job.partial) as file:
            waiting: deque[Audio] = deque()
            for block in file.blocks(_BLOCK_S):
                listener.listen(block)
                waiting.append(block)
                _write_ready(writer, protector.process(block), waiting)
                if info.n_frames:
                    share = min(listener.n_samples / info.n_frames, 1.0)
                    job.tell(_ENCODING_SHARE * (begun + share * (1.0 - begun)))
            end = np.empty((info.n_channels, 0), dtype=file.dtype)
            _write_ready(writer, protector.process(end, last=True), waiting)
            notes = file.notes
    finally:
        writer.close()
    return Encoded(
        part=info.track,
        sr=info.sr,
        n_channels=info.n_channels,
        n_samples=listener.n_samples,
        sounding_s=listener.sounding_s,
        loud_s=listener.loud_s,
        before=listener.finish(),
        limited_s=protector.limited_s,
        notes=notes,
    )


def _write_ready(writer: SampleWriter, marked: Audio, waiting: deque[Audio]) -> None:
    """Write marked samples together with the original ones that they were made from."""
    if marked.shape[1] == 0:
        return
    original = np.concatenate(list(waiting), axis=1)
    waiting.clear()
    waiting.append(original[:, marked.shape[1] :])
    writer.write(marked, original[:, : marked.shape[1]])


def _settle(source: Path, encoded: Encoded, job: _Job) -> Status:
    """Return whether a track needs the mark at all; refuse where its owner said otherwise."""
    if encoded.sounding_s == 0.0:
        return "silent"
    if job.remark:
        return "marked"
    notice = job.notice
    for voice in encoded.before.voices:
        own = voice.notice
        if own and own.owner_id == notice.owner_id != 0 and own.policy != notice.policy:
            raise OtherPolicyError(
                "carries your mark already, with another policy",
                path=str(source),
                remedy="Protect the original again; a second mark would not lift the first, and"
                " both refusals would count.",
                policy=own.policy,
            )
    is_covered = covered_s(encoded.before, notice) >= _COVERED * encoded.sounding_s
    return "already" if is_covered else "marked"


def _sum_up(statuses: list[Status]) -> Status:
    if "marked" in statuses:
        return "marked"
    return "already" if "already" in statuses else "silent"


def _prove(
    source: Path,
    temporary: Path,
    encoded: list[Encoded],
    statuses: list[Status],
    job: _Job,
) -> float:
    """Read every new track back; return the seconds that carry the mark where they are fewest."""
    with open_audio(temporary) as file:
        parts, subtype_info = file.parts, file.info
    marked_s = []
    for number, (track, status) in enumerate(zip(encoded, statuses, strict=True)):
        if status != "marked":
            continue

        def tell(share: float, number: int = number) -> None:
            done = (number + share) / len(encoded)
            job.tell(_ENCODING_SHARE + (1.0 - _ENCODING_SHARE) * done)

        seconds = prove(
            temporary,
            track,
            job.notice,
            path=str(source),
            part=track.part if len(parts) > 1 else 0,
            is_lossy=is_lossy(subtype_info),
            progress=tell,
            detects=job.prove,
        )
        marked_s.append(seconds)
    job.tell(1.0)
    return min(marked_s)


def _report(
    source: Path,
    target: Path,
    status: Status,
    encoded: list[Encoded],
    info: AudioInfo,
    marked_s: float,
    warnings: list[str],
) -> Protected:
    first = encoded[0]
    duration_s = first.n_samples / first.sr
    notes = list(dict.fromkeys(note for one in encoded for note in one.notes))
    lines = notes + (warnings if status == "marked" else [])
    if status == "marked":
        lines += _weigh(duration_s, marked_s, min(one.sounding_s for one in encoded))
    return Protected(
        source=str(source),
        path=str(target),
        status=status,
        duration_s=duration_s,
        marked_s=round(marked_s, 2),
        sr=info.sr,
        n_channels=info.n_channels,
        format=info.format,
        subtype=info.subtype,
        n_tracks=len(encoded),
        limited_s=round(max(one.limited_s for one in encoded), 3),
        warnings=tuple(lines),
    )


def _weigh(duration_s: float, marked_s: float, sounding_s: float) -> list[str]:
    if duration_s < _SHORT_S:
        return [
            f"only {duration_s:.1f} s long: a check of this file alone may not find"
            f" the mark, which takes {_SHORT_S:.0f} s of speech"
        ]
    if marked_s < _TOLD * sounding_s:
        return [f"the mark can be found in {marked_s:.1f} of {sounding_s:.1f} s of sound"]
    return []
