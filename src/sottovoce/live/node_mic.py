"""`MicSession`: the microphone *Sottovoce*, its audio process, and the monitoring of both."""

from __future__ import annotations

import abc
import functools
import logging
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from sottovoce.core.payload import Notice
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import DeviceError
from sottovoce.live import systemd
from sottovoce.live.default_source import DefaultSource
from sottovoce.live.graph import NODE_NAME, is_called
from sottovoce.live.listening.watcher import SourceWatcher
from sottovoce.live.marking.engine import METERS_FILE, make_settings
from sottovoce.live.marking.engine_process import EngineProcess
from sottovoce.live.marking.meters import Meter, create_meters, read_meters
from sottovoce.live.mic_state import MicState

if TYPE_CHECKING:
    import subprocess
    from types import TracebackType

    from sottovoce.live.graph import Graph, Node
    from sottovoce.live.mic_state import MicStatus
    from sottovoce.live.monitor import GraphMonitor
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["MicSession"]

_logger = logging.getLogger(__name__)
_GRAPH_S = 0.5
_ASLEEP_S = 10.0
_DEAD_S = 1.0
_START_S = 12.0
_STARTING_S = 5.0
_PATIENCE_S = 3.0
_BACKOFF_S = 1.0
_UNEXPLAINED = "marking failed"


class MicSession(abc.ABC):
    """A microphone called *Sottovoce* that gives out a hardware microphone's sound, marked.

    Three processes work together: this one monitors the others and listens to the outgoing sound;
    one owns the node in the sound system's graph; one marks, block by block.  All end with this
    one.  While the marking process is down, the hardware microphone is linked to the node
    directly: the voice goes out unmarked, and the status says so.

    Parameters
    ----------
    notice, strength_db, seal_key, device, block, make_default, listen, on_demand, name
        As in `sottovoce.live.open_mic`.

    Attributes
    ----------
    shown_as : str
        Name of the microphone to choose in a call.

    See Also
    --------
    sottovoce.Protector : The marking itself.

    Notes
    -----
    Use it, including `poll`, from one thread that lives as long as the microphone: the processes
    end with the thread that started them.
    """

    _system: ClassVar[SoundSystem]
    _engine_program: ClassVar[str]
    _usual_block: ClassVar[int]
    _least_block: ClassVar[int]

    def __init__(
        self,
        *,
        notice: Notice | None = None,
        strength_db: float = STRENGTHS_DB["strong"],
        seal_key: bytes | None = None,
        device: str | None = None,
        block: int | None = None,
        make_default: bool = False,
        listen: bool = True,
        on_demand: bool = True,
        name: str = NODE_NAME,
    ) -> None:
        self._name = name
        self.shown_as = name.capitalize()
        self._client_name = f"{name}-engine"
        self._on_demand = on_demand
        self._asleep = on_demand
        self._linked_s = -math.inf
        self._monitor = self._make_monitor()
        self._notice = notice or Notice()
        self._wanted = device
        self._default = DefaultSource(self._system, name) if make_default else None
        self._folder = tempfile.TemporaryDirectory(prefix="sottovoce-")
        self._meters = create_meters(Path(self._folder.name) / METERS_FILE)
        self._node: subprocess.Popen[bytes] | None = None
        self._node_s = -math.inf
        self._first_s = math.inf
        self._engine = EngineProcess(
            Path(self._folder.name),
            program=self._engine_program,
            name=name,
            block=max(block or self._usual_block, self._least_block),
            client=self._client_name,
            **make_settings(self._notice, strength_db=strength_db, seal_key=seal_key),
        )
        self._graph_s = -math.inf
        self._usual = ""
        self._graph: Graph | None = None
        self._microphone: Node | None = None
        self._error = ""
        self._n_unmarked = 0
        # What the user muted stays muted when a new node replaces the previous one.
        self._own_id = -1
        self._mutes = (False, False)
        self._watcher: SourceWatcher | None = None
        if listen:
            record = functools.partial(self._system.record, name=f"{name}-listener", source=name)
            self._watcher = SourceWatcher(record, owner_id=self._notice.owner_id)
            self._watcher.rest(asleep=self._asleep)

    def __enter__(self) -> Self:
        """Create the microphone.

        Returns
        -------
        mic : MicSession
            Itself.

        Raises
        ------
        DeviceError
            If the sound system has ended, there is no microphone with the wanted name, or a
            *Sottovoce* microphone is already running.
        MissingExtraError
            If the extra `live` is not installed.
        """
        self._check()
        graph = self._system.read_graph()
        if self._is_taken(graph):
            message = f"a {self.shown_as} microphone is already running"
            raise DeviceError(message, remedy=systemd.tell_who_runs())
        self._choose_microphone(graph)
        self._renew_node()
        self._monitor.start()
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                message = self._error or "the audio process did not start"
                self.close()
                raise DeviceError(message, remedy="`sottovoce mic doctor` shows what is missing.")
            self.wait(0.05)
        if self._watcher is not None:
            self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the microphone, and restore the previous default."""
        self.close()

    def close(self) -> None:
        """Remove everything again; can be called twice."""
        if self._default is not None:
            self._default.close()
        self._monitor.stop()
        if self._watcher is not None and self._watcher.started:
            self._watcher.stop()
        self._engine.kill()
        self._end_node()
        self._folder.cleanup()

    def poll(self) -> MicState:
        """Restore what was lost, and return the state of the microphone.

        Returns
        -------
        state : MicState
            The current state.  Call this several times a second, or whenever `wait` returns.
        """
        now = time.monotonic()
        period_s = _ASLEEP_S if self._asleep else _GRAPH_S
        if self._monitor.take() or now - self._graph_s >= period_s:
            self._graph_s = now
            try:
                self._graph = self._repair(self._monitor.graph(), now)
            except DeviceError as err:
                self._graph, self._error = None, str(err)
                self._node_s = -math.inf  # the node has gone with it
        return self._state(time.monotonic())

    def wait(self, timeout_s: float) -> None:
        """Return as soon as something changes in the audio server, or after `timeout_s`.

        Parameters
        ----------
        timeout_s : float
            Longest wait, in seconds.
        """
        self._monitor.wait(timeout_s)

    @abc.abstractmethod
    def _make_monitor(self) -> GraphMonitor:
        """Return the monitor that follows the graph."""

    @abc.abstractmethod
    def _check(self) -> None:
        """Raise an error if a requirement is missing."""

    @abc.abstractmethod
    def _link(self, graph: Graph, own: Node) -> None:
        """Link the microphone to the engine, or directly to our node while the engine is down."""

    @abc.abstractmethod
    def _can_begin(self, graph: Graph) -> bool:
        """Return whether the graph is complete enough for marking to start."""

    def _is_taken(self, graph: Graph) -> bool:
        """Return whether another process has created the microphone."""
        return graph.find(self._name) is not None

    def _renew_node(self) -> None:
        """Create the microphone, replacing any previous one."""
        self._end_node()
        self._node_s = time.monotonic()
        self._node = self._system.create_node(self._name, self.shown_as)

    def _end_node(self) -> None:
        if self._node is not None:
            self._system.end_node(self._node)
        self._node = None

    def _is_ready(self) -> bool:
        self.poll()
        return self._graph is not None and self._can_begin(self._graph)

    def _repair(self, graph: Graph, now: float) -> Graph:
        """Start and link everything that is missing."""
        own = graph.find(self._name)
        gone = own is None and now - self._node_s > _PATIENCE_S
        if self._node is None or self._node.poll() is not None or gone:
            self._renew_node()
            return graph
        if self._hangs(now):
            self._engine.kill()
        if not self._engine.alive:
            self._error = self._engine.error
            if now - self._engine.began_s > _BACKOFF_S:
                self._engine.start()
                self._first_s = min(self._first_s, now)
        self._choose_microphone(graph)
        if own is None or not self._stays_muted(own):
            return graph
        if self._default is not None:
            usual = self._usual or (self._microphone.name if self._microphone else "")
            self._default.keep(graph, otherwise=usual)
        self._rest(needed=not self._on_demand or bool(graph.recorders_of(own)), now=now)
        self._link(graph, own)
        return graph

    def _stays_muted(self, own: Node) -> bool:
        """Return whether a new node is as muted as the previous one, so that it may be linked."""
        if own.id != self._own_id and self._mutes[0] and not own.muted:
            self._system.set_mute(own)
            return False
        mutes = (own.muted, self._microphone is not None and self._microphone.muted)
        if mutes != self._mutes and self._watcher is not None:
            self._watcher.forget()
        self._own_id, self._mutes = own.id, mutes
        return True

    def _rest(self, *, needed: bool, now: float) -> None:
        """Fall asleep, or wake up."""
        if needed and self._asleep:
            self._linked_s = now
        self._asleep = not needed
        if self._watcher is not None:
            self._watcher.rest(asleep=self._asleep)

    def _idle_s(self, now: float) -> float:
        """Return for how many seconds the audio process has wrongly done nothing."""
        if self._asleep or self._microphone is None:
            return 0.0
        return now - max(float(self._meters[Meter.LAST_S]), self._linked_s)

    def _hangs(self, now: float) -> bool:
        """Return whether the audio process had time to start, and does nothing."""
        patience_s = _PATIENCE_S if self._meters[Meter.LAST_S] else _START_S
        return min(self._idle_s(now), now - self._engine.began_s - patience_s) > _DEAD_S

    def _choose_microphone(self, graph: Graph) -> None:
        """Choose the wanted microphone, or else the default one, or any."""
        microphones = graph.microphones()
        if self._wanted is not None:
            fits = [node for node in graph.sources() if is_called(node, self._wanted)]
            fits = [node for node in fits if node.name != self._name]
            if not fits and self._node is None:
                names = "; ".join(node.description for node in microphones) or "none"
                raise DeviceError(
                    f"there is no microphone {self._wanted!r}", remedy=f"Available: {names}."
                )
        else:
            if self._default is not None and self._default.usual:
                self._usual = self._default.usual
            elif graph.default_source != self._name:
                self._usual = graph.default_source
            fits = [node for node in microphones if node.name == self._usual]
            # Prefer a hardware microphone to another program's virtual one.
            fits += sorted(microphones, key=lambda node: node.media_class)
        if self._microphone is None and fits:
            self._linked_s = time.monotonic()
        self._microphone = fits[0] if fits else None

    def _choose_status(self, now: float, *, missed: bool) -> MicStatus:
        if self._graph is None:
            return "no server"
        if self._microphone is None:
            return "no microphone"
        if self._asleep:
            return "asleep"
        own = self._graph.find(self._name)
        if own is None:
            return "starting"
        if own.muted or self._microphone.muted:
            return "muted"
        dead_s = self._idle_s(now)
        # On a busy computer, the first audio process takes several seconds to start.
        if not self._meters[Meter.LAST_S] and now - self._first_s < _STARTING_S:
            return "starting"
        return "unmarked" if missed or dead_s > _DEAD_S else "marking"

    def _state(self, now: float) -> MicState:
        readings = read_meters(self._meters)
        failing = readings["n_unmarked"] > self._n_unmarked
        if failing or self._error == _UNEXPLAINED:
            # The reason is written a moment after the failure is counted.
            self._error = self._engine.error or _UNEXPLAINED
        self._n_unmarked = readings["n_unmarked"]
        own = self._graph.find(self._name) if self._graph else None
        return MicState.from_meters(
            readings,
            status=self._choose_status(now, missed=failing),
            microphone=self._microphone.description if self._microphone else "",
            n_recorders=len(self._graph.recorders_of(own)) if self._graph and own else 0,
            bypassing=self._graph.programs_on_microphones() if self._graph else (),
            error=self._error,
            watcher=self._watcher,
            now_s=now,
            muted=own is not None and own.muted,
            microphone_muted=self._microphone is not None and self._microphone.muted,
        )
