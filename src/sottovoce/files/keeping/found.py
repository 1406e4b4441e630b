"""What was found in an original that its copy cannot have."""

from __future__ import annotations

from dataclasses import dataclass, field

from sottovoce.files.keeping.id3 import C2PA

__all__ = ["Found"]


@dataclass(slots=True)
class Found:
    """Gathered while an original is looked through.

    Attributes
    ----------
    lost : list of str
        In plain words, one thing each.
    dropped : set of str
        Names of stale tags; `C2PA` for a manifest.
    n_chapters : int
        Chapters that are kept.
    """

    lost: list[str] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    n_chapters: int = 0

    def describe_dropped(self) -> tuple[str, ...]:
        """Return what is left out, in plain words."""
        has_manifest = C2PA in self.dropped
        return ("the C2PA manifest, which the mark makes invalid",) if has_manifest else ()

    def name_technical(self) -> tuple[str, ...]:
        """Return the names of tags that describe the old encoding."""
        return tuple(sorted(self.dropped - {C2PA}))
