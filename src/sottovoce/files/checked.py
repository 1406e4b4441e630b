"""`CheckedFile`: what was found in one file, as the command and the page report it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.seal import heed_payload
from sottovoce.errors import NoSoundError
from sottovoce.files.checking import combine, detect_nothing, detect_parts
from sottovoce.files.notices import make_voice

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.core.seal import SealMatch
    from sottovoce.files.checking import CheckedPart
    from sottovoce.files.seal_finding import FoundSeal

__all__ = ["ENOUGH_S", "CheckedFile", "check_file"]

_SHARE = 0.1
"""Of the time, if seals are searched for: that of the public mark."""
ENOUGH_S = 5.0
"""Clean speech in which a mark is nearly always found; for less, the answer says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """What was found in one file: in each of its tracks, and together.

    Attributes
    ----------
    parts : tuple of CheckedPart
        Its tracks; empty for a film without a sound track.
    detection : Detection
        The result for all of them.
    searched : tuple of FoundSeal
        The best of each owner and track without the public mark, however unlikely, likeliest first;
        empty unless it was looked for them.
    """

    parts: tuple[CheckedPart, ...]
    detection: Detection
    searched: tuple[FoundSeal, ...] = ()

    @property
    def seals(self) -> tuple[FoundSeal, ...]:
        """Those of `searched` that chance does not explain."""
        return tuple(one for one in self.searched if one.match.is_likely)

    def seals_of(self, owner_id: int) -> list[SealMatch]:
        """Return the seals of the voices that name an owner."""
        return [
            voice.seal
            for voice in self.detection.voices
            if voice.notice is not None
            and voice.notice.owner_id == owner_id
            and voice.seal is not None
        ]

    @property
    def seal(self) -> tuple[int, SealMatch] | None:
        """The best seal that holds, and its owner: of a voice, or found without a public mark."""
        held = [
            (voice.notice.owner_id, voice.seal)
            for voice in self.detection.voices
            if voice.notice is not None and voice.seal is not None and voice.seal.holds
        ]
        held += [(one.owner_id, one.match) for one in self.seals if one.match.holds]
        return min(held, key=lambda one: one[1].log10_p, default=None)

    @property
    def is_long_enough(self) -> bool:
        """Whether a mark at the right speed would probably have been found."""
        return any(part.sounding_s >= ENOUGH_S for part in self.parts)

    def to_dict(self, own: Mapping[int, str]) -> dict[str, Any]:
        """Return the fields for JSON; docs/json.md says what they mean.

        Parameters
        ----------
        own : mapping of int to str
            Names of the user's identities by their owner ids.
        """
        fields = {**self.detection.to_dict(), "voices": []}
        for part in self.parts:
            for voice in part.detection.voices:
                yours = None if voice.notice is None else own.get(voice.notice.owner_id)
                told = {**make_voice(voice), "yours": yours}
                fields["voices"].append({**told, "track": part.name} if part.name else told)
        if (seal := self.seal) is not None:
            owner_id, match = seal
            named = {"owner_id": owner_id, "owner": format_owner_id(owner_id)}
            fields["seal"] = {**match.to_dict(), **named, "yours": own.get(owner_id)}
        if any(part.name for part in self.parts):
            fields["tracks"] = [
                {"track": part.name, "found": part.detection.found} for part in self.parts
            ]
        if not self.parts:
            fields["notes"] = ["has no sound track"]
        if notes := list(dict.fromkeys(note for part in self.parts for note in part.notes)):
            fields["notes"] = notes
        return fields


def check_file(
    path: str | os.PathLike[str],
    *,
    thorough: bool = False,
    known: Sequence[Notice] = (),
    seal_keys: Mapping[int, bytes] | None = None,
    search_seals: bool = False,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> CheckedFile:
    """Detect marks in each track of a file, and in the whole; a film may have no sound track.

    Parameters
    ----------
    path, thorough, known, partial, progress
        As for `sottovoce.files.detect_parts`.
    seal_keys : mapping of int to bytes, or None
        Seal keys by owner ids: voices that name one of these owners are tested for the seal.
    search_seals : bool
        Whether to look for all of these seals where no voice has one that holds, with no help from
        the public mark: up to a third of the length of the sound for each, and with `thorough` 25
        times as long.

    Returns
    -------
    checked : CheckedFile
        The result.
    """
    search_seals = search_seals and bool(seal_keys)
    try:
        parts = detect_parts(
            path,
            thorough=thorough,
            known=known,
            seal_key=seal_keys,
            partial=partial,
            progress=_scale(progress, 0.0, _SHARE) if search_seals else progress,
        )
    except NoSoundError:
        return CheckedFile(parts=(), detection=detect_nothing())
    checked = CheckedFile(parts=parts, detection=combine(parts))
    if not search_seals or seal_keys is None or checked.seal is not None:
        return checked
    # NumPy only; but what is not asked for is not imported.
    from sottovoce.files.seal_finding import find_seals

    searched = find_seals(
        path,
        seal_keys,
        thorough=thorough,
        partial=partial,
        progress=_scale(progress, _SHARE, 1.0),
    )
    heeded = tuple(
        dataclasses.replace(one, match=heed_payload(one.match, checked.seals_of(one.owner_id)))
        for one in searched
    )
    return dataclasses.replace(checked, searched=heeded)


def _scale(
    progress: Callable[[float], None] | None, begin: float, end: float
) -> Callable[[float], None] | None:
    """Return what tells the progress of one of two steps."""
    if progress is None:
        return None
    return lambda share: progress(begin + share * (end - begin))
