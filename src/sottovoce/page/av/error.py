"""Stands in for ``av.error``."""

from __future__ import annotations

__all__ = ["FFmpegError", "InvalidDataError"]


class FFmpegError(Exception):
    """Something that could not be decoded or encoded."""


class InvalidDataError(FFmpegError, ValueError):
    """Damaged data."""
