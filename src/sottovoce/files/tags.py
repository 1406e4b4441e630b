"""Carry the tags of a compressed file over to its marked copy, with mutagen.

mutagen is licensed under the GPL, so it is an extra (`tags`) and imported late.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError, UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy_tags"]


def copy_tags(source: Path, target: Path, *, audio_format: str, subtype: str) -> None:
    """Copy all tags and pictures from one file to another of the same format.

    Parameters
    ----------
    source : Path
        Original.
    target : Path
        Copy, written already.
    audio_format, subtype : str
        As in `AudioInfo`: FLAC, OGG, MP3 or M4A.

    Raises
    ------
    MissingExtraError
        If mutagen is not installed.
    UnsupportedFormatError
        If the tags of the format, or of this file, cannot be read.
    """
    try:
        import mutagen
    except ImportError as err:
        raise MissingExtraError("mutagen", extra="tags", purpose="keep the tags") from err
    copiers = {"MP3": _copy_mp3, "FLAC": _copy_flac, "OGG": _copy_mapping, "M4A": _copy_mapping}
    if audio_format not in copiers:
        raise UnsupportedFormatError(f"those of {audio_format} with {subtype} are not known")
    try:
        copiers[audio_format](source, target)
    except mutagen.MutagenError as err:
        raise UnsupportedFormatError(f"they could not be read ({err})") from err


def _copy_mapping(source: Path, target: Path) -> None:
    """Copy Vorbis comments (pictures are among them) or the atoms of M4A, key by key."""
    import mutagen

    old, new = mutagen.File(source), mutagen.File(target)
    if old is None or new is None or old.tags is None:
        return
    if new.tags is None:
        new.add_tags()
    new.tags.clear()
    for key, values in old.tags.items():
        new.tags[key] = values
    new.save()


def _copy_mp3(source: Path, target: Path) -> None:
    """Copy ID3v2 in its own minor version, ID3v1 where it was, and APEv2."""
    from mutagen.apev2 import APENoHeaderError, APEv2
    from mutagen.id3 import ID3, ID3NoHeaderError, ID3v1SaveOptions

    try:
        id3 = ID3(source, translate=False)  # type: ignore[no-untyped-call]
    except ID3NoHeaderError:
        pass
    else:
        with source.open("rb") as file:
            file.seek(0, 2)
            file.seek(-min(128, file.tell()), 2)
            has_v1 = file.read(3) == b"TAG"
        v1 = ID3v1SaveOptions.CREATE if has_v1 else ID3v1SaveOptions.REMOVE
        version = id3.version[1]
        if version not in (3, 4):
            id3.update_to_v23()  # type: ignore[no-untyped-call]
            version = 3
        id3.save(target, v1=v1, v2_version=version)
    with contextlib.suppress(APENoHeaderError):
        APEv2(source).save(target)  # type: ignore[no-untyped-call]


def _copy_flac(source: Path, target: Path) -> None:
    """Copy every metadata block but those that describe the stream itself."""
    from mutagen.flac import FLAC

    own = {0, 1, 3}  # STREAMINFO, PADDING, SEEKTABLE
    old: Any = FLAC(source)  # type: ignore[no-untyped-call]
    new: Any = FLAC(target)  # type: ignore[no-untyped-call]
    kept = [block for block in new.metadata_blocks if block.code == 0]
    copied = [block for block in old.metadata_blocks if block.code not in own]
    new.metadata_blocks = [*kept, *copied]
    new.tags = next((block for block in copied if block.code == 4), None)
    new.cuesheet = next((block for block in copied if block.code == 5), None)
    new.save()
