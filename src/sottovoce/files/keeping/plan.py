"""List before writing what a marked copy will not have, and copy the rest afterwards."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import (
    MissingExtraError,
    UnreadableAudioError,
    UnsupportedFormatError,
    install_command,
)
from sottovoce.files.decoding.dispatch import is_copied
from sottovoce.files.decoding.matroska_names import EBML_MARK
from sottovoce.files.decoding.pyav import open_container
from sottovoce.files.keeping.asf import carry_asf, has_mutagen
from sottovoce.files.keeping.bare_streams import carry_bare, plan_bare
from sottovoce.files.keeping.chunks import carry_chunks, plan_chunks
from sottovoce.files.keeping.flac_blocks import carry_flac, plan_flac
from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import id3_size
from sottovoce.files.keeping.m4a_tags import carry_m4a, plan_m4a
from sottovoce.files.keeping.ogg import carry_ogg, plan_ogg

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["Keeping", "carry_over", "plan_keeping"]

_ASF = bytes.fromhex("3026b2758e66cf11")
_CHUNKS = (b"RIFF", b"RF64", b"BW64", b"FORM", b"caff")
_DAMAGE = (UnsupportedFormatError, ValueError, IndexError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Contents of the original that a marked copy will not have.

    Attributes
    ----------
    lost : tuple of str
        Lost contents, in plain words.
    dropped : tuple of str
        Contents left out on purpose, since they would be wrong for the copy, in plain words.
    technical : tuple of str
        Names of tags that describe the old encoding: its gaps, gain, frame positions.
    """

    lost: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    technical: tuple[str, ...] = ()


def plan_keeping(source: Path, info: AudioInfo) -> Keeping:
    """List what a marked copy will not have, before anything is written.

    Parameters
    ----------
    source : Path
        Original.
    info : AudioInfo
        Properties of the original.

    Returns
    -------
    keeping : Keeping
        Contents that are lost, and that are left out on purpose.
    """
    try:
        with source.open("rb") as file:
            found = _plan(file, source, info)
    except _DAMAGE as err:
        found = Found(lost=[f"the tags, which cannot be read ({err})"])
    return Keeping(
        lost=tuple(found.lost),
        dropped=found.describe_dropped(),
        technical=found.name_technical(),
    )


def carry_over(source: Path, target: Path, info: AudioInfo) -> tuple[str, ...]:
    """Copy tags, pictures, chapters and dates to a finished copy of the same format.

    Parameters
    ----------
    source : Path
        Original.
    target : Path
        Finished copy; its sound is not changed.
    info : AudioInfo
        Properties of the original.

    Returns
    -------
    lines : tuple of str
        Messages for the user.

    Raises
    ------
    OSError
        If the copy cannot be written to.
    """
    lines: list[str] = []
    try:
        with source.open("rb") as old, target.open("r+b") as new:
            lines += _carry(old, new, source, target, info)
    except _DAMAGE as err:
        lines.append(f"tags were not kept: {err}")
    n_lost = _count_chapters(source) - _count_chapters(target)
    if n_lost > 0:
        lines.append(f"{n_lost} chapter{'s were' if n_lost > 1 else ' was'} not kept")
    return tuple(lines)


def _plan(file: BinaryIO, source: Path, info: AudioInfo) -> Found:
    kind, start = _sniff(file, info)
    if kind == "chunks":
        return plan_chunks(file, start, is_encoded=not is_copied(info))
    if kind == "asf":
        lost = [] if has_mutagen() else [f"the tags (kept after: {install_command('tags')})"]
        return Found(lost=lost)
    plans = {"bare": plan_bare, "flac": plan_flac, "ogg": plan_ogg, "boxes": plan_m4a}
    return plans[kind](file) if kind in plans else Found()


def _carry(old: BinaryIO, new: BinaryIO, source: Path, target: Path, info: AudioInfo) -> list[str]:
    kind, start = _sniff(old, info)
    if kind != _sniff(new, info)[0]:
        raise UnsupportedFormatError("the copy is of another format")
    if kind == "chunks":
        return carry_chunks(old, new, start, is_encoded=not is_copied(info))
    if kind == "asf":
        return carry_asf(source, target) if has_mutagen() else []
    carriers = {"bare": carry_bare, "flac": carry_flac, "ogg": carry_ogg, "boxes": carry_m4a}
    return carriers[kind](old, new) if kind in carriers else []


def _sniff(file: BinaryIO, info: AudioInfo) -> tuple[str, int]:
    """Return the kind of the file by its first bytes, and where it begins after ID3 tags."""
    start = 0
    head = b""
    for _ in range(16):
        file.seek(start)
        head = file.read(32)
        if not id3_size(head):
            break
        start += id3_size(head)
    if head[:4] in _CHUNKS:
        return "chunks", start
    if head[:4] == b"fLaC":
        return "flac", start
    if head[:4] == b"OggS":
        return "ogg", start
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "boxes", start
    if head[:4] == EBML_MARK:
        return "matroska", start
    if head[:8] == _ASF:
        return "asf", start
    if info.subtype.startswith("MPEG"):
        return "bare", start  # with something else before it
    is_frame = head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0
    known = head[:2] == b"\x0b\x77" or head[:4] in (b"wvpk", b"TTA1") or head[:8] == b"APETAGEX"
    return ("bare" if is_frame or known or start else "other"), start


def _count_chapters(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(8)
        if head[4:8] != b"ftyp" and head[:4] != EBML_MARK:
            return 0
        file.seek(0)
        with (
            contextlib.suppress(UnreadableAudioError, MissingExtraError),
            open_container(file, path=str(path)) as container,
        ):
            return len(container.chapters())
    return 0
