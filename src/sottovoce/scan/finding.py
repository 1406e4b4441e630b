"""`Finding`: what a scan says about one recording, and the terms used for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from sottovoce.core.policy import Use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sottovoce.scan.faults import Cause

__all__ = [
    "STATUSES",
    "TOO_MUCH_MEMORY",
    "TRAINING",
    "UNREAD",
    "Finding",
    "Status",
    "Training",
    "notice_of",
    "refused_statuses",
]

Status = Literal[
    "marked",
    "suspected",
    "clean",
    "undetermined",
    "partial",
    "error",
    "timeout",
    "crashed",
    "unsupported",
]
STATUSES: tuple[Status, ...] = get_args(Status)
TOO_MUCH_MEMORY = "exceeded the memory limit"
"""Message for anything that exhausts the memory of the process that reads it."""
UNREAD: frozenset[Status] = frozenset({"partial", "error", "timeout", "crashed", "unsupported"})
"""Statuses of recordings that were not read to their end, so that the rest is unknown."""

Training = Literal["refused", "refused in part", "not readable", "not named"]
TRAINING: tuple[Training, ...] = get_args(Training)
"""What marks say about training models: see `Finding.training`."""
_TRAINING = Use.TRAIN_GENERATIVE | Use.TRAIN_OTHER


def refused_statuses(*, strict: bool) -> tuple[Status, ...]:
    """Return the statuses of recordings that must not be trained on.

    Parameters
    ----------
    strict : bool
        Whether suspected recordings, and those not read to their end, are refused too.
    """
    return ("marked", "suspected", *sorted(UNREAD)) if strict else ("marked",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one recording.

    Attributes
    ----------
    id : str
        Id of the recording in its source; unique in a scan.
    status : str
        *marked*: a mark was found, p at most 1e-6.  *suspected*: p at most 1e-3, which is not
        a finding.  *clean*: read to its end, long enough to tell, and no mark found.
        *undetermined*: no mark found, but too short or too quiet to tell.  *partial*: no mark
        found in the readable part.  *error*, *timeout*, *crashed*, *unsupported*: not read.
    log10_p : float or None
        Base-10 logarithm of the p-value of the whole recording; None if nothing was read.
    log10_e : float or None
        Base-10 logarithm of the e-value, for pooling; None if nothing was read.
    score : float or None
        The best score.
    seconds : float
        Length of the audio that was read.
    sound_s : float
        Seconds of it in which there was sound.
    sr, n_channels : int
        Sampling rate, in Hz, and number of channels; 0 if nothing was read.
    format : str
        Container and sample format, such as ``"FLAC PCM_16"``.
    voices : tuple of mapping
        As `sottovoce.Voice.to_dict` returns them, strongest first; in a file with several
        tracks, each also with the name of its track, ``"track"``.
    n_more_voices : int
        Upper bound on the number of further voices, about which nothing else is known.
    tracks : tuple of mapping
        For a file with several tracks, one for each: its name, its result on its own
        (``"status"``, ``"log10_p"``, ``"seconds"``, ``"sound_s"``) and its ``"owner_ids"``.  The
        finding is for all of them together: marked if any of them is.
    cells : tuple of str
        For each voice, if it was not read, its `sottovoce.SoftCells` as base64, so that known
        payloads can be tested later without the audio; empty for one that was read.
    sha256, pcm_sha256 : str
        SHA-256 of the bytes of a marked recording, and of its sound as
        `sottovoce.files.digests.pcm_sha256` returns it; else empty.
    seals : tuple of mapping
        If seals were searched for and no mark names one of their owners: the best hypothesis of
        each owner, however unlikely, as `SealMatch.to_dict` with ``"owner_id"`` and ``"track"``.
    message, remedy : str
        What went wrong, and how to fix it; empty if nothing went wrong.
    cause : str
        Machine-readable cause of a failure: see `sottovoce.scan.faults.Cause`.
    groups : mapping of str to str
        Groups that the recording belongs to: its folder, shard, speaker and so on.
    """

    id: str
    status: Status
    log10_p: float | None = None
    log10_e: float | None = None
    score: float | None = None
    seconds: float = 0.0
    sound_s: float = 0.0
    sr: int = 0
    n_channels: int = 0
    format: str = ""
    voices: tuple[Mapping[str, Any], ...] = ()
    n_more_voices: int = 0
    tracks: tuple[Mapping[str, Any], ...] = ()
    cells: tuple[str, ...] = ()
    sha256: str = ""
    pcm_sha256: str = ""
    seals: tuple[Mapping[str, Any], ...] = ()
    message: str = ""
    remedy: str = ""
    cause: Cause = ""
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """Whether a mark was found, so that the recording must not be trained on.

        This holds whatever the policy names: a use that it does not name is not thereby allowed.
        """
        return self.status == "marked"

    @property
    def unread(self) -> bool:
        """Whether the recording was not read to its end, so that the rest is unknown."""
        return self.status in UNREAD

    @property
    def owner_ids(self) -> tuple[int, ...]:
        """Owner ids that were read, in ascending order; 0 is anonymous."""
        return tuple(sorted({notice["owner_id"] for notice in self._notices()}))

    @property
    def policies(self) -> tuple[int, ...]:
        """Policies that were read, in ascending order."""
        return tuple(sorted({notice["policy"] for notice in self._notices()}))

    @property
    def training(self) -> Training | None:
        """What the marks in the recording say about training models; None if there is no mark.

        *refused*: training any model.  *refused in part*: only generative models, or only others.
        *not readable*: at least one mark was not read, and none that was read refuses training;
        to be treated as refusing it.  *not named*: every mark was read, and they refuse only
        other uses.  The refusals of several voices add up.
        """
        if not self.marked:
            return None
        refused = Use(0)
        for notice in self._notices():
            refused |= _TRAINING & notice["policy"]
        if refused:
            return "refused" if refused == _TRAINING else "refused in part"
        # If no voice could be followed, nothing was read either.
        all_read = self.voices and all(notice_of(voice) is not None for voice in self.voices)
        return "not named" if all_read else "not readable"

    def _notices(self) -> list[Mapping[str, int]]:
        return [notice for voice in self.voices if (notice := notice_of(voice)) is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            **{name: getattr(self, name) for name in _NAMES},
            "voices": [dict(voice) for voice in self.voices],
            "tracks": [dict(track) for track in self.tracks],
            "cells": list(self.cells),
            "seals": [dict(seal) for seal in self.seals],
            "groups": dict(self.groups),
            "owner_ids": list(self.owner_ids),
            "policies": list(self.policies),
            "training": self.training,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Finding:
        """Return a finding from the result of `to_dict`, also from an older release."""
        own = {name: fields[name] for name in _NAMES if name in fields}
        for name in ("voices", "tracks", "cells", "seals"):
            own[name] = tuple(own.get(name, ()))
        return cls(**own)


def notice_of(voice: Mapping[str, Any]) -> Mapping[str, int] | None:
    """Return the notice in the mark of a voice of a finding; None if it was not read."""
    # Older ledgers call it the payload.
    notice: Mapping[str, int] | None = voice["notice"] if "notice" in voice else voice["payload"]
    return notice


# Looked up once: ledgers have millions of rows.
_NAMES = tuple(field.name for field in dataclasses.fields(Finding))
