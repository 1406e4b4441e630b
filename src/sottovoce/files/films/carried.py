"""Which streams FFmpeg writes into which container."""

from __future__ import annotations

import io
from typing import Any

__all__ = ["MATROSKA", "can_carry", "codec_of", "is_chapter_text"]

MATROSKA = frozenset({"matroska", "webm"})


def codec_of(stream: Any) -> str:  # noqa: ANN401 - PyAV is imported late
    """Return the codec of a stream as FFmpeg names it; empty where it knows none."""
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


def is_chapter_text(stream: Any) -> bool:  # noqa: ANN401
    """Return whether this is QuickTime's text track of chapters, which the muxer makes anew."""
    return stream.type == "data" and str(getattr(stream, "name", "")) == "bin_data"


def can_carry(av: Any, stream: Any, muxer: str) -> bool:  # noqa: ANN401
    """Return whether a muxer takes the packets of a stream as they are."""
    if stream.type == "attachment":
        return muxer in MATROSKA
    if stream.codec_context is None:
        return muxer == "mpegts" and stream.type == "data"
    if muxer == "mpegts":
        return True
    if stream.disposition & av.stream.Disposition.attached_pic and not stream.width:
        return False  # no picture that FFmpeg can make sense of
    if muxer in MATROSKA and stream.disposition & av.stream.Disposition.attached_pic:
        return True
    return bool(
        stream.codec_context.codec.name in _supported(av, muxer)
        or stream.codec_context.codec.canonical_name in _supported(av, muxer)
    )


def _supported(av: Any, muxer: str) -> set[str]:  # noqa: ANN401
    container = av.open(io.BytesIO(), "w", format=muxer)
    return set(container.supported_codecs)
