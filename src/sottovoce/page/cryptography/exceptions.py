"""Stands in for `cryptography.exceptions`."""

from __future__ import annotations

__all__ = ["UnsupportedAlgorithm"]


class UnsupportedAlgorithm(Exception):  # noqa: N818 - the library's own name
    """Never raised: what is not Ed25519 is a `ValueError`."""
