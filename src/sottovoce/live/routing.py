"""The PipeWire graph: which microphones there are, a node of our own, and the links between.

All of it goes through PipeWire's own programs (Debian's package pipewire-bin), which outlast its
releases better than any binding.  The node is of the class `Audio/Source/Virtual`: a microphone to
every program and never a loudspeaker, so that no program can play into it by accident.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "LISTENER_NAME",
    "NODE_NAME",
    "Graph",
    "Node",
    "Port",
    "build_graph",
    "connect",
    "create_node",
    "disconnect",
    "is_called",
    "is_routed",
    "parse_dump",
    "play",
    "read_graph",
    "record",
    "set_default_source",
    "spawn",
]

NODE_NAME = "sottovoce"
LISTENER_NAME = "sottovoce-listener"
_TIMEOUT_S = 5.0
_SOURCE_CLASSES = ("Audio/Source", "Audio/Source/Virtual", "Audio/Duplex")
_RECORDING = "Stream/Input/Audio"
_DEFAULT = "default.audio.source"
_CONFIGURED = "default.configured.audio.source"
_DEFAULT_SINK = "default.audio.sink"
_PACKAGES = {"setpriv": "util-linux"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One channel of a node, going in or out.

    Attributes
    ----------
    id : int
        Number in the graph.
    node : int
        Number of its node.
    direction : {'in', 'out'}
        Which way sound goes.
    """

    id: int
    node: int
    direction: Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A device or a program that sound goes through.

    Attributes
    ----------
    id : int
        Number in the graph.
    name : str
        Name that stays the same, such as `alsa_input.pci-0000_00_1f.3.analog-stereo`.
    description : str
        Name that people are shown.
    media_class : str
        Kind, such as `Audio/Source` or `Stream/Input/Audio`.
    program : str
        Name of the program that it belongs to, empty where it is a device.
    link_group : str
        What several nodes of one filter have in common, empty for others.
    """

    id: int
    name: str
    description: str
    media_class: str
    program: str = ""
    link_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What the audio server holds at one moment.

    Attributes
    ----------
    nodes : tuple of Node
        Devices and programs.
    ports : tuple of Port
        Their channels.
    links : frozenset of (int, int)
        Pairs of an output port and an input port.
    default_source : str
        Name of the microphone that programs are given, empty where there is none.
    configured_source : str
        Name of the one that the person chose for them, empty where the server chooses.
    default_sink : str
        Name of the loudspeaker that programs are given, empty where there is none.
    """

    nodes: tuple[Node, ...]
    ports: tuple[Port, ...]
    links: frozenset[tuple[int, int]]
    default_source: str
    configured_source: str
    default_sink: str

    def find(self, name: str) -> Node | None:
        """Return the node of a name."""
        return next((node for node in self.nodes if node.name == name), None)

    def ports_of(self, node: Node, direction: str) -> list[int]:
        """Return the numbers of a node's inputs or outputs."""
        return [p.id for p in self.ports if p.node == node.id and p.direction == direction]

    def microphones(self) -> list[Node]:
        """Return every source of sound but those that we make."""
        return [node for node in self.sources() if not node.name.startswith(NODE_NAME)]

    def sources(self) -> list[Node]:
        """Return every source of sound."""
        return [node for node in self.nodes if node.media_class in _SOURCE_CLASSES]

    def devices(self) -> list[Node]:
        """Return every microphone, ours too, and every loudspeaker."""
        kinds = (*_SOURCE_CLASSES, "Audio/Sink")
        return [node for node in self.nodes if node.media_class in kinds]

    def find_device(self, wanted: str | None) -> Node | None:
        """Return the device of a name or a part of what people are shown; None: loudspeakers."""
        if wanted is None:
            return self.find(self.default_sink)
        return next((node for node in self.devices() if is_called(node, wanted)), None)

    def recorders_of(self, node: Node) -> list[Node]:
        """Return who records from a node, our own programs left out."""
        outputs = set(self.ports_of(node, "out"))
        inputs = {into for out, into in self.links if out in outputs}
        ids = {port.node for port in self.ports if port.id in inputs}
        return [n for n in self.nodes if n.id in ids and not n.name.startswith(NODE_NAME)]

    def programs_on_microphones(self) -> tuple[str, ...]:
        """Return the programs that record from a microphone other than ours.

        Noise suppressors record too, but what they hear goes on to a microphone of theirs: the
        graph calls such pairs a link group, and they are left out.
        """
        streams = {
            stream
            for microphone in self.microphones()
            for stream in self.recorders_of(microphone)
            if stream.media_class == _RECORDING and not stream.link_group
        }
        return tuple(sorted({stream.program or stream.description for stream in streams}))


def is_called(node: Node, wanted: str) -> bool:
    """Whether a person who says `wanted` means this node."""
    words = wanted.lower()
    return words in (node.name.lower(), str(node.id)) or words in node.description.lower()


def spawn(program: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
    """Start a program that ends when the calling thread does, even by ``kill -9``.

    Raises
    ------
    DeviceError
        If the program is not installed.
    """
    setpriv = _find("setpriv")
    command = [setpriv, "--pdeathsig", "KILL", _find(program), *arguments]
    return subprocess.Popen(command, **options)  # noqa: S603 - the program was looked up


def read_graph() -> Graph:
    """Ask the audio server what there is.

    Raises
    ------
    DeviceError
        If there is no PipeWire, or it does not answer.
    """
    objects, rest = parse_dump(_run("pw-dump"))
    if rest or not objects:
        raise DeviceError("PipeWire's answer cannot be read", remedy="Try again.")
    return build_graph(objects)


def parse_dump(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the objects in what ``pw-dump`` printed so far, and what cannot be read yet.

    It prints one array after another, as things change while it looks at them.
    """
    objects: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    text = text.lstrip()
    while text:
        try:
            some, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            break
        objects += some
        text = text[end:].lstrip()
    return objects, text


def is_routed(thing: dict[str, Any]) -> bool:
    """Whether an object is one that `build_graph` looks at."""
    return thing.get("type", "").rsplit(":", 1)[-1] in ("Node", "Port", "Link", "Metadata")


def build_graph(objects: Iterable[dict[str, Any]]) -> Graph:
    """Make the graph of objects as PipeWire describes them, the newest of a number last."""
    nodes, ports, links = [], [], set()
    chosen = {_DEFAULT: "", _CONFIGURED: "", _DEFAULT_SINK: ""}
    newest = {thing["id"]: thing for thing in objects}
    for thing in newest.values():
        info = thing.get("info") or {}
        props = info.get("props") or {}
        match thing.get("type", "").rsplit(":", 1)[-1]:
            case "Node":
                nodes.append(
                    Node(
                        id=thing["id"],
                        name=props.get("node.name", ""),
                        description=props.get("node.description", props.get("node.name", "")),
                        media_class=props.get("media.class", ""),
                        program=props.get("application.name", ""),
                        link_group=props.get("node.link-group", ""),
                    )
                )
            case "Port":
                direction: Literal["in", "out"] = "in" if info["direction"] == "input" else "out"
                ports.append(Port(id=thing["id"], node=int(props["node.id"]), direction=direction))
            case "Link":
                links.add((int(info["output-port-id"]), int(info["input-port-id"])))
            case "Metadata":
                for entry in thing.get("metadata") or []:
                    if entry["key"] in chosen:
                        chosen[entry["key"]] = entry["value"].get("name", "")
    return Graph(
        nodes=tuple(nodes),
        ports=tuple(ports),
        links=frozenset(links),
        default_source=chosen[_DEFAULT],
        configured_source=chosen[_CONFIGURED],
        default_sink=chosen[_DEFAULT_SINK],
    )


def create_node(name: str, description: str) -> subprocess.Popen[bytes]:
    """Make a virtual microphone; it lives as long as the process that is returned.

    Raises
    ------
    DeviceError
        If PipeWire's programs are not installed.
    """
    owner = spawn(
        "pw-cli",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if owner.stdin is None:
        raise DeviceError("pw-cli was started without an input")
    shown = json.dumps(description)
    owner.stdin.write(
        f"create-node adapter {{ factory.name=support.null-audio-sink node.name={name}"
        f" node.description={shown} media.class=Audio/Source/Virtual"
        " audio.position=[MONO] node.virtual=true }\n".encode()
    )
    owner.stdin.flush()
    return owner


def connect(out: int, into: int) -> None:
    """Link two ports; nothing happens if one of them has gone."""
    _run("pw-link", str(out), str(into), check=False)


def disconnect(out: int, into: int) -> None:
    """Take a link away; nothing happens if it has gone."""
    _run("pw-link", "-d", str(out), str(into), check=False)


def set_default_source(name: str) -> None:
    """Choose the microphone that programs are given; an empty name leaves it to the server."""
    if name:
        _run("pw-metadata", "0", _CONFIGURED, json.dumps({"name": name}), "Spa:String:JSON")
    else:
        _run("pw-metadata", "-d", "0", _CONFIGURED, check=False)


def play(path: Path, *, name: str) -> subprocess.Popen[bytes]:
    """Play a file into nothing, by a node called `name`, until that is linked to something.

    Raises
    ------
    DeviceError
        If PipeWire's programs are not installed.
    """
    return spawn(
        *("pw-play", "--target", "0", "-P", f"{{ node.name={name} }}", str(path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def record(*, sr: int, name: str = LISTENER_NAME) -> subprocess.Popen[bytes]:
    """Record, mixed to mono at `sr` Hz, as raw float32 on the process's stdout.

    The recorder is a node called `name` that hears nothing until it is linked: left to
    the server, it would be given another microphone whenever ours is away.

    Raises
    ------
    DeviceError
        If PipeWire's programs are not installed.
    """
    return spawn(
        *("pw-record", "--target", "0", "--rate", str(sr), "--channels", "1", "--format", "f32"),
        *("-P", f"{{ node.name={name} }}", "-"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        package = _PACKAGES.get(program, "pipewire-bin")
        raise DeviceError(
            f"the program {program} is not installed", remedy=f"sudo apt install {package}"
        )
    return path


def _run(program: str, *arguments: str, check: bool = True) -> str:
    """Return what a program prints."""
    try:
        done = subprocess.run(  # noqa: S603 - the program was looked up
            [_find(program), *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise DeviceError(
            f"PipeWire did not answer {program} within {_TIMEOUT_S:.0f} s",
            remedy="systemctl --user restart pipewire wireplumber",
        ) from err
    if check and done.returncode:
        raise DeviceError(
            "there is no PipeWire audio server",
            remedy="systemctl --user start pipewire wireplumber pipewire-pulse",
        )
    return done.stdout
