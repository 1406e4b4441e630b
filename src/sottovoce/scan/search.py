"""`Search`: what is looked for in every recording of a scan."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes
    ----------
    thorough : bool
        Whether other speeds and pitches are searched.
    seal_keys : tuple of (int, bytes)
        Owner ids and their seal keys: recordings in which no mark of these owners is found are
        searched for their seals.  Secrets: for processes of this computer only.
    """

    thorough: bool = False
    seal_keys: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
