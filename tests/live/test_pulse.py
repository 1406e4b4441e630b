"""PulseAudio's answers as a graph, and what waits in its buffers; see tests/e2e for a real one."""

from __future__ import annotations

import pytest

from sottovoce.errors import DeviceError
from sottovoce.live import microphones
from sottovoce.live.pulse.process import _Backlog
from sottovoce.live.pulse.server import build_graph, is_routed

INFO = {"default_sink_name": "speakers", "default_source_name": "hw_mic"}


def device(index, name, **more):
    return {"index": index, "name": name, "description": name.title(), **more}


def stream(index, program, **more):
    properties = {"application.name": program} if program else {}
    return {"index": index, "client": "7", "properties": properties, **more}


# The shape of what pactl 16 prints, without what nobody looks at.
LISTED = {
    "sources": [
        device(0, "speakers.monitor", monitor_source="speakers"),
        device(1, "hw_mic", monitor_source=""),
        device(3, "sottovoce_feed.monitor", monitor_source="sottovoce_feed"),
        device(4, "sottovoce", monitor_source=""),
    ],
    "sinks": [device(0, "speakers"), device(1, "sottovoce_feed")],
    "source_outputs": [
        stream(0, None, client=None, owner_module="9", source=3),
        stream(1, "Browser", source=1),
        stream(2, "Mixer", source=1, resample_method="peaks"),
        stream(3, "Recorder", source=4),
        stream(4, "sottovoce-engine", source=1),
        stream(5, "Elsewhere", source=2),
    ],
    "sink_inputs": [stream(0, "Browser", sink=1)],
}


@pytest.fixture
def graph():
    return build_graph(LISTED, INFO)


def test_microphones_are_neither_monitors_nor_ours(graph):
    assert [node.name for node in graph.microphones()] == ["hw_mic"]
    assert graph.default_source == "hw_mic"
    assert graph.find_device(None).name == "speakers"
    # A number means a source, as pactl prints it.
    assert graph.find_device("1").name == "hw_mic"


def test_who_records_from_where(graph):
    assert [node.name for node in graph.recorders_of(graph.find("sottovoce"))] == ["Recorder"]
    # Neither a needle that moves nor our own program is a call without the mark.
    assert graph.programs_on_microphones() == ("Browser",)


def test_who_plays_into_our_own_loudspeaker(graph):
    into = {
        out
        for out, into in graph.links
        if into in graph.ports_of(graph.find("sottovoce_feed"), "in")
    }
    players = [node.name for node in graph.nodes if into & set(graph.ports_of(node, "out"))]
    assert players == ["Browser"]


def test_numbers_of_different_things_are_different(graph):
    assert len({node.id for node in graph.nodes}) == len(graph.nodes)
    assert len({port.id for port in graph.ports}) == len(graph.ports)


@pytest.mark.parametrize(
    ("line", "routed"),
    [
        ("Event 'new' on source-output #3", True),
        ("Event 'change' on server", True),
        ("Event 'new' on client #9", False),
        ("", False),
    ],
)
def test_to_ask_is_no_change(line, routed):
    assert is_routed(line) == routed


def test_what_piles_up_is_left_out_and_counted():
    backlog = _Backlog(0.02)
    assert [backlog.look(0.2, 0.04) for _ in range(25)] == [0] * 24 + [8]
    # Nobody was heard before.
    assert backlog.take_missed() == 0
    assert backlog.delay_s == pytest.approx(0.24)
    # It comes and goes; what waits for ever is the least.
    assert [backlog.look(0.2 if i else 0.03, 0.04) for i in range(25)][-1] == 0
    assert backlog.delay_s == pytest.approx(0.07)
    assert [backlog.look(0.07, 0.04) for _ in range(25)][-1] == 2
    assert backlog.take_missed() == 2


def test_what_a_slow_device_holds_itself_is_not_cut_for_ever():
    backlog = _Backlog(0.02)
    assert sum(backlog.look(0.11, 0.04) for _ in range(1000)) == 8
    # But what piles up on top of it is, and so is everything once it is gone.
    assert [backlog.look(0.165, 0.04) for _ in range(25)][-1] == 2
    assert [backlog.look(0.01, 0.04) for _ in range(25)][-1] == 0
    assert [backlog.look(0.11, 0.04) for _ in range(25)][-1] == 4


def test_another_system_is_told_so(monkeypatch):
    monkeypatch.setattr("sys.platform", "sunos5")
    with pytest.raises(DeviceError, match="sunos5"):
        microphones.find_system()


def test_without_any_server_the_doctor_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    with pytest.raises(DeviceError, match="neither PipeWire nor PulseAudio") as caught:
        microphones.find_system()
    assert "doctor" in caught.value.remedy
