"""Decide for each link of an Ogg file whether libsndfile can read it as it is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sottovoce.files.decoding.containers import StreamDecoder, container_parts
from sottovoce.files.decoding.decoder import Chain, Decoder, Part
from sottovoce.files.decoding.layout import damaged
from sottovoce.files.decoding.ogg import Link, LogicalStream, rewrite_link, walk_ogg
from sottovoce.files.decoding.sndfile import SoundFileDecoder

if TYPE_CHECKING:
    from typing import BinaryIO

    from sottovoce.files.decoding.raw import Raw

__all__ = ["ogg_parts"]

_NEVER = (1 << 62) - 1


def ogg_parts(raw: Raw) -> list[Part]:
    """Return the parts of an Ogg file: its links, joined where they fit together.

    Raises
    ------
    NoSoundError
        If it is a complete film without a sound track.
    UnreadableAudioError
        If it contains no sound for another reason.
    """
    with raw.open() as file:
        links = walk_ogg(file, end=raw.n_bytes)
    if len(links) == 1 and not (links[0].sounds or links[0].missing or links[0].notes):
        container_parts(raw)  # reports a film without sound as such
    n_before = sum(link.n_strange + link.n_damaged for link in links if not link.sounds)
    links = [link for link in links if link.sounds]
    if not links:
        raise damaged(raw.path, "it has no audio stream")
    links[0].n_strange += n_before
    if len(links) == 1:
        return _one_link(raw, links[0])
    opens = [functools.partial(_open_link, raw, link, is_only=False) for link in links]
    streams = [_only_sound(raw, link) for link in links]
    kinds = [(stream.codec, _rate(stream), stream.n_channels) for stream in streams]
    if len(set(kinds)) == 1:
        return [Part("", functools.partial(Chain, opens))]
    return [
        Part(f"stream {number} of {len(opens)}", one) for number, one in enumerate(opens, start=1)
    ]


def _one_link(raw: Raw, link: Link) -> list[Part]:
    sounds = link.sounds
    if len(link.streams) == 1 and _suits_sndfile(sounds[0]):
        open_only = functools.partial(_open_link, raw, link, is_only=True)
        return [Part("", open_only)]
    order = list(link.streams.values())
    return [
        Part(
            f"track {number}" if len(sounds) > 1 else "",
            functools.partial(
                StreamDecoder, raw, order.index(sound), missing=link.missing, notes=link.notes
            ),
            order.index(sound),
            is_alone=len(order) == 1,
        )
        for number, sound in enumerate(sounds, start=1)
    ]


def _suits_sndfile(stream: LogicalStream) -> bool:
    # libsndfile 1.2 cannot read the end of Opus with more channels.
    return stream.codec == "VORBIS" or (stream.codec == "OPUS" and stream.n_channels <= 6)


def _only_sound(raw: Raw, link: Link) -> LogicalStream:
    if len(link.sounds) > 1:
        raise damaged(raw.path, "joined files with several tracks each cannot be separated")
    return link.sounds[0]


def _rate(stream: LogicalStream) -> int:
    return 48_000 if stream.codec == "OPUS" else stream.sr


def _open_link(raw: Raw, link: Link, *, is_only: bool) -> Decoder:
    """Return the decoder of the only audio stream of one link, which reads nothing else."""
    stream, missing = link.sounds[0], link.missing
    if not _suits_sndfile(stream):
        file = _rewrite(raw, stream)
        return StreamDecoder(raw, 0, file=file, missing=missing, notes=link.notes)
    last, notes = _find_last(stream), link.notes
    if last is not None:
        notes.append("holds more than its header says; all of it was read")
    is_as_it_was = is_only and last is None and not missing and not notes
    if is_as_it_was and stream.pages[-1].flags & 4:
        return SoundFileDecoder(raw.for_libsndfile(), path=raw.path)

    return SoundFileDecoder(
        _rewrite(raw, stream, last=last),
        path=raw.path,
        n_frames=0 if last is not None or missing else None,
        notes=notes,
        missing=missing,
    )


def _rewrite(raw: Raw, stream: LogicalStream, *, last: int | None = None) -> BinaryIO:
    with raw.open() as file:
        return rewrite_link(file, stream, last=last)


def _find_last(stream: LogicalStream) -> int | None:
    """Return the correct last granule of a stream, or None if it is right."""
    granules = [page.granule for page in stream.pages if page.granule]
    final = stream.pages[-1].granule
    # A last page may end early, but not before the previous one.
    if final is not None and len(granules) > 1 and final < max(granules[:-1]):
        return _NEVER
    return None
