"""List what a film loses if FFmpeg has to rewrite its container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.decoding.ebml import number_of, split_elements
from sottovoce.files.decoding.pyav import is_cover, open_container
from sottovoce.files.films.carried import can_carry, codec_of, is_chapter_text
from sottovoce.files.films.grafting import can_graft
from sottovoce.files.films.matroska_layout import read_segment, walk_segment
from sottovoce.files.films.transport import read_broadcast
from sottovoce.files.keeping.boxes import children, find, read_box, split, top_boxes
from sottovoce.files.keeping.splicing import file_size
from sottovoce.files.track import muxer_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["has_picture", "name_losses"]

_WRITTEN_BOXES = {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"free", b"skip", b"wide"}
_SAMPLE_GROUPS = {b"sgpd", b"sbgp", b"subs", b"sdtp", b"saiz", b"saio"}
_ORDINARY_LEVEL = 50  # level of tags for the film
_NOT_WALKED = "unrecognised parts of its structure"


def has_picture(original: Path) -> bool:
    """Return whether a container has a moving picture, which an audio file cannot have.

    Parameters
    ----------
    original : Path
        A container.
    """
    with (
        original.open("rb") as raw,
        open_container(raw, path=str(original)) as source,
    ):
        return any(not is_cover(stream) for stream in source.streams.video)


def name_losses(original: Path, *, is_whole: bool = True) -> tuple[str, ...]:
    """List what `mux_tracks` has to leave out of a container.

    Parameters
    ----------
    original : Path
        A container.
    is_whole : bool
        Whether it is neither cut short nor damaged.

    Returns
    -------
    names : tuple of str
        ``"stream 3 (data)"``, ``"chapter editions"`` and so on; empty if everything is kept.

    Raises
    ------
    UnsupportedFormatError
        If it would have to leave the picture out.
    """
    if is_whole and can_graft(original):
        return ()
    with original.open("rb") as raw:
        head = raw.read(4096)
        raw.seek(0)
        with open_container(raw, path=str(original)) as source:
            muxer = muxer_of(source, "", head)
            _check_pictures(source, muxer, original)
            chapters = bool(source.chapters())
            streams = [
                f"stream {stream.index} ({codec_of(stream) or stream.type})"
                for stream in source.streams
                if not can_carry(stream, muxer) and not (chapters and is_chapter_text(stream))
            ]
        if muxer == "mpegts":
            parts = _of_transport(original)
        else:
            parts = _name_parts(raw, head, is_whole=is_whole)
        return (*streams, *dict.fromkeys(parts))


def _check_pictures(source: Any, muxer: str, original: Path) -> None:  # noqa: ANN401 - PyAV is imported late
    for stream in source.streams.video:
        if not is_cover(stream) and not can_carry(stream, muxer):
            codec = codec_of(stream) or "of an unknown codec"
            raise UnsupportedFormatError(
                f"has a picture (stream {stream.index}, {codec}) that cannot be written as"
                f" {muxer.upper()}",
                path=str(original),
                remedy="Remux it as MKV, without re-encoding, and protect that.",
            )


def _of_transport(original: Path) -> Iterator[str]:
    broadcast = read_broadcast(original)
    if broadcast.n_services > 1:
        yield f"its {broadcast.n_services} programs, which are merged into one"
    if broadcast.tables:
        yield f"tables of a broadcast ({', '.join(broadcast.tables)})"


def _name_parts(file: BinaryIO, head: bytes, *, is_whole: bool) -> Iterator[str]:
    """Yield the parts of a container that FFmpeg does not write, as far as they can be read."""
    try:
        if head[:4] == names.EBML_MARK:
            yield from _of_matroska(file)
        elif any(one == b"moov" for one, *_ in top_boxes(file)):
            yield from _of_movie(file, is_whole=is_whole)
    except (UnsupportedFormatError, ValueError, IndexError):
        # For one that is cut short or damaged, this is already reported in seconds.
        if is_whole:
            yield _NOT_WALKED


def _of_matroska(file: BinaryIO) -> Iterator[str]:
    end = file_size(file)
    _, segment = read_segment(file)
    for element in walk_segment(file, segment):
        inner: list[tuple[int, bytes]] = []
        if element.name in (names.INFO, names.CHAPTERS, names.TAGS, names.TRACKS):
            inner = split_elements(element.read(file))
        if element.name == names.INFO and names.OF_IDENTITY & {name for name, _ in inner}:
            yield "the identity of its segment"
        elif element.name == names.CHAPTERS:
            yield from _of_chapters(inner)
        elif element.name == names.TAGS and any(_is_aimed(*tag) for tag in inner):
            yield "the targets of its tags"
        elif element.name == names.TRACKS:
            entries = [dict(split_elements(body)) for name, body in inner if name == names.TRACK]
            if any(names.TRACK_SCALE in entry for entry in entries):
                yield "time scales of tracks"
    if segment.end < end:
        yield f"{end - segment.end:,} bytes after its end"


def _of_chapters(inner: list[tuple[int, bytes]]) -> Iterator[str]:
    editions = [split_elements(body) for name, body in inner if name == names.EDITION]
    flags = {name for edition in editions for name, body in edition if any(body)}
    if len(editions) > 1 or flags & {names.EDITION_HIDDEN, names.EDITION_ORDERED}:
        yield "chapter editions"
    atoms = [split_elements(body) for one in editions for name, body in one if name == names.ATOM]
    if any(names.OF_CHAPTERS & {name for name, _ in atom} for atom in atoms):
        yield "nested chapters and their links"
    if any(sum(name == names.DISPLAY for name, _ in atom) > 1 for atom in atoms):
        yield "additional chapter names"


def _is_aimed(name: int, body: bytes) -> bool:
    """Return whether a tag has another level than the film, or targets an edition."""
    if name != names.TAG:
        return False
    targets = split_elements(dict(split_elements(body)).get(names.TARGETS, b""))
    level = number_of(targets, names.TAG_LEVEL)
    return level not in (0, _ORDINARY_LEVEL) or names.TAG_EDITION in dict(targets)


def _of_movie(file: BinaryIO, *, is_whole: bool) -> Iterator[str]:
    boxes = list(top_boxes(file))
    found = {name for name, *_ in boxes}
    if b"sidx" in found or b"ssix" in found:
        yield "its segment index"
    if b"ftyp" in found:
        brands = read_box(file, b"ftyp")[2]
        listed = b" ".join(brands[at : at + 4].strip() for at in range(8, len(brands), 4))
        yield f"its list of brands ({listed.decode('latin-1')})"
    others = sorted(found - _WRITTEN_BOXES - {b"sidx", b"ssix", b"styp"})
    if others:
        yield f"boxes ({b', '.join(others).decode('latin-1')})"
    end = file_size(file)
    behind = end - boxes[-1][1] - boxes[-1][3]
    if behind and is_whole:
        yield f"{behind:,} bytes after its end"
    moov = read_box(file, b"moov")[2]
    for trak in children(moov, b"trak"):
        inner = {box.name for box in split(trak)}
        tables = {box.name for box in split(find(trak, b"mdia", b"minf", b"stbl") or b"")}
        if b"tref" in inner:
            yield "references between tracks"
        if inner & {b"udta", b"meta", b"uuid"}:
            yield "metadata of tracks"
        handler = (find(trak, b"mdia", b"hdlr") or b"")[8:12]
        if tables & _SAMPLE_GROUPS and handler != b"soun":  # those of sound are rewritten
            yield "sample groups"
        if int_at(find(trak, b"edts", b"elst") or b"", 4) > 2:
            yield "edits"
