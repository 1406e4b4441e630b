"""`LhotseSource` and `NemoSource`: manifests of JSON, one object a line.

Lines are read here and not by the tools that write them: those bring a gigabyte of packages, and
run the commands that a manifest may hold in the place of files.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError
from sottovoce.scan.listed import (
    PATH_NAMES,
    Entry,
    Line,
    Use,
    clean,
    cuts_of,
    fail,
    folder_of,
    groups_of,
    leads_to_file,
    parse_object,
    point_at,
    read_lines,
    write_entries,
)
from sottovoce.scan.listed_recordings import recordings_of
from sottovoce.scan.manifest_fields import (
    MOST_SOUNDS,
    is_numbers,
    recordings_in,
    sound_of,
    sounds_of,
)
from sottovoce.scan.reach import NOWHERE
from sottovoce.scan.samples import rate_of
from sottovoce.scan.telling_sound import decode_sound, names_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.sources import Kept

__all__ = ["LhotseSource", "NemoSource"]

_UNSUPPORTED = {
    "command": (
        "is a command, and commands in data are never run",
        "If you trust it, run it yourself, save its output as a file, and name that file.",
    ),
    "url": (
        "is an address, and addresses in a manifest are not fetched",
        "Fetch it and name the file, or put the address into a text file, and scan that.",
    ),
}
_OTHER = ("is stored in a way that cannot be read", "Export its recordings as files.")
_TARRED = (
    "lies in a tar archive",
    "Scan the archives themselves: name them, as audio_{0..127}.tar.",
)
_MOST_TRACKS = 10_000


class _Manifest:
    """What both kinds of manifest do alike: lines in, examples out.

    Parameters
    ----------
    name : str
        Path or address.
    group_by : tuple of str
        Fields that say what recordings belong to, beside those that say who speaks.
    root : str or None
        Folder from which relative paths are taken; None for the manifest's own.
    """

    def __init__(
        self, name: str, *, group_by: tuple[str, ...] = (), root: str | None = None
    ) -> None:
        self.name = name
        self.within = ""
        self.reach = NOWHERE
        self._group_by = group_by
        self._folder = folder_of(name) if root is None else root

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each recording once, however many examples use it."""
        return recordings_of(
            self._entries(), listing=self.name, reach=self.reach, within=self.within
        )

    def cuts(self) -> Iterator[Cut]:
        """Yield the examples; one with several recordings once for each of them."""
        return cuts_of(self._entries())

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the manifest without the examples any of whose recordings is refused.

        The lines of the others stay byte for byte as they are, relative paths too: put the copy
        where the manifest is.
        """
        packed = self.name.lower().endswith(".gz")
        return write_entries(self._entries(), out, refused=refused, packed=packed)

    def _entries(self) -> Iterator[Entry]:
        for line in read_lines(self.name):
            if not line.problem and not line.raw.strip():
                yield Entry(raw=line.raw)
                continue
            fields = parse_object(line)
            if isinstance(fields, str):
                yield Entry(raw=line.raw, uses=(fail(self._line_id(line), fields),))
            else:
                yield self._entry(line, fields)

    def _entry(self, line: Line, fields: dict[str, Any]) -> Entry:
        raise NotImplementedError

    def _line_id(self, line: Line) -> str:
        return f"{self.name}::line {line.number}"


class NemoSource(_Manifest):
    """A manifest of NeMo's kind, or any other whose lines name a file each.

    Parameters
    ----------
    name : str
        Path or address.
    column : tuple of str
        The fields with paths; all are found where none is named.
    group_by : tuple of str
        Fields that say what recordings belong to, beside those that say who speaks.
    root : str or None
        Folder from which relative paths are taken; None for the manifest's own.
    """

    def __init__(
        self,
        name: str,
        *,
        column: tuple[str, ...] = (),
        group_by: tuple[str, ...] = (),
        root: str | None = None,
    ) -> None:
        super().__init__(name, group_by=group_by, root=root)
        self._column = column

    def _entry(self, line: Line, fields: dict[str, Any]) -> Entry:
        line_id = self._line_id(line)
        if "shard_id" in fields:
            uses: tuple[Use, ...] = (fail(line_id, _TARRED[0], _TARRED[1], status="unsupported"),)
        else:
            uses = tuple(islice(self._uses(fields, line_id), MOST_SOUNDS))
        return Entry(
            raw=line.raw,
            name=line_id,
            uses=uses,
            groups=groups_of(fields, group_by=self._group_by),
        )

    def _uses(self, fields: dict[str, Any], line_id: str) -> Iterator[Use]:
        """Yield the recording that the line is about, and then every other one in it."""
        names = self._column or [name for name in PATH_NAMES if name in fields][:1]
        firsts = [(name, fields.get(name)) for name in names] or [("", None)]
        others = [] if self._column else [(k, v) for k, v in sounds_of(fields) if k not in names]
        if not names and others:
            firsts, others = others[:1], others[1:]
        taken = set()
        for i, (name, value) in enumerate((*firsts, *others)):
            # Some write the paths of each channel, as a list.
            if is_numbers(value):
                value = {"array": value, "sampling_rate": rate_of(fields)}
            paths = value if isinstance(value, list) and value else [value]
            known_as = line_id if i == 0 else f"{line_id}::{clean(name)}"
            for path in paths[:_MOST_TRACKS]:
                use = self._use(path, known_as)
                is_other = i >= len(firsts) and use.data is None
                if is_other and not (names_sound(_last(name)) or leads_to_file(use)):
                    continue  # where the recording came from, mostly
                if i < len(firsts):
                    use = _cut(use, fields.get("offset"), fields.get("duration"))
                if use.recording_id not in taken or use.finding is not None:
                    yield use
                taken.add(use.recording_id)

    def _use(self, value: object, known_as: str) -> Use:
        try:
            data = sound_of(value, known_as)
        except AudioFileError as err:
            return fail(known_as, str(err).removeprefix(f"{known_as}: "), err.remedy)
        if data is not None:
            return Use(recording_id=known_as, data=data)
        return point_at(value, folder=self._folder, known_as=known_as)


class LhotseSource(_Manifest):
    """A manifest of Lhotse's: recordings or cuts.

    Parameters
    ----------
    name : str
        Path or address.
    group_by : tuple of str
        Fields that say what recordings belong to, beside those that say who speaks: of the cut,
        its first supervision, or what is custom in either.
    root : str or None
        Folder from which relative paths are taken; None for the manifest's own.
    """

    def _entry(self, line: Line, fields: dict[str, Any]) -> Entry:
        line_id = self._line_id(line)
        uses: list[Use] = []
        if isinstance(fields.get("sources"), list):
            uses += self._uses(fields, line_id)
        else:
            for cut in _tracks(fields):
                uses += [
                    _cut(use, cut.get("start"), cut.get("duration"))
                    for use in self._uses(cut.get("recording"), line_id)
                ]
                # Targets, references, impulse responses: all that goes with the cut.
                for other in islice(recordings_in(cut, but="recording"), MOST_SOUNDS):
                    uses += self._uses(other, line_id)
            if isinstance(fields.get("tracks"), list):
                for other in islice(recordings_in(fields, but="tracks"), MOST_SOUNDS):
                    uses += self._uses(other, line_id)
        if not uses and fields.get("type") != "PaddingCut":
            uses = [fail(line_id, _OTHER[0], _OTHER[1], status="unsupported")]
        name = fields.get("id")
        return Entry(
            raw=line.raw,
            name=clean(name) if isinstance(name, str) and name else line_id,
            uses=tuple(uses),
            groups=groups_of(_describe(fields), group_by=self._group_by),
        )

    def _uses(self, recording: object, line_id: str) -> list[Use]:
        """Return the files that a recording is made of: one, or one for each channel."""
        if not isinstance(recording, dict) or not isinstance(recording.get("sources"), list):
            return [fail(line_id, _OTHER[0], _OTHER[1], status="unsupported")]
        name = recording.get("id")
        known_as = f"{self.name}::{name}" if isinstance(name, str) and name else line_id
        uses = []
        for i, source in enumerate(recording["sources"][:_MOST_TRACKS]):
            kind = source.get("type") if isinstance(source, dict) else None
            own_id = known_as if i == 0 else f"{known_as}::{i}"
            if kind == "file":
                uses.append(point_at(source.get("source"), folder=self._folder, known_as=own_id))
            elif kind == "memory" and (data := decode_sound(str(source.get("source")))) is not None:
                uses.append(Use(recording_id=own_id, data=data))
            else:
                message, remedy = _UNSUPPORTED.get(str(kind), _OTHER)
                uses.append(fail(own_id, message, remedy, status="unsupported"))
        return uses


def _last(name: str) -> str:
    return name.rpartition(".")[2].partition("[")[0]


def _tracks(cut: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cuts that a mixed one is made of, without its silences; others as they are."""
    if not isinstance(cut.get("tracks"), list):
        return [] if cut.get("type") == "PaddingCut" else [cut]
    cuts = [track.get("cut") for track in cut["tracks"][:_MOST_TRACKS] if isinstance(track, dict)]
    return [cut for cut in cuts if isinstance(cut, dict) and cut.get("type") != "PaddingCut"]


def _describe(fields: dict[str, Any]) -> dict[str, Any]:
    """Return all that a cut says of itself and of its first supervision."""
    found: dict[str, Any] = {}
    supervisions = fields.get("supervisions")
    first = supervisions[0] if isinstance(supervisions, list) and supervisions else None
    for one in (first, fields):
        if isinstance(one, dict):
            custom = one.get("custom")
            found |= {**(custom if isinstance(custom, dict) else {}), **one}
    return found


def _cut(use: Use, offset: object, duration: object) -> Use:
    return Use(
        recording_id=use.recording_id,
        finding=use.finding,
        data=use.data,
        offset_s=_seconds(offset) or 0.0,
        duration_s=_seconds(duration),
    )


def _seconds(value: object) -> float | None:
    """Return a time if it is one; manifests hold all sorts of things."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
