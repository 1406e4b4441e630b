"""`MicState`: the state of the virtual microphone at one moment, on any sound system."""

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
    """State of the virtual microphone at one moment.

    Attributes
    ----------
    status : str
        *marking*: the voice goes out marked.  *unmarked*: the voice goes out as it is, because
        marking fails.  *muted*: nothing goes out, because the user muted *Sottovoce* or the
        hardware microphone, or turned its volume to zero.  *silent*: nothing goes out, because
        the audio process has ended and there is no path around it.  *no microphone*: none is
        plugged in.  *no server*: the audio server is not running.  *starting*: the audio process
        has not started yet; until then the voice goes out unmarked.  *asleep*: no program
        records, so no sound is processed.
    microphone : str
        The hardware microphone's name as shown to users, empty if there is none.
    n_recorders : int or None
        Programs that record from *Sottovoce* now; None if the sound system does not report them.
    bypassing : tuple of str
        Programs that record from another microphone, and so without the mark.
    level_dbfs : float
        Root mean square of the voice, smoothed over 0.3 s, in dB relative to full scale.
    delay_s : float
        Delay that marking adds between the microphone and the program, in seconds.
    n_blocks, n_missed, n_unmarked : int
        Blocks so far; blocks that missed the server's deadline; blocks that went out unmarked.
    block : int
        Samples in a block now.
    busy : float
        Share of one processor core that marking uses.
    realtime : bool
        Whether marking has real-time priority, so that no block is missed on a busy computer.
    hearing : Hearing or None
        The last check of the sound that actually goes out.
    found_ago_s : float or None
        Seconds since the mark was last found there.
    error : str
        Description of the last error, empty if there was none.
    muted, microphone_muted : bool
        Whether *Sottovoce*, or the hardware microphone, is muted or has zero volume.
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
        """Return the state from the meters and the watcher of the outgoing sound.

        Parameters
        ----------
        readings : Readings
            Readings of the audio process's meters.
        watcher : SourceWatcher or None
            The watcher that listens to the outgoing sound.
        now_s : float
            The current time, on `time.monotonic`.
        status, microphone, n_recorders, error, bypassing, muted, microphone_muted
            As the attributes.

        Returns
        -------
        state : MicState
            As it is now.
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
        """Whether the mark is heard in the latest outgoing sound, if there was enough to tell."""
        if self.hearing is None:
            return "waiting"
        if self.hearing.missing:
            return "not heard"
        if self.found_ago_s is not None and self.found_ago_s <= _FRESH_S:
            return "heard"
        return "waiting"
