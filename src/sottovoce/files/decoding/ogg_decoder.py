"""Decide for each link of an Ogg file whether libsndfile can read it as it is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sottovoce.files.decoding.containers import open_stream
from sottovoce.files.decoding.decoder import Chain, Decoder, Part
from sottovoce.files.decoding.layout import damaged
from sottovoce.files.decoding.ogg import Link, LogicalStream, rewrite_link, walk_ogg
from sottovoce.files.decoding.sndfile import SoundFileDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.files.decoding.raw import Raw

__all__ = ["ogg_parts"]


def ogg_parts(raw: Raw) -> list[Part]:
    """Return the parts of an Ogg file: its links, joined where they fit together.

    Raises
    ------
    UnreadableAudioError
        If it holds no sound.
    """
    with raw.open() as file:
        links, n_missing = walk_ogg(file, end=raw.n_bytes)
    links = [link for link in links if link.sounds]
    if not links:
        raise damaged(raw.path, "it has no stream of sound")
    missing = "its last page is not whole" if n_missing else ""
    if len(links) == 1:
        return _one_link(raw, links[0], missing)
    streams = [_only_sound(raw, link) for link in links]
    opens = [
        functools.partial(
            _open_link, raw, stream, missing if stream is streams[-1] else "", is_only=False
        )
        for stream in streams
    ]
    kinds = [(stream.codec, _rate(stream), stream.n_channels) for stream in streams]
    if len(set(kinds)) == 1:
        return [Part("", functools.partial(Chain, opens))]
    return [
        Part(f"stream {number} of {len(opens)}", one) for number, one in enumerate(opens, start=1)
    ]


def _one_link(raw: Raw, link: Link, missing: str) -> list[Part]:
    sounds = link.sounds
    if len(link.streams) == 1 and _suits_sndfile(sounds[0]):
        return [Part("", functools.partial(_open_link, raw, sounds[0], missing, is_only=True))]
    order = list(link.streams.values())
    return [
        Part(
            f"track {number}" if len(sounds) > 1 else "",
            functools.partial(open_stream, raw, order.index(sound), missing=missing),
            order.index(sound),
        )
        for number, sound in enumerate(sounds, start=1)
    ]


def _suits_sndfile(stream: LogicalStream) -> bool:
    # Of Opus with more channels libsndfile 1.2 cannot read the end.
    return stream.codec == "VORBIS" or (stream.codec == "OPUS" and stream.n_channels <= 6)


def _only_sound(raw: Raw, link: Link) -> LogicalStream:
    if len(link.sounds) > 1:
        raise damaged(raw.path, "joined files with several tracks each cannot be told apart")
    return link.sounds[0]


def _rate(stream: LogicalStream) -> int:
    return 48_000 if stream.codec == "OPUS" else stream.sr


def _open_link(raw: Raw, stream: LogicalStream, missing: str, *, is_only: bool) -> Decoder:
    """Return the decoder of one stream, which sees one link alone."""
    if not _suits_sndfile(stream):
        return _open_rewritten(raw, stream, functools.partial(_by_ffmpeg, raw, missing))
    last, notes = _oddities(stream)
    if is_only and last is None and stream.pages[-1].flags & 4:
        return SoundFileDecoder(raw.for_libsndfile(), path=raw.path, notes=notes, missing=missing)

    def read(file: object) -> Decoder:
        return SoundFileDecoder(
            file,  # type: ignore[arg-type]
            path=raw.path,
            n_frames=0 if last is not None else None,
            notes=notes,
            missing=missing,
        )

    return _open_rewritten(raw, stream, read, last=last)


def _open_rewritten(
    raw: Raw,
    stream: LogicalStream,
    read: Callable[[object], Decoder],
    *,
    last: int | None = None,
) -> Decoder:
    with raw.open() as file:
        rewritten = rewrite_link(file, stream, last=last)
    return read(rewritten)


def _by_ffmpeg(raw: Raw, missing: str, file: object) -> Decoder:
    return open_stream(raw, 0, file=file, missing=missing)  # type: ignore[arg-type]


def _oddities(stream: LogicalStream) -> tuple[int | None, list[str]]:
    """Return what is wrong with the granules of a stream.

    Returns
    -------
    last : int or None
        What the last granule should be, where it is wrong.
    notes : list of str
        What is odd.
    """
    notes = ["lacks pages in the middle; what is there was read"] if stream.has_gap else []
    granules = [page.granule for page in stream.pages if page.granule]
    if not granules:
        return None, notes
    last = None
    final = stream.pages[-1].granule
    if final is not None and len(granules) > 1 and final < max(granules[:-1]):
        # A last page may end early, but not before the one in front of it.
        last = _NEVER
        notes.append("holds more than its header says; all of it was read")
    return last, notes


_NEVER = (1 << 62) - 1
