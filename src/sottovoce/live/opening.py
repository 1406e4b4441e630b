"""`open_mic` and `listen_to`: on whatever sound system there is."""

from __future__ import annotations

import functools
import os
import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import DeviceError
from sottovoce.live.graph import LISTENER_NAME, NODE_NAME
from sottovoce.live.listening.watcher import SourceWatcher
from sottovoce.live.loopback.devices import SYSTEMS
from sottovoce.live.loopback.mic import LoopbackMic
from sottovoce.live.pipewire import server as pipewire_server
from sottovoce.live.pipewire.mic import PipeWireMic
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.mic import PulseMic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sottovoce.core.payload import Notice
    from sottovoce.live.listening.hearing import Hearing
    from sottovoce.live.mic_state import MicState
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["VirtualMic", "find_system", "listen_to", "open_mic"]

_LINK_S = 0.5
_LISTEN_S = 20.0


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
    ...         print(mic.poll().status)
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


def find_system() -> SoundSystem:
    """Return the sound system that programs for calls reach.

    They know PulseAudio's socket alone, so whoever answers there is asked first: on many computers
    PipeWire runs beside PulseAudio for pictures only.

    Returns
    -------
    system : SoundSystem
        The module that speaks to it.

    Raises
    ------
    DeviceError
        If there is none.
    """
    if sys.platform != "linux":
        raise DeviceError(
            f"there is no virtual microphone for {sys.platform} yet", remedy="It takes Linux."
        )
    if pulse_server.is_running():
        return pulse_server
    try:
        pipewire_server.read_graph()
    except DeviceError as err:
        raise DeviceError(
            f"there is neither PipeWire nor PulseAudio: {err}",
            remedy="`sottovoce mic doctor` says what is missing.",
        ) from err
    return pipewire_server


def listen_to(device: str | None = None, *, every_s: float = 2.0) -> Iterator[Hearing]:
    """Listen to a microphone, or to what the loudspeakers play, and yield every look.

    Parameters
    ----------
    device : str or None
        A microphone or loudspeaker, by its name or a part of the name that people are shown;
        None takes the loudspeakers that programs are given: the other people in a call.
    every_s : float
        Seconds between two looks, each at the last 20 s.

    Returns
    -------
    hearings : iterator of Hearing
        Without end.

    Raises
    ------
    DeviceError
        If there is no sound system, or no such device.
    """
    name = f"{LISTENER_NAME}-{os.getpid()}"
    system = find_system()
    graph = system.read_graph()
    node = graph.find_device(device)
    if node is None:
        names = "; ".join(node.description for node in graph.devices()) or "none"
        raise DeviceError(f"there is no device {device!r}", remedy=f"There is: {names}.")
    watcher = SourceWatcher(
        functools.partial(system.record, name=name, source=node.name),
        window_s=_LISTEN_S,
        every_s=every_s,
        brief=False,
    )
    watcher.start()
    last = None
    try:
        while True:
            graph = system.read_graph()
            node, ears = graph.find_device(device), graph.find(name)
            if node is not None and ears is not None:
                system.lead(graph, node, ears)
            hearing = watcher.hearing
            if hearing is not None and hearing is not last:
                last = hearing
                yield hearing
            time.sleep(_LINK_S)
    finally:
        watcher.stop()
