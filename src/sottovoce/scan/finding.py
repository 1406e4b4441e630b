"""`Finding`: what a scan says about one recording, and the words for it."""

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
TOO_MUCH_MEMORY = "took more memory than it may"
"""What is said of what exhausts the memory of the process that reads it."""
UNREAD: frozenset[Status] = frozenset({"partial", "error", "timeout", "crashed", "unsupported"})
"""Statuses of recordings that were not read to their end: nothing is known of them."""

Training = Literal["refused", "refused in part", "not readable", "not named"]
TRAINING: tuple[Training, ...] = get_args(Training)
"""What marks say of training models: see `Finding.training`."""
_TRAINING = Use.TRAIN_GENERATIVE | Use.TRAIN_OTHER


def refused_statuses(*, strict: bool) -> tuple[Status, ...]:
    """Return the statuses of recordings that must not be trained on.

    Parameters
    ----------
    strict : bool
        Whether what is only suspected, or was not read to its end, is refused too.
    """
    return ("marked", "suspected", *sorted(UNREAD)) if strict else ("marked",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one recording.

    Attributes
    ----------
    id : str
        The recording, as its source calls it; unique in a scan.
    status : str
        *marked*: a mark was found, p at most 1e-6.  *suspected*: p at most 1e-3, which is no
        finding.  *clean*: read to its end, long enough to tell, and no mark found.
        *undetermined*: no mark found, but too short or too quiet to tell.  *partial*: no mark
        in the part that could be read.  *error*, *timeout*, *crashed*, *unsupported*: not read.
    log10_p : float or None
        Logarithm to base 10 of the p-value of the whole recording; None where nothing was read.
    log10_e : float or None
        Of the e-value, for pooling.
    score : float or None
        The best score.
    seconds : float
        Length of what was read.
    sound_s : float
        Seconds of it in which there was sound.
    sr, n_channels : int
        0 where nothing was read.
    format : str
        Container and how samples are stored, ``"FLAC PCM_16"``.
    voices : tuple of mapping
        As `sottovoce.Voice.to_dict` gives them, strongest first; of a file with several tracks
        each with the name of its own, ``"track"``.
    n_more_voices : int
        Voices beyond these, at most, of which only the number is known.
    tracks : tuple of mapping
        Of a file with several tracks, one for each: its name, what would be said of it alone
        (``"status"``, ``"log10_p"``, ``"seconds"``, ``"sound_s"``) and its ``"owner_ids"``.  The
        finding is that of all together: marked where one of them is.
    message, remedy : str
        What went wrong, and what helps; empty where nothing did.
    cause : str
        Of what went wrong, where programs must know it: see `sottovoce.scan.faults.Cause`.
    groups : mapping of str to str
        What the recording belongs to: its folder, shard, speaker and so on.
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
    message: str = ""
    remedy: str = ""
    cause: Cause = ""
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """Whether a mark was found, so that the recording must not be trained on.

        Whatever the mark's policy names: a use that it does not name is not allowed by that.
        """
        return self.status == "marked"

    @property
    def unread(self) -> bool:
        """Whether the recording was not read to its end, so that nothing is known of the rest."""
        return self.status in UNREAD

    @property
    def owner_ids(self) -> tuple[int, ...]:
        """Owners whose payload was read, in ascending order; 0 is an anonymous one."""
        return tuple(sorted({notice["owner_id"] for notice in self._notices()}))

    @property
    def policies(self) -> tuple[int, ...]:
        """Policies that were read, in ascending order."""
        return tuple(sorted({notice["policy"] for notice in self._notices()}))

    @property
    def training(self) -> Training | None:
        """What the marks in the recording say of training models; None where there is none.

        *refused*: of any model.  *refused in part*: of generative models only, or of others only.
        *not readable*: one mark at least was not read, and none that was read refuses training;
        to be treated as refusing it.  *not named*: every mark was read, and what they refuse are
        other uses.  The refusals of several voices add up.
        """
        if not self.marked:
            return None
        refused = Use(0)
        for notice in self._notices():
            refused |= _TRAINING & notice["policy"]
        if refused:
            return "refused" if refused == _TRAINING else "refused in part"
        # Where no voice could be followed nothing was read either.
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
            "groups": dict(self.groups),
            "owner_ids": list(self.owner_ids),
            "policies": list(self.policies),
            "training": self.training,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_dict` was called on, also by a release that knew less."""
        own = {name: fields[name] for name in _NAMES if name in fields}
        for name in ("voices", "tracks"):
            own[name] = tuple(own.get(name, ()))
        return cls(**own)


def notice_of(voice: Mapping[str, Any]) -> Mapping[str, int] | None:
    """Return what the mark of a voice says, as a finding has it; None where it was not read."""
    # Ledgers of before call it its payload.
    notice: Mapping[str, int] | None = voice["notice"] if "notice" in voice else voice["payload"]
    return notice


# Looked up once: ledgers have millions of rows.
_NAMES = tuple(field.name for field in dataclasses.fields(Finding))
