"""Distinguish a film without a sound track from a file whose sound was not found.

"No sound" is a result that lets a film pass unmarked, so it needs proof: a picture that plays, a
complete structure, and no stream of unknown kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.files.decoding.boxes import walk_boxes
from sottovoce.files.decoding.pyav import import_av, is_cover

if TYPE_CHECKING:
    from sottovoce.files.decoding.raw import Raw

__all__ = ["is_soundless_film"]

_DECLARING = {"mov", "matroska", "avi", "asf", "ogg"}
"""Containers that list all of their streams at the beginning."""
_GROWING = {"mpegts", "flv"}
"""Containers in which a stream may appear anywhere."""
_SILENT_KINDS = {"video", "subtitle", "attachment"}


def is_soundless_film(container: Any, raw: Raw) -> bool:  # noqa: ANN401 - PyAV is imported late
    """Return whether a container without an audio stream is a film that never had one.

    Parameters
    ----------
    container : av.container.InputContainer
        Open; its packets are consumed.
    raw : Raw
        The file.

    Notes
    -----
    Transport streams and FLV are read to their end.
    """
    demuxer = container.format.name.split(",", maxsplit=1)[0]
    plays = any(not is_cover(one) for one in container.streams.video)
    if not plays or container.streams.audio:
        return False
    if demuxer == "mov":
        with raw.open() as file:
            movie = walk_boxes(file, end=raw.n_bytes)
        return movie.is_walked and not movie.n_missing
    if demuxer in _GROWING:
        return _holds_only_pictures(container)
    return demuxer in _DECLARING


def _holds_only_pictures(container: Any) -> bool:  # noqa: ANN401
    errors = (import_av().error.FFmpegError, ValueError)
    try:
        kinds = {packet.stream.type for packet in container.demux()}
    except errors:
        return False
    return (kinds | {stream.type for stream in container.streams}) <= _SILENT_KINDS
