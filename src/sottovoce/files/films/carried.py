"""Which streams FFmpeg writes into which container."""

from __future__ import annotations

import functools
import io
from typing import Any

from sottovoce.files.decoding.pyav import import_av, is_cover
from sottovoce.files.track import MATROSKA

__all__ = ["can_carry", "codec_of", "is_chapter_text"]


def codec_of(stream: Any) -> str:  # noqa: ANN401 - PyAV is imported late
    """Return the codec of a stream as FFmpeg names it; empty if it knows none."""
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


def is_chapter_text(stream: Any) -> bool:  # noqa: ANN401
    """Return whether this is QuickTime's text track of chapters, which the muxer recreates."""
    return stream.type == "data" and str(getattr(stream, "name", "")) == "bin_data"


def can_carry(stream: Any, muxer: str) -> bool:  # noqa: ANN401
    """Return whether a muxer accepts the packets of a stream unchanged."""
    if stream.type == "attachment":
        return muxer in MATROSKA
    if stream.codec_context is None:
        return muxer == "mpegts" and stream.type == "data"
    if muxer == "mpegts":
        return True
    if is_cover(stream) and not stream.width:
        return False  # not a picture that FFmpeg understands
    if is_cover(stream) and muxer in MATROSKA:
        return True
    codec = stream.codec_context.codec
    return not _codecs_of(muxer).isdisjoint({codec.name, codec.canonical_name})


@functools.cache
def _codecs_of(muxer: str) -> frozenset[str]:
    """Return which codecs a muxer accepts, as FFmpeg names them."""
    container = import_av().open(io.BytesIO(), "w", format=muxer)
    return frozenset(container.supported_codecs)
