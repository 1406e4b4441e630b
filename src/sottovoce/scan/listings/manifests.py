"""`Manifest`, shared by all kinds of JSON and YAML, and `NemoSource`, which names a file in each.

Lines are parsed here and not by the tools that write them: those need a gigabyte of packages, and
execute the commands that a manifest may hold in place of files.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import AudioFileError
from sottovoce.scan.listings.documents import DocumentPart, parts_of, whole_part, write_parts
from sottovoce.scan.listings.entries import (
    PATH_NAMES,
    Entry,
    LastNames,
    RecordingRef,
    cuts_of,
    fail,
    folder_of,
    groups_of,
    leads_to_file,
    remembering,
    write_entries,
)
from sottovoce.scan.listings.listed_recordings import recordings_of
from sottovoce.scan.listings.manifest_fields import (
    MOST_SOUNDS,
    is_numbers,
    sound_of,
    sounds_of,
)
from sottovoce.scan.listings.sound_values import names_sound
from sottovoce.scan.listings.texts import parse_object, read_lines, write_whole
from sottovoce.scan.plain_text import clean
from sottovoce.scan.source import DEFAULTS, Kept, SourceOptions
from sottovoce.scan.stores.samples import rate_of
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording

__all__ = ["MOST_TRACKS", "Form", "Manifest", "NemoSource", "cut_use"]

_SUB = re.compile(r"-sub\d+(\.\w+)?$")
_MOST_SHARDS = 10**9
_TARRED = (
    "is in a tar archive that is not next to the manifest",
    "Scan the archives themselves, for example audio_{0..127}.tar.",
)
MOST_TRACKS = 10_000
"""Limit for one recording."""
Form = Literal["lines", "document", "whole"]


class Manifest:
    """A manifest: lines or parts in, examples out.

    Parameters
    ----------
    name : str
        Path or address.
    options : SourceOptions
        How it is read.
    form : "lines", "document" or "whole"
        Whether there is an example in each line, in each part of one value, or one in the file.
    """

    def __init__(
        self,
        name: str,
        *,
        options: SourceOptions = DEFAULTS,
        form: Form = "lines",
    ) -> None:
        self.name = name
        self._column = options.column
        self._group_by = options.group_by
        self._folder = folder_of(name)
        self._reach = options.reach
        self._form = form
        self._last_names = LastNames(folder=self._folder, reach=options.reach)

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each recording once, however many examples use it."""
        return recordings_of(self._entries(), listing=self.name, reach=self._reach)

    def cuts(self) -> Iterator[Cut]:
        """Yield the examples; one with several recordings is yielded once for each."""
        return cuts_of(self._entries())

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the manifest without the examples that have a refused recording.

        The lines of the others are unchanged, byte for byte, relative paths too: put the copy
        where the manifest is.
        """
        packed = self.name.lower().endswith(".gz")
        if self._form == "document":
            return self._write_document(out, refused=refused, packed=packed)
        return write_entries(
            self._entries(), out, folder=self._folder, refused=refused, packed=packed
        )

    def _write_document(self, out: Path, *, refused: Callable[[str], bool], packed: bool) -> Kept:
        n_kept = n_left_out = 0
        refused = remembering(refused)

        def choose() -> Iterator[tuple[DocumentPart, bool]]:
            nonlocal n_kept, n_left_out
            for part, entry in self._parts():
                is_kept = bool(part.raw) and not any(
                    refused(use.recording_id) for use in entry.uses
                )
                n_kept += is_kept and bool(entry.uses)
                n_left_out += not is_kept and bool(entry.uses)
                yield part, is_kept

        with write_whole(out, packed=packed) as file:
            write_parts(choose(), file)
        return Kept(
            path=str(out),
            n_kept=n_kept,
            n_left_out=n_left_out,
            paths_from=self._folder or os.curdir,
        )

    def _entries(self) -> Iterator[Entry]:
        if self._form != "lines":
            yield from (entry for _, entry in self._parts())
            return
        self._last_names.forget()
        for line in read_lines(self.name):
            if not line.problem and not line.raw.strip():
                yield Entry(raw=line.raw)
                continue
            fields = parse_object(line)
            line_id = f"{self.name}::line {line.number}"
            if isinstance(fields, str):
                yield Entry(raw=line.raw, uses=(fail(line_id, fields),))
            else:
                yield self._entry(line.raw, fields, line_id)

    def _parts(self) -> Iterator[tuple[DocumentPart, Entry]]:
        parts = parts_of(self.name) if self._form == "document" else whole_part(self.name)
        n_examples = 0
        self._last_names.forget()
        for part in parts:
            n_examples += part.is_example
            yield part, self._entry_of(part, part.key or f"item {n_examples}")

    def _entry_of(self, part: DocumentPart, name: str) -> Entry:
        own_id = f"{self.name}::{clean(name)}"
        value = {"audio": part.value} if isinstance(part.value, str) else part.value
        if not part.is_example:
            return Entry(raw=part.raw)
        if part.problem or not isinstance(value, dict):
            return Entry(raw=part.raw, uses=(fail(own_id, part.problem or "is not an object"),))
        entry = self._entry(part.raw, value, own_id)
        return replace(entry, name=clean(part.key)) if part.key else entry

    def _entry(self, raw: bytes, fields: dict[str, Any], line_id: str) -> Entry:
        raise NotImplementedError

    def _point_at(self, name: object, known_as: str) -> RecordingRef:
        return self._last_names.point_at(name, known_as)


class NemoSource(Manifest):
    """A NeMo manifest, or any other manifest whose lines name a file each.

    Parameters
    ----------
    name, options, form
        As in `Manifest`.
    """

    def _entry(self, raw: bytes, fields: dict[str, Any], line_id: str) -> Entry:
        if "shard_id" in fields:
            uses: tuple[RecordingRef, ...] = (self._tarred(fields, line_id),)
        else:
            uses = tuple(islice(self._uses(fields, line_id), MOST_SOUNDS))
        return Entry(
            raw=raw,
            name=line_id,
            uses=uses,
            groups=groups_of(fields, group_by=self._group_by),
        )

    def _uses(self, fields: dict[str, Any], line_id: str) -> Iterator[RecordingRef]:
        """Yield the main recording of the line, and then every other one in it."""
        names = self._column or [name for name in PATH_NAMES if name in fields][:1]
        firsts = [(name, fields.get(name)) for name in names] or [("", None)]
        others = [] if self._column else [(k, v) for k, v in sounds_of(fields) if k not in names]
        if not names and others:
            firsts, others = others[:1], others[1:]
        taken = set()
        for i, (name, value) in enumerate((*firsts, *others)):
            # Some list the path of each channel.
            if is_numbers(value):
                value = {"array": value, "sampling_rate": rate_of(fields)}
            paths = value if isinstance(value, list) and value else [value]
            known_as = line_id if i == 0 else f"{line_id}::{clean(name)}"
            for path in paths[:MOST_TRACKS]:
                use = self._use(path, known_as)
                is_other = i >= len(firsts) and use.data is None
                if is_other and not (names_sound(_last(name)) or leads_to_file(use)):
                    continue  # usually the original source of the recording
                if i < len(firsts):
                    use = cut_use(use, fields.get("offset"), fields.get("duration"))
                if use.recording_id not in taken or use.finding is not None:
                    yield use
                taken.add(use.recording_id)

    def _tarred(self, fields: dict[str, Any], line_id: str) -> RecordingRef:
        """Return the recording of a tarred manifest, in one of the archives next to it."""
        shard = fields["shard_id"]
        names = self._column or [name for name in PATH_NAMES if name in fields]
        name = fields.get(names[0]) if names else None
        is_known = type(shard) is int and 0 <= shard < _MOST_SHARDS and isinstance(name, str)
        # Manifests of one shard, in sharded_manifests, are below their archives.
        places = ("..",) if is_known and not is_remote(self.name) else ()
        path = (
            self._reach.find(f"audio_{shard}.tar", folder=self._folder, places=places)
            if places
            else None
        )
        if path is None or not isinstance(name, str):
            return fail(line_id, _TARRED[0], _TARRED[1], status="unsupported")
        path = os.path.normpath(path)
        # NeMo stores a file once even if several lines use it.
        member = _SUB.sub(r"\1", name)
        use = RecordingRef(recording_id=f"{path}::{clean(member, most=4096)}", archive=path)
        return cut_use(use, None, fields.get("duration"))

    def _use(self, value: object, known_as: str) -> RecordingRef:
        try:
            data = sound_of(value, known_as)
        except AudioFileError as err:
            return fail(known_as, err.without_path(known_as), err.remedy)
        if data is not None:
            return RecordingRef(recording_id=known_as, data=data)
        return self._point_at(value, known_as)


def _last(name: str) -> str:
    return name.rpartition(".")[2].partition("[")[0]


def cut_use(use: RecordingRef, offset: object, duration: object) -> RecordingRef:
    """Return a use of a recording, limited to a segment of it."""
    offset_s, duration_s = _seconds(offset) or 0.0, _seconds(duration)
    if not offset_s and duration_s is None:
        return use
    if use.finding is not None or use.data is not None or use.archive:
        return replace(use, offset_s=offset_s, duration_s=duration_s)
    # Most of the millions name a file; `replace` would take as long as all else about it.
    return RecordingRef(
        recording_id=use.recording_id, offset_s=offset_s, duration_s=duration_s, start=use.start
    )


def _seconds(value: object) -> float | None:
    """Return a time in seconds, if the value is one; manifests hold all kinds of values."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
