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
    stale : list of str
        What else is left out because it would be false of the new sound, in plain words.
    n_chapters : int
        Chapters that are kept.
    """

    lost: list[str] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    stale: list[str] = field(default_factory=list)
    n_chapters: int = 0

    def describe_dropped(self) -> tuple[str, ...]:
        """Return what is left out, in plain words."""
        manifest = "the C2PA manifest, which the mark makes invalid"
        return (*([manifest] if C2PA in self.dropped else []), *self.stale)

    def name_technical(self) -> tuple[str, ...]:
        """Return the names of tags that describe the old encoding."""
        return tuple(sorted(self.dropped - {C2PA}))
