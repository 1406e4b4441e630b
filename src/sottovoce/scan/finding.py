"""`Finding`: what a scan says about one recording, and the words for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "UNREAD", "Finding", "Status"]

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
UNREAD: frozenset[Status] = frozenset({"partial", "error", "timeout", "crashed", "unsupported"})
"""Statuses of recordings that were not read to their end: nothing is known of them."""


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
        As `sottovoce.Voice.to_dict` gives them, strongest first.
    message, remedy : str
        What went wrong, and what helps; empty where nothing did.
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
    message: str = ""
    remedy: str = ""
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """Whether the recording must not be trained on."""
        return self.status == "marked"

    @property
    def unread(self) -> bool:
        """Whether the recording was not read to its end, so that nothing is known of the rest."""
        return self.status in UNREAD

    @property
    def owner_ids(self) -> tuple[int, ...]:
        """Owners whose payload was read, in ascending order; 0 is an anonymous one."""
        return tuple(sorted({payload["owner_id"] for payload in self._payloads()}))

    @property
    def policies(self) -> tuple[int, ...]:
        """Policies that were read, in ascending order."""
        return tuple(sorted({payload["policy"] for payload in self._payloads()}))

    def _payloads(self) -> list[Mapping[str, int]]:
        return [voice["payload"] for voice in self.voices if voice["payload"] is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **fields,
            "voices": [dict(voice) for voice in self.voices],
            "groups": dict(self.groups),
            "owner_ids": list(self.owner_ids),
            "policies": list(self.policies),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_dict` was called on."""
        own = {field.name: fields[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**own, "voices": tuple(own["voices"])})
