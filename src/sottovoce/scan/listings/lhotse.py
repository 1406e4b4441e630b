"""`LhotseSource`: Lhotse recordings and cuts, in lines, arrays or YAML."""

from __future__ import annotations

from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sottovoce.scan.listings.entries import Entry, RecordingRef, fail, groups_of
from sottovoce.scan.listings.manifest_fields import MOST_SOUNDS, recordings_in
from sottovoce.scan.listings.manifests import MOST_TRACKS, Manifest, cut_use
from sottovoce.scan.listings.shar import SharMembers
from sottovoce.scan.listings.sound_values import decode_sound
from sottovoce.scan.plain_text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LhotseSource"]

_NO_CUT: Mapping[str, Any] = MappingProxyType({})

_COMMAND = (
    "is a command, and commands in data are never executed",
    "If you trust it, run it yourself, save its output as a file, and name that file.",
)
_OTHER = ("is stored in an unsupported form", "Export its recordings as files.")


class LhotseSource(Manifest):
    """A Lhotse manifest of recordings or cuts.

    Parameters
    ----------
    name : str
        Path or address.
    options : SourceOptions
        How it is read; the fields to group by are those of the cut, of its first supervision, or
        custom fields of either.
    form : "lines", "document" or "whole"
        Whether there is an example in each line, in each part of one value, or one in the file.
    """

    _shar: SharMembers | None = None

    def _entry(self, raw: bytes, fields: dict[str, Any], line_id: str) -> Entry:
        uses: list[RecordingRef] = []
        if isinstance(fields.get("sources"), list):
            uses += self._uses(fields, line_id)
        else:
            for cut in _tracks(fields):
                uses += [
                    cut_use(use, cut.get("start"), cut.get("duration"))
                    for use in self._uses(cut.get("recording"), line_id, of=cut)
                ]
                # Targets, references, impulse responses: everything that belongs to the cut.
                for field, other in islice(_others(cut), MOST_SOUNDS):
                    uses += self._uses(other, line_id, of=cut, field=field)
            if isinstance(fields.get("tracks"), list):
                for other in islice(recordings_in(fields, but="tracks"), MOST_SOUNDS):
                    uses += self._uses(other, line_id)
        if not uses and fields.get("type") != "PaddingCut":
            uses = [fail(line_id, _OTHER[0], _OTHER[1], status="unsupported")]
        name = fields.get("id")
        return Entry(
            raw=raw,
            name=clean(name) if isinstance(name, str) and name else line_id,
            uses=tuple(uses),
            groups=groups_of(_describe(fields), group_by=self._group_by),
        )

    def _uses(
        self,
        recording: object,
        line_id: str,
        *,
        of: Mapping[str, Any] = _NO_CUT,
        field: str = "recording",
    ) -> list[RecordingRef]:
        """Return the files that a recording is made of: one, or one for each channel.

        Parameters
        ----------
        recording : object
            As in the manifest.
        line_id : str
            Id of the line, for a recording without an id.
        of : mapping
            The cut that it belongs to.
        field : str
            The field of the cut that it is in.
        """
        if not isinstance(recording, dict) or not isinstance(recording.get("sources"), list):
            return [fail(line_id, _OTHER[0], _OTHER[1], status="unsupported")]
        name = recording.get("id")
        known_as = f"{self.name}::{name}" if isinstance(name, str) and name else line_id
        uses = []
        for i, source in enumerate(recording["sources"][:MOST_TRACKS]):
            kind = source.get("type") if isinstance(source, dict) else None
            own_id = known_as if i == 0 else f"{known_as}::{i}"
            if kind in ("file", "url"):
                uses.append(self._point_at(source.get("source"), own_id))
            elif kind == "shar":
                if self._shar is None:
                    self._shar = SharMembers(self.name, self._reach)
                cut = of.get("id")
                uses.append(self._shar.use(field, cut if isinstance(cut, str) else "", own_id))
            elif kind == "memory" and (data := decode_sound(str(source.get("source")))) is not None:
                uses.append(RecordingRef(recording_id=own_id, data=data))
            else:
                message, remedy = _COMMAND if kind == "command" else _OTHER
                uses.append(fail(own_id, message, remedy, status="unsupported"))
        return uses


def _others(cut: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the further recordings of a cut, and the fields that they are in."""
    custom = cut.get("custom")
    fields = custom if isinstance(custom, dict) else {}
    for field, value in fields.items():
        for recording in recordings_in({"": value}, but="recording"):
            yield field, recording
    for recording in recordings_in({**cut, "custom": None}, but="recording"):
        yield "", recording


def _tracks(cut: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cuts that a mixed cut consists of, without silences; other cuts unchanged."""
    if not isinstance(cut.get("tracks"), list):
        return [] if cut.get("type") == "PaddingCut" else [cut]
    cuts = [track.get("cut") for track in cut["tracks"][:MOST_TRACKS] if isinstance(track, dict)]
    return [cut for cut in cuts if isinstance(cut, dict) and cut.get("type") != "PaddingCut"]


def _describe(fields: dict[str, Any]) -> dict[str, Any]:
    """Return all fields of a cut and of its first supervision."""
    found: dict[str, Any] = {}
    supervisions = fields.get("supervisions")
    first = supervisions[0] if isinstance(supervisions, list) and supervisions else None
    for one in (first, fields):
        if isinstance(one, dict):
            custom = one.get("custom")
            found |= {**(custom if isinstance(custom, dict) else {}), **one}
    return found
