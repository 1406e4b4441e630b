"""`SharSource`: a shard of Lhotse Shar, whose cuts and archives are copied in step.

Lhotse reads them in parallel, one cut with one member of each archive, and stops if the names
differ: an item left out of one is left out of all.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import ParameterError, UnreadableAudioError
from sottovoce.scan.archives.tar import TarHeader, copy_members, open_tar, pack_like
from sottovoce.scan.archives.tar_source import TarSource
from sottovoce.scan.listings.entries import folder_of
from sottovoce.scan.listings.lhotse import LhotseSource
from sottovoce.scan.listings.texts import parse_object, read_lines, write_whole
from sottovoce.scan.source import Kept, atomic_out
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SharSource", "cuts_beside", "is_shar_cuts"]

_AGAIN = re.compile(r"(\.\w+)@\d+$")
"""Part of the id of a member whose name occurred before."""
_SHAR = b'"shar"'
"""Kind of a recording's source."""
_PART = re.compile(r"([\w-]{1,200})\.(\d{1,20})\.(jsonl|tar)(\.gz)?")


def is_shar_cuts(name: str) -> bool:
    """Return whether a file is named like the cuts of a shard.

    Examples
    --------
    >>> is_shar_cuts("shar/cuts.000000.jsonl.gz"), is_shar_cuts("shar/cuts.jsonl.gz")
    (True, False)
    """
    found = _PART.fullmatch(name.rpartition("/")[2])
    return found is not None and found[1] == "cuts" and found[3] == "jsonl"


def cuts_beside(path: str) -> str | None:
    """Return the cuts that a local file belongs to, or is itself; None if there are none.

    Parameters
    ----------
    path : str
        The file.
    """
    folder, name = os.path.split(path)
    found = _PART.fullmatch(name)
    if found is None:
        return None
    stem = os.path.join(folder, f"cuts.{found[2]}")  # noqa: PTH118 - kept as it was given
    return next((one for one in (f"{stem}.jsonl.gz", f"{stem}.jsonl") if _is_of_shar(one)), None)


@functools.lru_cache(maxsize=1024)
def _is_of_shar(cuts: str) -> bool:
    """Return whether a file holds cuts whose recordings are in archives next to it.

    Other files have such names as well: Lhotse's own manifests, split into parts.
    """
    if not os.path.isfile(cuts):  # noqa: PTH113 - for each of very many
        return False
    for line in read_lines(cuts):
        if line.problem:
            stem = cuts.removesuffix(".gz").removesuffix(".jsonl")
            archive = os.path.join(folder_of(stem), f"recording.{stem.rpartition('.')[2]}.tar")  # noqa: PTH118 - as above
            return os.path.isfile(archive) or os.path.isfile(f"{archive}.gz")  # noqa: PTH113 - as above
        if line.raw.strip():
            return _SHAR in line.raw
    return False


class SharSource(LhotseSource):
    """The cuts of a shard, with the archives next to them.

    Parameters
    ----------
    name : str
        Path or address of the cuts.
    options, form
        As in `LhotseSource`.
    """

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write a folder with the shard, without the cuts that have a refused recording.

        Raises
        ------
        ParameterError
            If the shard is in a store.
        AudioFileError
            If an archive or a line is damaged: the rest would be read out of step.
        """
        if is_remote(self.name):
            raise ParameterError(
                f"{self.name} and its archives cannot be copied from a store",
                remedy="Download the folder, and scan the copy.",
            )
        files = self._files()
        gone = self._gone(files, refused)
        with atomic_out(out) as part:
            part.mkdir()
            n_kept = n_left_out = 0
            for path in files:
                if path.name.removesuffix(".gz").endswith(".tar"):
                    _write_archive(path, part / path.name, gone)
                    continue
                if is_shar_cuts(path.name):
                    n_kept, n_left_out = _write_lines(path, part / path.name, gone, "id")
                elif _names_cuts(path):
                    _write_lines(path, part / path.name, gone, "cut_id")
                else:
                    shutil.copy2(path, part / path.name)
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)

    def _files(self) -> list[Path]:
        """Return the cuts, and all files next to them with their number, except links."""
        own = _PART.fullmatch(self.name.rpartition("/")[2])
        number = own[2] if own is not None else ""
        found = []
        with os.scandir(folder_of(self.name) or ".") as entries:
            for entry in entries:
                part = _PART.fullmatch(entry.name)
                is_own = part is not None and part[2] == number
                if is_own and (
                    entry.is_file(follow_symlinks=False) or self._reach.allows(entry.path)
                ):
                    found.append(Path(entry.path))
        return sorted(found)

    def _gone(self, files: list[Path], refused: Callable[[str], bool]) -> set[str]:
        """Return the ids of the cuts that are left out."""
        gone = set()
        for entry in self._entries():
            if any(refused(use.recording_id) for use in entry.uses):
                gone.add(_id_in(entry.raw, "id"))
        for path in files:
            # A recording in a field that the cuts do not mention.
            if path.name.removesuffix(".gz").endswith(".tar"):
                archive = os.path.join(folder_of(self.name), path.name)  # noqa: PTH118 - as in its ids
                for cut in TarSource(archive).cuts():
                    if refused(cut.recording_id):
                        member = cut.recording_id.removeprefix(f"{archive}::")
                        gone.add(_stem(_AGAIN.sub(r"\1", member)))
        return gone - {""}


def _stem(member: str) -> str:
    return member.rpartition(".")[0]


def _id_in(raw: bytes, key: str) -> str:
    with suppress(ValueError, RecursionError):
        fields = json.loads(raw)
        if isinstance(fields, dict) and isinstance(fields.get(key), str):
            return str(fields[key])
    return ""


def _names_cuts(path: Path) -> bool:
    """Return whether the lines of a file hold a field of cuts, judging by the first."""
    first = next((line for line in read_lines(str(path)) if line.raw.strip() or line.problem), None)
    return first is not None and (bool(first.problem) or bool(_id_in(first.raw, "cut_id")))


def _write_archive(source: Path, target: Path, gone: set[str]) -> None:
    def is_kept(header: TarHeader) -> bool:
        return _stem(header.name) not in gone

    with (
        open_tar(str(source)) as reader,
        target.open("wb") as raw,
        pack_like(raw, reader.packing) as packed,
    ):
        copy_members(reader, packed, is_kept=is_kept)


def _write_lines(source: Path, target: Path, gone: set[str], key: str) -> tuple[int, int]:
    n_kept = n_left_out = 0
    with write_whole(target, packed=source.name.endswith(".gz")) as file:
        for line in read_lines(str(source)):
            if not line.problem and not line.raw.strip():
                continue
            fields = parse_object(line)
            name = fields.get(key) if isinstance(fields, dict) else None
            if not isinstance(name, str):
                raise UnreadableAudioError(
                    f"has no {key!r} in line {line.number}", path=str(source)
                )
            if name not in gone:
                file.write(line.raw)
                n_kept += 1
            else:
                n_left_out += 1
    return n_kept, n_left_out
