"""The output of `sottovoce listen`: a line for each owner; on a terminal, also the present."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._live import LiveBoard
from sottovoce.cli._whose import describe_owned_voice
from sottovoce.cli._words import format_p

if TYPE_CHECKING:
    from sottovoce import Voice
    from sottovoce.live import Hearing

__all__ = ["GONE_S", "HeardBoard", "HeardLines"]

GONE_S = 60.0
"""After this long without a mark its owner is gone: people listen for longer than they pause, and
the turns of a conversation are not news."""
_ENOUGH_S = 6.0
"""Seconds of sound in which a mark is usually found (docs/measurements.md): without one by then,
there is none."""
_N_LOOKS = 3
"""Checks in a row with an unread mark, before it is reported next to owners who were read."""


class HeardLines:
    """Turn checks into lines, reporting each owner once.

    Parameters
    ----------
    own : dict of int to str
        Names of the identities of this computer by their owner ids.

    Notes
    -----
    An owner is reported again with another policy, or after being gone for `GONE_S`.  A mark whose
    owner is not read yet is reported once, until all marks are gone.
    """

    def __init__(self, own: dict[int, str]) -> None:
        self._own = own
        self._told: dict[tuple[int, int], float] = {}  # owner and policy, and when last heard
        self._last_found_s: float | None = None
        self._last_look_s: float | None = None
        self._unmarked_s = 0.0  # of sound since a mark was found
        self._n_unread = 0  # checks in a row with an unread mark
        self._has_told_unread = self._has_told_end = False
        self._has_told_silence = self._has_told_none = False

    def take(self, hearing: Hearing) -> list[str]:
        """Return the lines that a check adds; usually none."""
        found = hearing.detection.found
        since_s = 0.0 if self._last_look_s is None else hearing.at_s - self._last_look_s
        self._last_look_s = hearing.at_s
        if not found:
            self._unmarked_s += since_s if hearing.sounds else 0.0
            return self._say_nothing(hearing)
        if self._last_found_s is None or hearing.at_s - self._last_found_s > GONE_S:
            self._has_told_unread = False
        lines = self._say_owners(hearing) or self._say_unread(hearing)
        self._last_found_s, self._unmarked_s, self._has_told_end = hearing.at_s, 0.0, False
        return lines

    def _say_owners(self, hearing: Hearing) -> list[str]:
        lines = []
        is_new_talk = not self._is_present(self._last_found_s, hearing)
        for voice in hearing.detection.voices:
            if voice.notice is None:
                continue
            key = (voice.notice.owner_id, voice.notice.policy)
            last_s = self._told.get(key)
            if not self._is_present(last_s, hearing):
                words = describe_owned_voice(voice, self._own)
                evidence = describe_evidence(hearing, voice, with_latency=is_new_talk)
                lines.append(f"{'' if last_s is None else 'again: '}{words} ({evidence})")
            self._told[key] = hearing.at_s
        return lines

    def _say_unread(self, hearing: Hearing) -> list[str]:
        """Report a mark that cannot be of an owner who was read before and still speaks."""
        voices = hearing.detection.voices
        unread = [voice for voice in voices if voice.notice is None]
        now = {voice.notice.owner_id for voice in voices if voice.notice is not None}
        present = {
            owner for (owner, _), last_s in self._told.items() if self._is_present(last_s, hearing)
        }
        self._n_unread = self._n_unread + 1 if len(unread) > len(present - now) else 0
        # Next to an owner who was read, their echo may pass for another voice for a moment.
        if self._has_told_unread or self._n_unread < (_N_LOOKS if present else 1):
            return []
        self._has_told_unread = True
        which = "another mark" if present else "a mark"
        evidence = describe_evidence(hearing, unread[0], with_latency=not present)
        return [f"{which}, owner not read yet ({evidence})"]

    def _say_nothing(self, hearing: Hearing) -> list[str]:
        """Report once that there is no mark, or none any more, after enough sound to tell."""
        sounds = f"in {hearing.heard_s:.0f} s of sound"
        if self._last_found_s is None:
            if hearing.heard_s >= _ENOUGH_S and not self._has_told_none:
                self._has_told_none = True
                p = format_p(hearing.detection.log10_p)
                return [f"no mark found yet ({p}, {sounds})"]
            if not hearing.heard_s and not (self._has_told_silence or self._has_told_none):
                self._has_told_silence = True
                return ["silence"]
            return []
        is_gone = not self._is_present(self._last_found_s, hearing)
        if self._has_told_end or not is_gone or self._unmarked_s < _ENOUGH_S:
            return []
        self._has_told_end = True
        return [f"no mark any more ({sounds})"]

    @staticmethod
    def _is_present(last_s: float | None, hearing: Hearing) -> bool:
        return last_s is not None and hearing.at_s - last_s <= GONE_S


class HeardBoard(LiveBoard):
    """Write the lines of `HeardLines`; on a terminal, show below them what is heard now.

    Parameters
    ----------
    own : dict of int to str
        As in `HeardLines`.
    """

    def __init__(self, own: dict[int, str]) -> None:
        super().__init__(refresh_per_second=2)
        self._own = own
        self._lines = HeardLines(own)

    def show(self, hearing: Hearing) -> None:
        """Show one check."""
        for line in self._lines.take(hearing):
            clock = datetime.now().astimezone().strftime("%H:%M:%S")
            _output.result(f"{clock}  {line}")
        if self._live is not None:
            from rich.text import Text

            colour = "green" if hearing.detection.found else "default"
            self._live.update(Text(f"● {describe_now(hearing, self._own)}", style=colour))
        sys.stdout.flush()


def describe_evidence(hearing: Hearing, voice: Voice, *, with_latency: bool) -> str:
    """Return how certain a voice is, and after how much sound the first one was found."""
    p = format_p(voice.log10_p)
    if with_latency and hearing.latency_s is not None:
        return f"{p}, found after {hearing.latency_s:.1f} s of sound"
    return f"{p}, in {hearing.heard_s:.0f} s of sound"


def describe_now(hearing: Hearing, own: dict[int, str]) -> str:
    """Return what is marked in the seconds of one check."""
    if not hearing.detection.found:
        return f"no mark in {hearing.heard_s:.0f} s of sound" if hearing.heard_s else "silence"
    voices = hearing.detection.voices
    said = "; ".join(sorted({describe_owned_voice(voice, own) for voice in voices}))
    return f"{len(voices)} marked {'voice' if len(voices) == 1 else 'voices'}: {said}"
