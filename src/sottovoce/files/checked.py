"""`CheckedFile`: what was found in one file, as the command and the page report it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.errors import NoSoundError
from sottovoce.files.checking import combine, detect_nothing, detect_parts
from sottovoce.files.notices import make_voice

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.files.checking import CheckedPart

__all__ = ["ENOUGH_S", "CheckedFile", "check_file"]

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
    """

    parts: tuple[CheckedPart, ...]
    detection: Detection

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
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> CheckedFile:
    """Detect marks in each track of a file, and in the whole; a film may have no sound track.

    Parameters
    ----------
    path, thorough, known, partial, progress
        As for `sottovoce.files.detect_parts`.

    Returns
    -------
    checked : CheckedFile
        The result.
    """
    try:
        parts = detect_parts(
            path, thorough=thorough, known=known, partial=partial, progress=progress
        )
    except NoSoundError:
        return CheckedFile(parts=(), detection=detect_nothing())
    return CheckedFile(parts=parts, detection=combine(parts))
