"""PulseAudio without PipeWire: its devices, a microphone of our own, and the routes between them.

All of it goes through ``pactl`` (Debian's package pulseaudio-utils, 16 or newer).  PulseAudio has
no microphone that a program can feed, so ours is two modules: a null loudspeaker called `…_feed`,
and a source that hears it.  `sottovoce.live.pulse.guard` loads and unloads them.  The graph is
described by `sottovoce.live.graph`, so that everything else is the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import DeviceError
from sottovoce.live.graph import Graph, Node, Port
from sottovoce.live.programs import ask, spawn
from sottovoce.live.pulse import guard as pulse_guard
from sottovoce.live.remedies import find_runtime_folder, tell_how_to_start

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "KIND",
    "build_graph",
    "create_node",
    "end_bypass",
    "end_node",
    "feed_of",
    "find_default_source",
    "find_socket",
    "is_routed",
    "is_running",
    "lead",
    "no_server",
    "nowhere_of",
    "play",
    "read_graph",
    "record",
    "set_default_sink",
    "set_default_source",
    "set_mute",
    "start_bypass",
    "start_nowhere",
]

KIND = "pulse"
"""What `sottovoce.live.default_guard` calls this sound system."""
_KINDS = ("sources", "sinks", "source_outputs", "sink_inputs")
_SPACE = 1_000_000
_WATCHED = ("source", "sink", "source-output", "sink-input", "server", "module")
_BYPASS_MS = 40
_END_S = 5.0


def feed_of(name: str) -> str:
    """Return the name of the loudspeaker behind a microphone."""
    return f"{name}{pulse_guard.FEED}"


def nowhere_of(name: str) -> str:
    """Return the name of the loudspeaker for programs if there is no other."""
    return f"{name}{pulse_guard.NOWHERE}"


def is_running() -> bool:
    """Return whether there is a PulseAudio server that is not PipeWire's emulation."""
    try:
        name = _ask_json("info").get("server_name", "")
    except DeviceError:
        return False
    return "pipewire" not in name.lower()


def read_graph() -> Graph:
    """Read the graph from the audio server.

    Raises
    ------
    DeviceError
        If there is no PulseAudio, or it does not answer.
    """
    return build_graph(_ask_json("list"), _ask_json("info"))


def no_server() -> DeviceError:
    """Return the error for a missing server."""
    remedy = tell_how_to_start(by_hand="pulseaudio --start")
    return DeviceError("there is no PulseAudio server", remedy=remedy)


def is_routed(line: str) -> bool:
    """Return whether an event printed by ``pactl subscribe`` concerns the graph."""
    # Event 'new' on sink-input #3
    words = line.split()
    return len(words) > 3 and words[3] in _WATCHED


def build_graph(listed: dict[str, Any], info: dict[str, Any]) -> Graph:
    """Build the graph from the output of ``pactl``.

    The monitor of a loudspeaker is the loudspeaker's output here.  Sources keep PulseAudio's
    numbers; the others, whose numbers start at zero too, get an offset.
    """
    nodes, monitors = [], {}
    sinks = {sink["name"]: sink["index"] for sink in listed["sinks"]}
    for source in listed["sources"]:
        # A source says "n/a" or nothing if it is not a monitor.
        sink = sinks.get(source.get("monitor_source") or "")
        if sink is None:
            nodes.append(_describe_device(source, "sources", "Audio/Source"))
        monitors[source["index"]] = (
            _number("sources", source["index"]) if sink is None else _number("sinks", sink)
        )
    nodes += [_describe_device(sink, "sinks", "Audio/Sink") for sink in listed["sinks"]]
    links = set()
    for stream in listed["source_outputs"]:
        nodes.append(_describe_stream(stream, "source_outputs", "Stream/Input/Audio"))
        if stream["source"] in monitors:
            links.add((_output(monitors[stream["source"]]), _input(nodes[-1].id)))
    for stream in listed["sink_inputs"]:
        nodes.append(_describe_stream(stream, "sink_inputs", "Stream/Output/Audio"))
        links.add((_output(nodes[-1].id), _input(_number("sinks", stream["sink"]))))
    return Graph(
        nodes=tuple(nodes),
        ports=tuple(_make_ports(nodes)),
        links=frozenset(links),
        default_source=info.get("default_source_name") or "",
        default_sink=info.get("default_sink_name") or "",
    )


def create_node(name: str, description: str) -> subprocess.Popen[bytes]:
    """Create a virtual microphone; it lives until the stdin of the returned process closes.

    Raises
    ------
    DeviceError
        If PulseAudio's programs are not installed.
    """
    # In a session of its own, so that neither Ctrl-C nor a closed terminal reaches it: it must
    # outlive its owner.  Run as a file: nothing of ours is imported.
    return subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-I", "-S", pulse_guard.__file__, name, description],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end_node(owner: subprocess.Popen[bytes]) -> None:
    """Remove a virtual microphone; if its guard cannot, the next one will."""
    if owner.stdin is not None:
        owner.stdin.close()
    try:
        owner.wait(_END_S)
    except subprocess.TimeoutExpired:
        owner.kill()
        owner.wait()


def lead(graph: Graph, source: Node, into: Node) -> None:
    """Route a device to a stream, or a stream to a loudspeaker, unless it already is.

    A microphone plays nothing: sound gets into one of ours through `play`.
    """
    if (_output(source.id), _input(into.id)) in graph.links:
        return
    if into.media_class == "Stream/Input/Audio":
        monitor = ".monitor" if source.media_class == "Audio/Sink" else ""
        _ask("move-source-output", _index(into), f"{source.name}{monitor}", check=False)
    elif into.media_class == "Audio/Sink":
        _ask("move-sink-input", _index(source), into.name, check=False)


def find_default_source(graph: Graph) -> str:
    """Return the current default microphone."""
    return graph.default_source


def set_default_source(name: str) -> None:
    """Set the default microphone; nothing happens if it has gone."""
    _ask("set-default-source", name, check=False)


def set_mute(node: Node) -> None:
    """Mute a microphone; nothing happens if it has gone."""
    _ask("set-source-mute", node.name, "1", check=False)


def set_default_sink(name: str) -> None:
    """Set the default loudspeaker; nothing happens if it has gone."""
    _ask("set-default-sink", name, check=False)


def start_bypass(microphone: str, *, name: str) -> None:
    """Route a microphone to ours without marking, within the server."""
    _ask(
        *("load-module", "module-loopback", f"source={microphone}", f"sink={feed_of(name)}"),
        *(f"latency_msec={_BYPASS_MS}", "source_dont_move=true", "sink_dont_move=true"),
        check=False,
    )


def end_bypass(*, name: str) -> None:
    """Remove the bypass; nothing happens if it has gone."""
    for module in pulse_guard.find_modules(name, kind="module-loopback"):
        _ask("unload-module", module, check=False)


def start_nowhere(*, name: str) -> None:
    """Create a loudspeaker that nobody hears, if there would be none but our own."""
    _ask(
        *("load-module", "module-null-sink", f"sink_name={nowhere_of(name)}"),
        "sink_properties=\"device.description='No loudspeaker'\"",
        check=False,
    )


def play(path: Path, *, name: str, into: str) -> subprocess.Popen[bytes]:
    """Play a file into the microphone `into`, which is one of ours.

    Raises
    ------
    DeviceError
        If PulseAudio's programs are not installed.
    """
    return spawn(
        *("paplay", f"--client-name={name}", f"--device={feed_of(into)}", str(path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def record(*, sr: int, name: str, source: str) -> subprocess.Popen[bytes]:
    """Record a microphone or loudspeaker, mixed down to mono at `sr` Hz, as raw float32 on stdout.

    Raises
    ------
    DeviceError
        If PulseAudio's programs are not installed.
    """
    try:
        node = read_graph().find(source)
    except DeviceError:
        node = None  # parec then ends at once
    monitor = ".monitor" if node is not None and node.media_class == "Audio/Sink" else ""
    return spawn(
        *(
            "parec",
            f"--client-name={name}",
            f"--device={source}{monitor}",
            f"--rate={sr}",
            "--channels=1",
        ),
        "--stream-name=Sottovoce listens to its own microphone",
        "--property=node.virtual=true",
        *("--format=float32le", "--raw", "--latency-msec=50"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _describe_device(device: dict[str, Any], kind: str, media_class: str) -> Node:
    volumes = [channel["value"] for channel in (device.get("volume") or {}).values()]
    return Node(
        id=_number(kind, device["index"]),
        name=device["name"],
        description=device["description"],
        media_class=media_class,
        muted=bool(device.get("mute")) or not any(volumes or (1,)),
    )


def _describe_stream(stream: dict[str, Any], kind: str, media_class: str) -> Node:
    properties = stream["properties"]
    program = properties.get("application.name", "")
    # A stream of a module, not of a program, feeds a device that the module creates, and a stream
    # of peaks only drives a level meter.
    no_program = stream.get("client") in (None, "n/a") or stream.get("resample_method") == "peaks"
    return Node(
        id=_number(kind, stream["index"]),
        name=program,
        description=properties.get("media.name", program),
        media_class=media_class,
        program=program,
        link_group=f"module-{stream.get('owner_module')}" if no_program else "",
    )


def _make_ports(nodes: Iterable[Node]) -> Iterable[Port]:
    for node in nodes:
        if node.media_class in ("Audio/Sink", "Stream/Input/Audio"):
            yield Port(id=_input(node.id), node=node.id, direction="in")
        if node.media_class != "Stream/Input/Audio":
            yield Port(id=_output(node.id), node=node.id, direction="out")


def _number(kind: str, index: int) -> int:
    return _SPACE * _KINDS.index(kind) + index


def _index(node: Node) -> str:
    """Return PulseAudio's own number."""
    return str(node.id % _SPACE)


def _input(node: int) -> int:
    return 2 * node


def _output(node: int) -> int:
    return 2 * node + 1


def _ask(*words: str, check: bool = True) -> str:
    """Return the output of ``pactl``."""
    # Without a socket there is no server, and a query would make the library start one.
    if not os.environ.get("PULSE_SERVER") and not find_socket().exists():
        if check:
            raise no_server()
        return ""
    return ask("pactl", *words, check=check, missing=no_server())


def find_socket() -> Path:
    """Return the socket of PulseAudio, or of PipeWire's emulation of it."""
    folder = os.environ.get("PULSE_RUNTIME_PATH")
    if folder is None:
        return find_runtime_folder() / "pulse" / "native"
    return Path(folder) / "native"


def _ask_json(what: str) -> dict[str, Any]:
    try:
        answer = json.loads(_ask("--format=json", what))
    except json.JSONDecodeError as err:
        raise DeviceError(
            "pactl's answer cannot be read", remedy="pulseaudio-utils 16 or newer is needed."
        ) from err
    if not isinstance(answer, dict):
        raise DeviceError("pactl's answer cannot be read", remedy="Try again.")
    return answer
