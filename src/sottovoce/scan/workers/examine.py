"""`examine`: from one recording to its finding, whatever the bytes are; it never raises.

It runs in a separate process, which may still die: decoders are C, and bytes are hostile.
`sottovoce.scan.workers.pool` handles the death of that process.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.files.checking import CheckedPart, combine, pay_for_parts
from sottovoce.files.digests import hash_file, pcm_sha256
from sottovoce.files.listening import Listener
from sottovoce.files.reading import OpenAudio, open_parts
from sottovoce.scan.faults import cause_of
from sottovoce.scan.finding import TOO_MUCH_MEMORY, Finding, Status
from sottovoce.scan.search import Search
from sottovoce.scan.workers.fetch import fetch

if TYPE_CHECKING:
    from sottovoce.core.results import Detection
    from sottovoce.files.audio_info import AudioInfo
    from sottovoce.scan.faults import Cause
    from sottovoce.scan.limits import Limits
    from sottovoce.scan.recording import Recording

__all__ = ["ENOUGH_S", "examine", "tell_failure"]

_logger = logging.getLogger(__name__)

ENOUGH_S = 5.0
"""Seconds of sound from which *clean* is reported: marks on clean speech of that length are found
nearly always (`docs/measurements.md`); shorter recordings are *undetermined*."""
_BLOCK_S = 10.24
_MOST_EVIDENCE = 200


def examine(recording: Recording, *, limits: Limits, search: Search | None = None) -> Finding:
    """Look for marks in one recording.

    Parameters
    ----------
    recording : Recording
        The recording.
    limits : Limits
        What it may cost.
    search : Search or None
        What to look for; None looks for marks at their own speed.

    Returns
    -------
    finding : Finding
        Result; its status says what went wrong, if anything.
    """
    try:
        return _examine(recording, limits, search or Search())
    except SottovoceError as err:
        return tell_failure(recording, err)
    except MemoryError:
        remedy = "Allow it more memory, or check the file on its own: sottovoce check FILE"
        return _fail(recording, "error", TOO_MUCH_MEMORY, remedy, cause="too much")
    except Exception as err:  # a scan of a million files must continue
        _logger.exception("%s", recording.id)
        return _fail(recording, "error", f"unexpected error: {err!r}"[:500], "")


def tell_failure(recording: Recording, err: SottovoceError) -> Finding:
    """Return the finding for a recording that could not be read."""
    is_other = isinstance(err, UnsupportedFormatError | MissingExtraError)
    status: Status = "unsupported" if is_other else "error"
    message = str(err)
    if isinstance(err, AudioFileError):
        message = err.without_path(recording.id, getattr(recording.place, "url", ""))
    return _fail(recording, status, message, err.remedy, cause=cause_of(err))


def _fail(
    recording: Recording, status: Status, message: str, remedy: str, *, cause: Cause = ""
) -> Finding:
    return Finding(
        id=recording.id,
        status=status,
        message=message,
        remedy=remedy,
        cause=cause,
        groups=recording.groups,
    )


def _examine(recording: Recording, limits: Limits, search: Search) -> Finding:
    source = fetch(recording.place, most_bytes=limits.bytes)
    path, data = (source, None) if isinstance(source, str) else (recording.id, source)
    looks: list[_Look] = []
    began_s, time_s = time.monotonic(), limits.time_for(recording)
    for file in open_parts(path, data=data):
        if file.info.n_channels > limits.channels:
            raise UnsupportedFormatError(f"has {file.info.n_channels} channels")
        looks.append(_look(file, limits, time_s, began_s, search))
    finding = _conclude(recording, looks)
    finding = _add_seals(finding, path, data, search)
    if not finding.marked:
        return finding
    # By these a grant may list it; what is found does not depend on them.
    own = hash_file(path) if data is None else hashlib.sha256(data).hexdigest()
    # Reading it again takes no longer than examining it did; the process must not be killed for it.
    has_time = time.monotonic() - began_s < 0.4 * time_s
    sound = _hash_sound(path, data) if has_time and not finding.message else ""
    return dataclasses.replace(finding, sha256=own, pcm_sha256=sound)


def _add_seals(finding: Finding, path: str, data: bytes | None, search: Search) -> Finding:
    """Search a recording that was read to its end for seals, unless it names one of their owners.

    Whoever has removed a mark may have written one of their own.
    """
    owners = {owner_id for owner_id, _ in search.seal_keys}
    was_cut = finding.unread or finding.message
    if was_cut or not owners or owners & set(finding.owner_ids):
        return finding
    from sottovoce.files.seal_finding import find_seals

    found = find_seals(path, dict(search.seal_keys), data=data, thorough=search.thorough)
    best = {one.owner_id: one for one in reversed(found)}  # the likeliest of its tracks
    seals = tuple(
        {"owner_id": owner_id, "track": one.track, **one.match.to_dict()}
        for owner_id, one in sorted(best.items())
    )
    return dataclasses.replace(finding, seals=seals)


def _hash_sound(path: str, data: bytes | None) -> str:
    """Return the digest of the sound of a marked recording; empty if it cannot be read again."""
    try:
        return pcm_sha256(path, data=data)
    except SottovoceError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Result of examining one track."""

    info: AudioInfo
    part: CheckedPart
    cut: tuple[str, str]


def _look(file: OpenAudio, limits: Limits, time_s: float, began_s: float, search: Search) -> _Look:
    # The tracks of a file share its allowed false-alarm probability.
    n_parts = len(file.parts)
    listener = Listener(
        sr=file.info.sr, max_fpr=FOUND_FPR / n_parts, thorough=search.thorough, keep_cells=True
    )
    cut = _listen(file, listener, limits, time_s, began_s)
    detection = pay_for_parts(listener.finish(), n_parts)
    own = file.parts[file.info.track]
    part = CheckedPart(
        name=own.name,
        detection=detection,
        sounding_s=listener.sounding_s,
        is_joined=own.stream < 0,
    )
    return _Look(info=file.info, part=part, cut=cut)


def _listen(
    file: OpenAudio, listener: Listener, limits: Limits, time_s: float, began_s: float
) -> tuple[str, str]:
    """Process the audio to its end, or return why not."""
    info = file.info
    try:
        for block in file.blocks(_BLOCK_S):
            listener.listen(block)
            if listener.duration_s >= limits.seconds and (
                not info.n_frames or listener.n_samples < info.n_frames
            ):
                return f"only the first {limits.seconds / 3600:.1f} hours were read", ""
            # Before the process would be killed from outside, and everything lost.
            if time.monotonic() - began_s > 0.8 * time_s:
                return f"not read to the end within {time_s:.0f} s", "Allow it more time."
    except AudioFileError as err:
        if listener.n_samples == 0:
            raise
        return err.without_path(info.path), err.remedy
    return "", ""


def _conclude(recording: Recording, looks: list[_Look]) -> Finding:
    info = looks[0].info
    detection = combine([look.part for look in looks])
    # As `combine` does with the length: tracks play together, joined files follow each other.
    sounding_s = [look.part.sounding_s for look in looks]
    sound_s = sum(sounding_s) if looks[0].part.is_joined else max(sounding_s)
    message, remedy = next((look.cut for look in looks if look.cut[0]), ("", ""))
    voices = _describe_voices(looks)
    is_read = all(voice["notice"] is not None for voice, _ in voices)
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
        voices=tuple(voice for voice, _ in voices),
        cells=() if is_read else tuple(cells for _, cells in voices),
        n_more_voices=detection.n_more_voices,
        tracks=tuple(_describe_track(look) for look in looks) if len(looks) > 1 else (),
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


def _describe_voices(looks: list[_Look]) -> list[tuple[dict[str, Any], str]]:
    """Return the fields and the cells of each voice, strongest first."""
    described = []
    for look in looks:
        of_track = {"track": look.part.name} if len(looks) > 1 else {}
        for voice in look.part.detection.voices:
            step = -(-len(voice.evidence) // _MOST_EVIDENCE) or 1
            points = [[round(t, 2), round(z, 2)] for t, z in voice.evidence[::step]]
            fields = voice.to_dict()
            del fields["payload"]  # its former name
            kept = b"" if voice.cells is None else voice.cells.to_bytes()
            cells = base64.b64encode(kept).decode("ascii")
            described.append(({**fields, "evidence": points, **of_track}, cells))
    return sorted(described, key=lambda one: one[0]["log10_p"])


def _describe_track(look: _Look) -> dict[str, Any]:
    detection, sound_s = look.part.detection, look.part.sounding_s
    notices = [voice.notice for voice in detection.voices if voice.notice is not None]
    return {
        "name": look.part.name,
        "status": _choose_status(detection, sound_s=sound_s, cut=bool(look.cut[0])),
        "log10_p": round(detection.log10_p, 4),
        "seconds": round(detection.duration_s, 3),
        "sound_s": round(sound_s, 3),
        "owner_ids": sorted({notice.owner_id for notice in notices}),
    }
