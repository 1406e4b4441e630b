"""What the live status says of a state, and when a person is told who does not watch it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.cli import _alarm
from sottovoce.cli._alarm import Alarm
from sottovoce.cli._status import Board, describe_state, make_fields
from sottovoce.live import Hearing, MicState

STATE = MicState(
    status="marking",
    microphone="Headset",
    n_recorders=1,
    bypassing=(),
    level_dbfs=-20.0,
    delay_s=0.016,
    n_blocks=100,
    n_missed=0,
    n_unmarked=0,
    block=512,
    busy=0.05,
    realtime=True,
    hearing=None,
    found_ago_s=None,
    error="",
)


@pytest.fixture(scope="module")
def hearing():
    rng = np.random.default_rng(1)
    y = 0.1 * rng.standard_normal(10 * 16_000).astype(np.float32)
    detection = sv.detect(y, sr=16_000)
    return Hearing(detection=detection, at_s=0.0, heard_s=10.0, level_dbfs=-20.0, missing=True)


@pytest.mark.parametrize("status", ["no server", "no microphone", "silent", "unmarked"])
def test_whatever_is_wrong_is_red(status):
    assert describe_state(replace(STATE, status=status, error="why"))[0] == "bad"


def test_nothing_is_promised_that_was_not_heard(hearing):
    assert describe_state(STATE)[0] == "waiting"
    assert describe_state(replace(STATE, hearing=hearing)) == (
        "bad",
        "NOT HEARD: there is sound, but no mark is found in what goes out",
    )
    # Found just now, and the newest sound is without it: red at once.
    assert describe_state(replace(STATE, hearing=hearing, found_ago_s=1.0))[0] == "bad"
    pause = replace(hearing, missing=False)
    mood, words = describe_state(replace(STATE, hearing=pause, found_ago_s=3.0))
    assert mood == "good"
    assert "3 s ago" in words
    # Found long ago, and too little sound since then to tell: not green any more, and not red.
    assert describe_state(replace(STATE, hearing=pause, found_ago_s=30.0))[0] == "waiting"


def test_the_start_is_honest():
    assert describe_state(replace(STATE, status="starting")) == (
        "waiting",
        "starting: not marked yet",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"muted": True}, "Sottovoce is muted"),
        ({"microphone_muted": True}, "your own microphone is muted"),
        ({"muted": True, "microphone_muted": True}, "Sottovoce and your own microphone are muted"),
    ],
)
def test_who_is_muted_is_told_what_is(changes, words):
    state = replace(STATE, status="muted", **changes)
    assert describe_state(state) == ("waiting", f"MUTED: {words}, nobody hears you")
    fields = make_fields(state)
    assert fields["muted"] == state.muted
    assert fields["microphone_muted"] == state.microphone_muted
    asleep = describe_state(replace(state, status="asleep"))[1]
    assert asleep.endswith(f"; {words}")


def test_asleep_is_neither_good_nor_bad():
    assert describe_state(replace(STATE, status="asleep"))[0] == "waiting"


def test_a_file_gets_a_line_for_each_change_only(capsys):
    with Board(as_json=False) as board:
        for n in range(5):
            board.show(replace(STATE, n_blocks=100 + n))
        board.show(replace(STATE, bypassing=("Evil\x1b[2JBrowser",)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("records you without the mark")
    assert "\x1b" not in lines[2]


def test_json_is_one_object_a_line(capsys, hearing):
    with Board(as_json=True) as board:
        board.show(replace(STATE, hearing=hearing))
    fields = json.loads(capsys.readouterr().out)
    assert fields == make_fields(replace(STATE, hearing=hearing))
    assert fields["delay_s"] == STATE.delay_s
    assert fields["delay_ms"] == 16.0
    fields_of_state = {field.name for field in dataclasses.fields(STATE)}
    assert {"n_recorders", "n_blocks", "n_missed", "n_unmarked"} < fields.keys() & fields_of_state


def test_the_panel_of_a_terminal_says_the_same(monkeypatch):
    class Terminal(StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", screen)
    with Board(as_json=False) as board:
        board.show(replace(STATE, status="unmarked", error="a reason", bypassing=("Browser",)))
    shown = screen.getvalue()
    assert "UNMARKED" in shown
    assert "a reason" in shown
    assert "Browser records you without the mark" in shown


@pytest.mark.parametrize(
    ("term", "encoding"), [("dumb", "utf-8"), ("xterm", "latin-1"), ("", "utf-8")]
)
def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch, term, encoding):
    class Terminal(TextIOWrapper):
        def isatty(self):
            return True

    screen = Terminal(BytesIO(), encoding=encoding)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout", screen)
    with Board(as_json=False) as board:
        board.show(replace(STATE, status="unmarked", error="a reason"))
    screen.flush()
    shown = screen.buffer.getvalue().decode(encoding)
    assert shown.count("\n") == 1
    assert "UNMARKED" in shown
    assert "\x1b" not in shown


@pytest.fixture
def told(monkeypatch):
    clock, shown = [0.0], []
    monkeypatch.setattr(_alarm.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        _alarm, "show_notification", lambda words, _advice, **_: shown.append(words)
    )
    alarm = Alarm()

    def look(at_s, **changes):
        clock[0] = at_s
        alarm.look(replace(STATE, **changes))
        return shown

    look.alarm = alarm
    return look


def test_what_lasts_is_told_once_and_again_when_it_comes_again(told):
    browser = {"bypassing": ("Browser",)}
    assert told(0.0, **browser) == []
    assert told.alarm.waiting
    assert told(1.9, **browser) == []
    assert told(2.0, **browser) == ["Browser records you without the mark"]
    assert not told.alarm.waiting
    assert len(told(60.0, **browser)) == 1
    assert len(told(61.0)) == 1
    told(62.0, **browser)
    assert len(told(64.0, **browser)) == 2


def test_what_passes_is_not_told(told):
    told(0.0, bypassing=("Browser",))
    told(1.0)
    assert told(5.0, bypassing=("Browser",)) == []


def test_who_is_muted_in_a_call_is_told(told):
    told(0.0, status="muted", muted=True, n_recorders=0)
    assert told(5.0, status="muted", muted=True, n_recorders=0) == []
    told(6.0, status="muted", muted=True)
    assert told(8.0, status="muted", muted=True) == ["You are muted"]


def test_a_red_sign_is_told_only_while_somebody_records(told):
    told(0.0, status="unmarked", n_recorders=0)
    assert told(9.0, status="unmarked", n_recorders=0) == []
    told(10.0, status="unmarked", error="one")
    assert told(12.0, status="unmarked", error="another") == [
        "Your voice goes out without the mark"
    ]


def test_where_nobody_knows_who_records_nothing_is_said_of_it_and_red_is_told(told):
    told(0.0, status="silent", n_recorders=None)
    assert len(told(2.0, status="silent", n_recorders=None)) == 1
    fields = make_fields(replace(STATE, n_recorders=None))
    assert fields["recorders"] is None
