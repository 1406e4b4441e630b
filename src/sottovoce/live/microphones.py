"""`open_mic` and `listen_to`, for any supported sound system."""

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
    """The interface of the microphone, the same on every sound system.

    Attributes
    ----------
    shown_as : str
        Name of the microphone to choose in a call.
    """

    shown_as: str

    def __enter__(self) -> Self:
        """Create the microphone."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove it."""

    def close(self) -> None:
        """Remove it; can be called twice."""

    def poll(self) -> MicState:
        """Restore what was lost, and return the state of the microphone."""

    def wait(self, timeout_s: float) -> None:
        """Return as soon as something changes, or after `timeout_s`."""


def open_mic(
    *,
    notice: Notice | None = None,
    strength_db: float = STRENGTHS_DB["strong"],
    seal_key: bytes | None = None,
    device: str | None = None,
    block: int | None = None,
    into: str | None = None,
    make_default: bool = False,
    listen: bool = True,
    on_demand: bool = True,
    name: str = NODE_NAME,
) -> VirtualMic:
    """Return the microphone for the sound system of this computer.

    That is PulseAudio if it answers, or else PipeWire; on macOS and Windows a loopback driver.

    Parameters
    ----------
    notice : Notice
        Who refuses what; by default an anonymous refusal of every use.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude; *strong* by default, since calls
        are short and their codecs hard.
    seal_key : bytes or None
        The owner's 32 secret bytes; if given, the keyed seal is written too.
    device : str or None
        The hardware microphone, by its name or part of its shown name; None takes the default
        one.
    block : int or None
        Requested samples per block; None takes 512 on PipeWire and 960 on PulseAudio, which
        needs at least 480.
    into : str or None
        The output device of a loopback driver, by part of its name, for macOS and Windows; None
        looks for the known drivers.
    make_default : bool
        Whether *Sottovoce* is the default microphone until this ends.
    listen : bool
        Whether to check the outgoing sound for the mark.
    on_demand : bool
        Whether sound is processed only while a program records from *Sottovoce*: until then the
        hardware microphone is not used, and hardly any power.
    name : str
        Name of the microphone in the sound system; users see it capitalised.

    Returns
    -------
    mic : VirtualMic
        A context manager that creates the microphone and removes it again.

    Raises
    ------
    DeviceError
        If there is no supported sound system.

    See Also
    --------
    sottovoce.Protector : The marking itself.

    Notes
    -----
    Use it, including `VirtualMic.poll`, from one thread that lives as long as the microphone: its
    processes end with the thread that started them.

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
            seal_key=seal_key,
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
        seal_key=seal_key,
        device=device,
        block=block,
        make_default=make_default,
        listen=listen,
        on_demand=on_demand,
        name=name,
    )


def find_system() -> SoundSystem:
    """Return the sound system that programs for calls use.

    They know only PulseAudio's socket, so the server that answers there comes first: on many
    computers PipeWire runs alongside PulseAudio for video only.

    Returns
    -------
    system : SoundSystem
        The module that communicates with it.

    Raises
    ------
    DeviceError
        If there is none.
    """
    if sys.platform != "linux":
        raise DeviceError(
            f"there is no virtual microphone for {sys.platform} yet", remedy="It needs Linux."
        )
    if pulse_server.is_running():
        return pulse_server
    try:
        pipewire_server.read_graph()
    except DeviceError as err:
        raise DeviceError(
            f"neither PipeWire nor PulseAudio is running: {err}",
            remedy="`sottovoce mic doctor` shows what is missing.",
        ) from err
    return pipewire_server


def listen_to(device: str | None = None, *, every_s: float = 2.0) -> Iterator[Hearing]:
    """Listen to a microphone, or to the loudspeaker output, and yield the result of every check.

    Parameters
    ----------
    device : str or None
        A microphone or loudspeaker, by its name or part of its shown name; None takes the
        default loudspeaker, which plays the other people in a call.
    every_s : float
        Seconds between two checks, each of the last 20 s.

    Returns
    -------
    hearings : iterator of Hearing
        One result per check, without end.

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
        raise DeviceError(f"there is no device {device!r}", remedy=f"Available: {names}.")
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
