"""Contents of an original that its copy cannot have."""

from __future__ import annotations

from dataclasses import dataclass, field

from sottovoce.files.keeping.id3 import C2PA

__all__ = ["Found"]


@dataclass(slots=True)
class Found:
    """Collected while an original is examined.

    Attributes
    ----------
    lost : list of str
        In plain words, one item each.
    dropped : set of str
        Names of stale tags; `C2PA` for a manifest.
    stale : list of str
        Other contents left out because they would be wrong for the new sound, in plain words.
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
