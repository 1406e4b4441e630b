"""`MicState`: how the virtual microphone is at one moment, whatever sound system it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sottovoce.live.listening.hearing import Hearing
    from sottovoce.live.listening.watcher import SourceWatcher
    from sottovoce.live.marking.meters import Readings

__all__ = ["MicState", "MicStatus"]

_FRESH_S = 6.0

MicStatus = Literal[
    "marking",
    "unmarked",
    "muted",
    "silent",
    "no microphone",
    "no server",
    "starting",
    "asleep",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MicState:
    """How the virtual microphone is at one moment.

    Attributes
    ----------
    status : str
        *marking*: what goes out is being marked.  *unmarked*: the voice goes out as it is,
        because marking fails.  *muted*: nothing goes out, because a person muted *Sottovoce* or
        the hardware microphone, or turned its volume to nothing.  *silent*: nothing goes out,
        because the audio process has ended and no other way leads around it.  *no microphone*:
        none is plugged in.  *no server*: the audio server is not there.  *starting*: the audio
        process has not begun, and what goes out until then is not marked.  *asleep*: no program
        records, so nothing is worked on.
    microphone : str
        The hardware microphone's name for people, empty where there is none.
    n_recorders : int or None
        Programs that record from *Sottovoce* now; None where the sound system does not tell.
    bypassing : tuple of str
        Programs that record from another microphone, and so without the mark.
    level_dbfs : float
        Root mean square of the voice, smoothed over 0.3 s, in dB relative to full scale.
    delay_s : float
        Time that marking adds between the microphone and the program.
    n_blocks, n_missed, n_unmarked : int
        Blocks so far; those that the server went on without; those that went out unmarked.
    block : int
        Samples in a block now.
    busy : float
        Share of one processor core that marking takes.
    realtime : bool
        Whether marking goes before all other work, so that none is missed on a busy computer.
    hearing : Hearing or None
        What was last heard of the mark in what really goes out.
    found_ago_s : float or None
        Seconds since the mark was last found there.
    error : str
        What went wrong last, empty for nothing.
    muted, microphone_muted : bool
        Whether *Sottovoce* is muted, or has no volume; whether the hardware microphone is.
    """

    status: MicStatus
    microphone: str
    n_recorders: int | None
    bypassing: tuple[str, ...]
    level_dbfs: float
    delay_s: float
    n_blocks: int
    n_missed: int
    n_unmarked: int
    block: int
    busy: float
    realtime: bool
    hearing: Hearing | None
    found_ago_s: float | None
    error: str
    muted: bool = False
    microphone_muted: bool = False

    @classmethod
    def from_meters(
        cls,
        readings: Readings,
        *,
        status: MicStatus,
        microphone: str,
        n_recorders: int | None,
        error: str,
        watcher: SourceWatcher | None,
        now_s: float,
        bypassing: tuple[str, ...] = (),
        muted: bool = False,
        microphone_muted: bool = False,
    ) -> MicState:
        """Return the state that meters and the watch over what goes out show.

        Parameters
        ----------
        readings : Readings
            What the meters of the audio process say.
        watcher : SourceWatcher or None
            What listens to what goes out.
        now_s : float
            The time, on `time.monotonic`.
        status, microphone, n_recorders, error, bypassing, muted, microphone_muted
            As the attributes.
        """
        found_s = watcher.found_s if watcher is not None else None
        return cls(
            status=status,
            microphone=microphone,
            n_recorders=n_recorders,
            bypassing=bypassing,
            hearing=watcher.hearing if watcher is not None else None,
            found_ago_s=None if found_s is None else now_s - found_s,
            error=error,
            muted=muted,
            microphone_muted=microphone_muted,
            **readings,
        )

    @property
    def confirmation(self) -> Literal["heard", "not heard", "waiting"]:
        """Whether the mark is heard in what went out last, if there was enough sound to tell."""
        if self.hearing is None:
            return "waiting"
        if self.hearing.missing:
            return "not heard"
        if self.found_ago_s is not None and self.found_ago_s <= _FRESH_S:
            return "heard"
        return "waiting"
