"""`open_mic`: the microphone *Sottovoce* on whatever sound system there is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, Self

from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.live.graph import NODE_NAME
from sottovoce.live.loopback.devices import SYSTEMS
from sottovoce.live.loopback.mic import LoopbackMic
from sottovoce.live.pipewire.mic import PipeWireMic
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.mic import PulseMic
from sottovoce.live.sound_system import find_system

if TYPE_CHECKING:
    from types import TracebackType

    from sottovoce.core.payload import Notice
    from sottovoce.live.mic_state import MicState

__all__ = ["VirtualMic", "open_mic"]


class VirtualMic(Protocol):
    """What every kind of the microphone can do, whatever sound system it stands on.

    Attributes
    ----------
    shown_as : str
        Name of the microphone that is to be chosen in a call.
    """

    shown_as: str

    def __enter__(self) -> Self:
        """Make the microphone."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take it away."""

    def close(self) -> None:
        """Take it away; harmless when done twice."""

    def poll(self) -> MicState:
        """Bring back what was lost, and say how the microphone is."""

    def wait(self, timeout_s: float) -> None:
        """Return as soon as something changes, or after `timeout_s`."""


def open_mic(
    *,
    notice: Notice | None = None,
    strength_db: float = STRENGTHS_DB["strong"],
    device: str | None = None,
    block: int | None = None,
    into: str | None = None,
    make_default: bool = False,
    listen: bool = True,
    on_demand: bool = True,
    name: str = NODE_NAME,
) -> VirtualMic:
    """Return the microphone for the sound system of this computer.

    That is PulseAudio where it answers, or else PipeWire; on macOS and Windows a loopback driver.

    Parameters
    ----------
    notice : Notice
        Who refuses what; by default an anonymous refusal of every use.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude; *strong* by default, since calls
        are short and their codecs hard.
    device : str or None
        The hardware microphone, by its name or a part of the name that people are shown; None
        takes the one that programs are given.
    block : int or None
        Samples in a block, asked for; None takes 512 on PipeWire and 960 on PulseAudio,
        which takes no less than 480.
    into : str or None
        The output device of a loopback driver, by a part of its name, for macOS and Windows; None
        looks for the drivers that are known.
    make_default : bool
        Whether programs are given *Sottovoce* until this ends.
    listen : bool
        Whether what goes out is listened to.
    on_demand : bool
        Whether sound is worked on only while a program records from *Sottovoce*: until then the
        hardware microphone is left alone, and next to no power is used.
    name : str
        Name of the microphone in the sound system; people are shown it with a capital letter.

    Returns
    -------
    mic : VirtualMic
        A context manager that makes the microphone and takes it away again.

    Raises
    ------
    DeviceError
        If there is no sound system that it could be made on.

    See Also
    --------
    sottovoce.Protector : The marking itself.

    Notes
    -----
    To be used, `VirtualMic.poll` included, from one thread that lives as long as the microphone:
    its processes end with the thread that started them.

    Examples
    --------
    Needs a sound system:

    >>> with open_mic(notice=Notice(owner_id=7)) as mic:  # doctest: +SKIP
    ...     while True:
    ...         print(mic.poll().sign)
    ...         mic.wait(0.5)
    """
    if into is not None or sys.platform in SYSTEMS:
        return LoopbackMic(
            notice=notice,
            strength_db=strength_db,
            device=device,
            block=block,
            into=into,
            make_default=make_default,
            listen=listen,
            on_demand=on_demand,
        )
    kind = PulseMic if find_system() is pulse_server else PipeWireMic
    return kind(
        notice=notice,
        strength_db=strength_db,
        device=device,
        block=block,
        make_default=make_default,
        listen=listen,
        on_demand=on_demand,
        name=name,
    )
