"""The result of a detector: `Detection` and its `Voice`s."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.core.evidence import SUSPECTED_FPR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.known_payload import KnownMatch
    from sottovoce.core.payload import Notice
    from sottovoce.core.seal import SealMatch
    from sottovoce.core.soft_cells import SoftCells

__all__ = ["Detection", "Verdict", "Voice", "merge_pieces", "unite_segments"]

Verdict = Literal["protected", "suspected", "not found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One marked voice.

    Attributes
    ----------
    log10_p : float
        Logarithm to base 10 of the p-value, which accounts for everything searched.
    score : float
        Its best score; unmarked audio's has unit variance.
    offset_s : float
        Start of a period of its pattern, in [0, 2.56) seconds of the audio.
    speed : float
        Speed of the audio relative to when it was marked; 1.05 is 5 % faster.
    pitch : float
        Factor by which its pitch was changed.
    segments_s : tuple of (float, float)
        Intervals in which it is present, accurate to about 2.5 s.  Pauses are bridged; sound
        without the mark is left out if longer than about 2.5 s where the mark is clear, 5 s in
        noise.
    notice : Notice or None
        Its payload: decoded, or matched if `matched` is not None; None if the owner is not known
        yet.
    evidence : tuple of (float, float)
        Time in seconds and local score over about 5 s around it.
    seal : SealMatch or None
        How well it agrees with the keyed seal, if a key was given and a payload was decoded or
        matched.
    matched : KnownMatch or None
        The evidence if `notice` was not decoded from the sound but is one of the notices that
        were asked for: its owner is shown, its policy and year are assumed.
    cells : SoftCells or None
        What `sottovoce.match_known` needs to test it later, if the detector was told to keep it
        and no payload was decoded.  Not in `to_dict`.
    """

    log10_p: float
    score: float
    offset_s: float
    speed: float = 1.0
    pitch: float = 1.0
    segments_s: tuple[tuple[float, float], ...] = ()
    notice: Notice | None = None
    evidence: tuple[tuple[float, float], ...] = ()
    seal: SealMatch | None = None
    matched: KnownMatch | None = None
    cells: SoftCells | None = None

    @property
    def seal_log10_p(self) -> float | None:
        """Logarithm to base 10 of the seal's p-value; None if there was none to test."""
        return None if self.seal is None else self.seal.log10_p

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON; for one release the notice as `payload` as well."""
        notice = None if self.notice is None else self.notice.to_dict()
        fields: dict[str, Any] = {
            "log10_p": round(self.log10_p, 3),
            "score": round(self.score, 3),
            "offset_s": round(self.offset_s, 4),
            "speed": round(self.speed, 5),
            "pitch": round(self.pitch, 5),
            "segments_s": [[round(a, 2), round(b, 2)] for a, b in self.segments_s],
            "notice": notice,
            "payload": notice,
        }
        if self.seal is not None:
            fields["seal"] = self.seal.to_dict()
            fields["seal_log10_p"] = fields["seal"]["log10_p"]
        if self.matched is not None:
            fields["matched"] = self.matched.to_dict()
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The verdict on a piece of audio.

    Attributes
    ----------
    found : bool
        Whether the p-value is at most the allowed rate.
    log10_p : float
        Logarithm to base 10 of the p-value: an upper bound on the probability that unmarked
        audio looks as marked as this does.
    score : float
        The most significant score, to which `log10_p` belongs.
    n_hypotheses : int
        Hypotheses that `log10_p` pays for: those that were searched, and more if windows of
        several kinds share the allowed false alarms.
    log10_e : float
        Logarithm to base 10 of the e-value of "something is marked here".  Clips too short to
        be detected alone can prove together that a marked voice is among them: see
        `sottovoce.core.evidence.pool_independent`.
    voices : tuple of Voice
        The voices found, strongest first.
    duration_s : float
        Length of the audio, in seconds.
    n_more_voices : int
        Upper bound on the number of voices found in addition to `voices`: after the first
        thousand, those that fall silent are only counted.
    """

    found: bool
    log10_p: float
    score: float
    n_hypotheses: int
    log10_e: float
    voices: tuple[Voice, ...]
    duration_s: float
    n_more_voices: int = 0

    @property
    def verdict(self) -> Verdict:
        """*protected* if found, *suspected* if p is at most 1e-3, else *not found*.

        A suspicion is never reported as found, and *not found* does not prove absence.
        """
        if self.found:
            return "protected"
        return "suspected" if 10.0**self.log10_p <= SUSPECTED_FPR else "not found"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON; for one release `duration_s` as `seconds` as well."""
        duration_s = round(self.duration_s, 3)
        fields = {
            "verdict": self.verdict,
            "found": self.found,
            "log10_p": round(self.log10_p, 3),
            "score": round(self.score, 3),
            "n_hypotheses": self.n_hypotheses,
            "log10_e": round(self.log10_e, 3),
            "duration_s": duration_s,
            "seconds": duration_s,
            "voices": [voice.to_dict() for voice in self.voices],
        }
        if self.n_more_voices:
            fields["n_more_voices"] = self.n_more_voices
        return fields


def merge_pieces(voices: list[Voice], pieces: Sequence[int | None] = ()) -> list[Voice]:
    """Merge voices that are one: cuts, echoes, slips and warps give a voice several offsets.

    Parameters
    ----------
    voices : list of Voice
        Strongest first.
    pieces : sequence of int or None
        A number for each, shared by those of one path; None or missing for those on none.

    Returns
    -------
    merged : list of Voice
        In the same order, one for each owner and path; a merged voice has the fields of its
        strongest part, is present where any part is, and is decoded if any part is.
    """
    merged: dict[object, Voice] = {}
    for number, voice in enumerate(voices):
        named = voice.notice is not None and voice.notice.owner_id != 0
        piece = pieces[number] if number < len(pieces) else None
        name = voice.notice if named else (piece is None, number if piece is None else piece)
        kept = merged.get(name)
        if kept is None:
            merged[name] = voice
            continue
        segments = unite_segments([*kept.segments_s, *voice.segments_s])
        evidence = tuple(sorted({*kept.evidence, *voice.evidence}))
        one = kept if kept.matched is None or voice.matched is not None else voice
        merged[name] = dataclasses.replace(
            kept, segments_s=segments, evidence=evidence, matched=one.matched, cells=one.cells
        )
    return list(merged.values())


def unite_segments(segments: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return segments, start and end in seconds, in order and without overlap."""
    united: list[tuple[float, float]] = []
    for begin, end in sorted(segments):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return tuple(united)
