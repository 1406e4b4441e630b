"""The PipeWire graph: its microphones, a node of our own, and the links between them.

All of it goes through PipeWire's own programs (Debian's package pipewire-bin), which outlast its
releases better than any binding.  The node is of the class `Audio/Source/Virtual`: a microphone to
every program and never a loudspeaker, so that no program can play into it by accident.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import DeviceError
from sottovoce.live.default_guard import PIPEWIRE_KEY
from sottovoce.live.graph import Graph, Node, Port
from sottovoce.live.programs import ask, spawn
from sottovoce.live.remedies import tell_how_to_start

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "KIND",
    "build_graph",
    "connect",
    "create_node",
    "disconnect",
    "end_node",
    "find_default_source",
    "is_routed",
    "lead",
    "merge_metadata",
    "no_server",
    "parse_dump",
    "play",
    "read_graph",
    "record",
    "set_default_source",
    "set_mute",
]

KIND = "pipewire"
"""What `sottovoce.live.default_guard` calls this sound system."""
_DEFAULT_SINK = "default.audio.sink"
_LISTENER = (
    'application.name="Sottovoce" node.virtual=true'
    ' node.description="Sottovoce listens to its own microphone"'
)
"""How a desktop shows our own recorder: as part of a microphone, not as a use of one."""
_PROGRAMS = ("pipewire", "wireplumber", "pipewire-pulse")


def read_graph() -> Graph:
    """Read the graph from the audio server.

    Raises
    ------
    DeviceError
        If there is no PipeWire, or it does not answer.
    """
    objects, rest = parse_dump(_ask("pw-dump"))
    if rest or not objects:
        raise DeviceError("PipeWire's answer cannot be read", remedy="Try again.")
    return build_graph(objects)


def no_server() -> DeviceError:
    """Return the error for a missing server."""
    return DeviceError("there is no PipeWire audio server", remedy=tell_how_to_start(*_PROGRAMS))


def parse_dump(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the objects in the output of ``pw-dump`` so far, and the incomplete rest.

    It prints one array after another, since the graph can change meanwhile.
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
    """Return whether an object is one that `build_graph` uses."""
    return thing.get("type", "").rsplit(":", 1)[-1] in ("Node", "Port", "Link", "Metadata")


def merge_metadata(earlier: dict[str, Any], thing: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its earlier settings, of which only changes are printed."""
    if "metadata" not in thing:
        return thing
    settings = [*(earlier.get("metadata") or ()), *(thing["metadata"] or ())]
    newest = {(entry.get("subject"), entry["key"]): entry for entry in settings}
    return {**thing, "metadata": list(newest.values())}


def build_graph(objects: Iterable[dict[str, Any]]) -> Graph:
    """Build the graph from PipeWire's objects; of objects with one number, the last counts."""
    nodes, ports, links = [], [], set()
    chosen = {PIPEWIRE_KEY: "", _DEFAULT_SINK: ""}
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
                        muted=_is_muted(info),
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
                        chosen[entry["key"]] = (entry["value"] or {}).get("name", "")
    return Graph(
        nodes=tuple(nodes),
        ports=tuple(ports),
        links=frozenset(links),
        default_source=chosen[PIPEWIRE_KEY],
        default_sink=chosen[_DEFAULT_SINK],
    )


def _is_muted(info: dict[str, Any]) -> bool:
    """Return whether the properties of a node silence it."""
    # A node has none before negotiation, and several if it has several kinds of volume.
    known = [some for some in (info.get("params") or {}).get("Props") or () if "mute" in some]
    return any(some["mute"] or not any(some.get("channelVolumes") or (1.0,)) for some in known)


def create_node(name: str, description: str) -> subprocess.Popen[bytes]:
    """Create a virtual microphone; it lives as long as the returned process.

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
        # Without the last, mute and volume have no effect on a node that is not a device.
        " audio.position=[MONO] node.virtual=true monitor.channel-volumes=true }\n".encode()
    )
    owner.stdin.flush()
    return owner


def end_node(owner: subprocess.Popen[bytes]) -> None:
    """Remove a virtual microphone."""
    owner.kill()
    owner.wait()


def connect(out: int, into: int) -> None:
    """Link two ports; nothing happens if one of them has gone."""
    _ask("pw-link", str(out), str(into), check=False)


def disconnect(out: int, into: int) -> None:
    """Remove a link; nothing happens if it has gone."""
    _ask("pw-link", "-d", str(out), str(into), check=False)


def lead(graph: Graph, source: Node, into: Node) -> None:
    """Link a node to another, unless it already is."""
    wanted = {(o, i) for o in graph.ports_of(source, "out") for i in graph.ports_of(into, "in")}
    for link in wanted - graph.links:
        connect(*link)


def set_mute(node: Node) -> None:
    """Mute a microphone; nothing happens if it has gone."""
    _ask("pw-cli", "set-param", str(node.id), "Props", "{ mute: true }", check=False)


def find_default_source(graph: Graph) -> str:
    """Return the current default microphone.

    ``pw-dump`` prints a change of it only together with another change.
    """
    said = _ask("pw-metadata", "0", PIPEWIRE_KEY, check=False)
    found = re.search(r"value:'(\{.*?\})'", said)
    try:
        return str(json.loads(found[1])["name"]) if found else ""
    except (ValueError, KeyError):
        return graph.default_source


def set_default_source(name: str) -> None:
    """Make a microphone the default, until the server chooses another."""
    _ask("pw-metadata", "0", PIPEWIRE_KEY, json.dumps({"name": name}), "Spa:String:JSON")


def play(path: Path, *, name: str, into: str) -> subprocess.Popen[bytes]:
    """Play a file through an unlinked node called `name`, until `lead` links it to `into`.

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


def record(*, sr: int, name: str, source: str) -> subprocess.Popen[bytes]:
    """Record, mixed down to mono at `sr` Hz, as raw float32 on the process's stdout.

    The recorder is a node called `name` that receives nothing until `lead` links it to `source`:
    the server would give it another microphone whenever ours is missing.

    Raises
    ------
    DeviceError
        If PipeWire's programs are not installed.
    """
    return spawn(
        *("pw-record", "--target", "0", "--rate", str(sr), "--channels", "1", "--format", "f32"),
        *("-P", f"{{ node.name={name} {_LISTENER} }}", "-"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _ask(program: str, *arguments: str, check: bool = True) -> str:
    """Return the output of one of PipeWire's programs."""
    return ask(
        *(program, *arguments),
        check=check,
        missing=no_server(),
    )
