"""Which voices are currently followed, and which have been dropped.

A conversation has a few marked voices, and all of them are followed to its end.  A compilation may
have a new one every few seconds: following each to the end would take more and more time for each
window, and their offsets would soon lie everywhere, so that two owners pass for one.  So once
there are many, a voice that falls silent is no longer followed: it keeps its payload and its
segments, and costs nothing from then on.  If it comes back, it is found again, and merged by its
payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.core.tracking import VoiceTrack

__all__ = ["MOST_FOLLOWED", "MOST_KEPT", "Roster"]

MOST_FOLLOWED = 16
MOST_KEPT = 1_024
"""Voices that are reported with all their details; about 80 kB each."""


class Roster:
    """The voices of one search.

    Attributes
    ----------
    tracks : list of VoiceTrack
        Every voice whose details are kept, in the order of their start.
    followed : list of VoiceTrack
        Voices to which new audio is added, at most `MOST_FOLLOWED`.
    n_dropped : int
        Voices dropped after `MOST_KEPT` had been kept: their details are lost.
    """

    def __init__(self) -> None:
        self.tracks: list[VoiceTrack] = []
        self.followed: list[VoiceTrack] = []
        self.n_dropped = 0

    @property
    def is_crowded(self) -> bool:
        """Whether there have been more voices than are followed at a time."""
        return len(self.tracks) > MOST_FOLLOWED

    def add(self, track: VoiceTrack) -> None:
        """Add a new voice; if there are too many, drop the one not heard for longest."""
        self.tracks.append(track)
        self.followed.append(track)
        if len(self.followed) > MOST_FOLLOWED:
            self._let_go(min(self.followed, key=lambda one: one.heard_until))

    def review(self, *, since: int) -> None:
        """Stop following silent voices, if there are many.

        Parameters
        ----------
        since : int
            Half frame of the audio since which a voice must have been heard.
        """
        if self.is_crowded:
            for track in [one for one in self.followed if one.heard_until <= since]:
                self._let_go(track)

    def finish(self) -> None:
        """Decode the remaining payloads at the end of the audio, if there were many voices."""
        if self.is_crowded:
            for track in self.followed:
                track.settle()

    def _let_go(self, track: VoiceTrack) -> None:
        self.followed.remove(track)
        track.settle()
        if len(self.tracks) > MOST_KEPT:
            self.tracks.remove(track)
            self.n_dropped += 1
