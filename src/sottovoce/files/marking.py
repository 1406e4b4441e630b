"""Encode marked tracks like their originals, and decide which ones need no mark."""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.protector import Protector
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import OtherPolicyError, UnsupportedFormatError
from sottovoce.files.coverage import covered_s, is_covered
from sottovoce.files.listening import Listener
from sottovoce.files.muxing import ContainerWriter, mux_tracks, track_path
from sottovoce.files.proof import Encoded
from sottovoce.files.reading import open_audio
from sottovoce.files.space import estimate_duration_s
from sottovoce.files.target import is_other_format
from sottovoce.files.track_description import describe_track
from sottovoce.files.track_writer import open_track_writer
from sottovoce.files.writing import SampleWriter, is_lossy, open_writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.files.audio_info import AudioInfo

__all__ = [
    "COPYING_SHARE",
    "ENCODING_SHARE",
    "MarkingJob",
    "Status",
    "Written",
    "WrittenTrack",
    "encode_tracks",
]

ENCODING_SHARE = 0.55
COPYING_SHARE = 0.05
"""Share of the work on a file; the rest is its proof."""
_BLOCK_S = 10.0
_BOOSTS = (0.0, 0.15, 0.3, 1.0)
_APART_S = 0.04
"""From 24 ms on two marks were both found; within 16 ms often only one of them was."""

Audio = npt.NDArray[np.floating[Any]]
Status = Literal["marked", "already", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingJob:
    """The arguments of `protect_file`."""

    notice: Notice
    strength_db: float
    phase_s: float | None
    seal_key: bytes | None
    remark: bool
    partial: bool
    prove: bool
    progress: Callable[[float], None] | None

    def tell(self, share: float) -> None:
        """Report how much of the file is done, 0 to 1."""
        if self.progress:
            self.progress(share)

    def tell_copy(self, share: float) -> None:
        """Report how much of the other streams is copied, 0 to 1."""
        self.tell(ENCODING_SHARE + COPYING_SHARE * share)


@dataclass(slots=True, kw_only=True)
class WrittenTrack:
    """The encoded track, its status, and the result of its proof.

    Attributes
    ----------
    encoded : Encoded
        The track as it was written.
    status : Status
        Its status.
    note : str
        A note for the user; may be empty.
    marked_s : float
        Seconds of the track, as it is in the new file, that carry the mark.
    """

    encoded: Encoded
    status: Status
    note: str = ""
    marked_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Written:
    """What was written, track by track, with messages for the user."""

    tracks: list[WrittenTrack]
    warnings: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The status of the file as a whole."""
        statuses = {track.status for track in self.tracks}
        if "marked" in statuses:
            return "marked"
        return "already" if "already" in statuses else "silent"


def encode_tracks(
    source: Path, temporary: Path, infos: list[AudioInfo], job: MarkingJob
) -> Written:
    """Write the marked file, and return the result for each track.

    Raises
    ------
    UnsupportedFormatError
        If there are several tracks, and the new file's format holds one.
    """
    if infos[0].n_tracks == 1 or is_other_format(source, temporary):
        if len(infos) > 1:
            raise UnsupportedFormatError(
                f"has {len(infos)} audio tracks, which this format cannot hold",
                path=str(source),
                remedy="Choose one of them.",
            )
        only = _encode_better(source, temporary, infos[0], job)
        return Written(tracks=[_settle(source, only, job)])
    files: dict[int, Path] = {}
    written = Written(tracks=[])
    try:
        for number, info in enumerate(infos):
            track = describe_track(info)
            file = files[track.index] = track_path(temporary)
            write = functools.partial(open_track_writer, file, info, track)
            begun, own = number / len(infos), 1.0 / len(infos)
            encoded = _encode_apart(source, write, info, job, begun, own)
            written.tracks.append(_settle(source, encoded, job))
            if written.tracks[-1].status != "marked":
                files.pop(track.index).unlink(missing_ok=True)
        if files:
            is_whole = all(info.is_whole for info in infos)
            mux_tracks(source, files, temporary, is_whole=is_whole, progress=job.tell_copy)
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)
    return written


def _encode_better(source: Path, temporary: Path, info: AudioInfo, job: MarkingJob) -> Encoded:
    """Encode; repeat a lossy file at higher quality until it is no smaller than the old one."""
    encoded = None
    for boost in _BOOSTS:
        write = functools.partial(_open_only, temporary, info, job, boost)
        encoded = _encode_apart(source, write, info, job)
        is_converted = is_other_format(source, temporary)
        enough = temporary.stat().st_size >= 0.97 * info.n_bytes
        if enough or is_converted or job.partial or not is_lossy(info) or info.bit_rate:
            break
    assert encoded is not None  # noqa: S101 - there is a first boost
    return encoded


def _open_only(temporary: Path, info: AudioInfo, job: MarkingJob, boost: float) -> SampleWriter:
    writer = open_writer(temporary, info, boost=boost)
    if isinstance(writer, ContainerWriter):
        writer.progress = job.tell_copy
    return writer


def _encode_apart(
    source: Path,
    write: Callable[[], SampleWriter],
    info: AudioInfo,
    job: MarkingJob,
    begun: float = 0.0,
    own: float = 1.0,
) -> Encoded:
    """Encode; once more if the mark happened to be in step with one that was there before.

    Two marks in step hide each other, and what a track carries is known only at its end.
    """
    encoded = _encode_once(source, write(), info, job, begun, own)
    if job.phase_s is not None:
        return encoded
    phase_s = _move_apart(encoded.phase_s, encoded.before)
    if phase_s == encoded.phase_s:
        return encoded
    again = replace(job, phase_s=phase_s, progress=None)  # which does not go back
    return _encode_once(source, write(), info, again, begun, own)


def _move_apart(phase_s: float, before: Detection) -> float:
    """Return a phase whose periods begin as far as can be from those of the marks before.

    That is the given one, unless it is too near.
    """
    if not before.voices:
        return phase_s
    period_s = FORMAT_1.period_s
    phases = phase_s + np.arange(0.0, period_s, _APART_S)
    distance = (phases[:, None] + [voice.offset_s for voice in before.voices]) % period_s
    nearest = np.minimum(distance, period_s - distance).min(axis=1)
    return phase_s if nearest[0] >= _APART_S else float(phases[np.argmax(nearest)])


def _encode_once(
    source: Path,
    writer: SampleWriter,
    info: AudioInfo,
    job: MarkingJob,
    begun: float,
    own: float,
) -> Encoded:
    protector = Protector(
        sr=info.sr,
        notice=job.notice,
        strength_db=job.strength_db,
        phase_s=job.phase_s,
        seal_key=job.seal_key,
    )
    listener = Listener(sr=info.sr)
    n_expected = round(estimate_duration_s(info) * info.sr)
    try:
        with open_audio(source, part=info.track, partial=job.partial) as file:
            waiting: deque[Audio] = deque()
            for block in file.blocks(_BLOCK_S):
                listener.listen(block)
                waiting.append(block)
                _write_ready(writer, protector.process(block), waiting)
                if n_expected:
                    share = min(listener.n_samples / n_expected, 1.0)
                    job.tell(ENCODING_SHARE * (begun + share * own))
            end = np.empty((info.n_channels, 0), dtype=file.dtype)
            _write_ready(writer, protector.process(end, last=True), waiting)
            notes, name = file.notes, file.parts[info.track].name
    finally:
        writer.close()
    before = listener.finish()
    return Encoded(
        part=info.track,
        name=name,
        sr=info.sr,
        n_channels=info.n_channels,
        n_samples=listener.n_samples,
        sounding_s=listener.sounding_s,
        loud_s=listener.loud_s,
        before=before,
        loudness=listener.loudness,
        limited_s=protector.limited_s,
        phase_s=protector.phase_s,
        notes=notes,
    )


def _write_ready(writer: SampleWriter, marked: Audio, waiting: deque[Audio]) -> None:
    """Write marked samples together with the original ones."""
    if marked.shape[1] == 0:
        return
    original = np.concatenate(list(waiting), axis=1)
    waiting.clear()
    waiting.append(original[:, marked.shape[1] :])
    writer.write(marked, original[:, : marked.shape[1]])


def _settle(source: Path, encoded: Encoded, job: MarkingJob) -> WrittenTrack:
    """Decide whether a track needs the mark; refuse if it carries another policy of its owner."""
    if encoded.sounding_s == 0.0:
        return WrittenTrack(encoded=encoded, status="silent")
    notice = job.notice
    others = _tell_others(encoded.before, notice)
    if job.remark:
        return WrittenTrack(encoded=encoded, status="marked", note=others)
    for voice in encoded.before.voices:
        own = voice.notice
        if own and own.owner_id == notice.owner_id != 0 and own.policy != notice.policy:
            raise OtherPolicyError(
                "already carries your mark, with another policy",
                path=str(source),
                remedy="Protect the original again; a second mark would not remove the first, and"
                " both refusals would apply.",
                policy=own.policy,
            )
    own_s = covered_s(encoded.before, notice)
    if is_covered(encoded.before, notice, encoded.loudness, sounding_s=encoded.sounding_s):
        return WrittenTrack(encoded=encoded, status="already", marked_s=own_s)
    note = (
        f"{own_s:.0f} of {encoded.duration_s:.0f} s already carried your mark; all of it was marked"
        " again"
        if own_s
        else others
    )
    return WrittenTrack(encoded=encoded, status="marked", note=note)


def _tell_others(before: Detection, notice: Notice) -> str:
    """Return the note on marks of other owners that the original carried; empty if none."""
    if not before.found:
        return ""
    notices = [voice.notice for voice in before.voices]
    whose = {
        _describe_mark(other)
        for other in notices
        if other is None or other.owner_id != notice.owner_id
    }
    if not whose:
        return ""
    stays = "stay" if len(whose) > 1 else "stays"
    return f"already carried {' and '.join(sorted(whose))}, which {stays} in it"


def _describe_mark(notice: Notice | None) -> str:
    if notice is None:
        return "a mark whose owner cannot be read"
    if not notice.owner_id:
        return "an anonymous mark"
    return f"the mark of {format_owner_id(notice.owner_id)}"
