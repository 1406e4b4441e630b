"""Which voices are followed at a time, and which have been let go.

A conversation has a few marked voices, and all of them are followed to its end.  A compilation may
have a new one every few seconds: whoever followed each to the end would work longer and longer for
each window, and their offsets would soon lie everywhere, so that two owners pass for one.  So once
there are many, a voice that falls silent is let go: it keeps what it said and where it sounded, and
costs nothing from then on.  If it comes back, it is found again, and told as one voice by what it
says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.core.tracking import VoiceTrack

__all__ = ["MOST_FOLLOWED", "MOST_KEPT", "Roster"]

MOST_FOLLOWED = 16
MOST_KEPT = 1_024
"""Voices that are told with all that is known of them; about 80 kB each."""


class Roster:
    """The voices of one search.

    Attributes
    ----------
    tracks : list of VoiceTrack
        Every voice of which something is known, in the order in which they began.
    followed : list of VoiceTrack
        Those that take in new audio, at most `MOST_FOLLOWED`.
    n_dropped : int
        Voices that were let go when `MOST_KEPT` had been: of them nothing is known any more.
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
        """Take in a new voice; of too many, let go of the one that was heard least lately."""
        self.tracks.append(track)
        self.followed.append(track)
        if len(self.followed) > MOST_FOLLOWED:
            self._let_go(min(self.followed, key=lambda one: one.heard_until))

    def review(self, *, since: int) -> None:
        """Let go of the voices that are silent, where there are many.

        Parameters
        ----------
        since : int
            Half frame of the audio from which on a voice must have been heard.
        """
        if self.is_crowded:
            for track in [one for one in self.followed if one.heard_until <= since]:
                self._let_go(track)

    def finish(self) -> None:
        """Read what can be read at the end of the audio, where voices were many."""
        if self.is_crowded:
            for track in self.followed:
                track.settle()

    def _let_go(self, track: VoiceTrack) -> None:
        self.followed.remove(track)
        track.settle()
        if len(self.tracks) > MOST_KEPT:
            self.tracks.remove(track)
            self.n_dropped += 1
