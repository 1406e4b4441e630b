"""The graph, from what `pw-dump` prints."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.live.pipewire.server import build_graph, is_routed, merge_metadata, parse_dump


def node(number, name, media_class, **props):
    fields = {"node.name": name, "node.description": name.title(), "media.class": media_class}
    info = {"props": {**fields, **props}}
    return {"id": number, "type": "PipeWire:Interface:Node", "info": info}


def port(number, owner, direction):
    info = {"direction": direction, "props": {"node.id": owner}}
    return {"id": number, "type": "PipeWire:Interface:Port", "info": info}


def link(number, out, into):
    info = {"output-port-id": out, "input-port-id": into}
    return {"id": number, "type": "PipeWire:Interface:Link", "info": info}


THINGS = [
    node(1, "hw_mic", "Audio/Source"),
    port(2, 1, "output"),
    node(3, "browser", "Stream/Input/Audio", **{"application.name": "Browser"}),
    port(4, 3, "input"),
    node(5, "suppressor", "Stream/Input/Audio", **{"node.link-group": "filter-1"}),
    port(6, 5, "input"),
    node(7, "sottovoce-engine", "Stream/Input/Audio"),
    port(8, 7, "input"),
    node(9, "sottovoce", "Audio/Source/Virtual"),
    port(10, 9, "output"),
    *(link(20 + i, 2, into) for i, into in enumerate((4, 6, 8))),
]


def test_who_records_past_us_is_named_and_filters_are_not():
    graph = build_graph(THINGS)
    assert graph.programs_on_microphones() == ("Browser",)
    assert [each.name for each in graph.microphones()] == ["hw_mic"]
    assert graph.recorders_of(graph.find("sottovoce")) == []


def test_the_newest_of_a_number_counts():
    graph = build_graph([*THINGS, node(1, "headset", "Audio/Source")])
    assert [each.name for each in graph.microphones()] == ["headset"]


def test_clients_are_not_looked_at():
    assert is_routed(THINGS[0])
    assert not is_routed({"id": 1, "type": "PipeWire:Interface:Client", "info": {}})
    assert not is_routed({"id": 1})


@given(st.data())
def test_an_answer_in_pieces_is_read_once_it_is_whole(data):
    arrays = [THINGS[:3], [{"id": 4, "info": None}], THINGS[3:]]
    text = "\n".join(json.dumps(array, indent=2) for array in arrays)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    objects, rest = [], ""
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        some, rest = parse_dump(rest + text[begin:end])
        objects += some
    assert rest == ""
    assert objects == [thing for array in arrays for thing in array]


def test_changes_of_settings_do_not_forget_the_others():
    def settings(**values):
        entries = [
            {"subject": 0, "key": key, "value": value and {"name": value}}
            for key, value in values.items()
        ]
        return {"id": 35, "type": "PipeWire:Interface:Metadata", "metadata": entries}

    keys = ("default.audio.source", "default.audio.sink")
    first = settings(**dict(zip(keys, ("hw_mic", "speakers"), strict=True)))
    changed = merge_metadata(first, settings(**{keys[0]: "headset"}))
    graph = build_graph([changed])
    assert graph.default_source == "headset"
    assert graph.default_sink == "speakers"
    assert build_graph([merge_metadata(changed, settings(**{keys[0]: None}))]).default_source == ""


@pytest.mark.parametrize(
    ("props", "muted"),
    [
        ([], False),
        ([{"mute": False, "channelVolumes": [1.0]}], False),
        ([{"mute": True, "channelVolumes": [1.0]}], True),
        ([{"mute": False, "channelVolumes": [0.0, 0.0]}], True),
        ([{"params": []}, {"mute": True}], True),
    ],
)
def test_who_is_muted_or_turned_down_is_known(props, muted):
    thing = node(1, "hw_mic", "Audio/Source")
    thing["info"]["params"] = {"Props": props}
    assert build_graph([thing]).find("hw_mic").muted == muted
