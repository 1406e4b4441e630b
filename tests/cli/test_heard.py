"""What `sottovoce listen` says of looks: one line for each owner."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import sottovoce as sv
from sottovoce import Notice, Voice
from sottovoce.cli import program
from sottovoce.cli._heard import GONE_S, HeardBoard, HeardLines
from sottovoce.core.results import Detection
from sottovoce.live import Hearing

ANNA = Notice(owner_id=0x4F2A91C077DE, year=2026)
BEN = Notice(owner_id=0x123456789ABC, year=2027)


def voice(notice):
    return Voice(log10_p=-12.0, score=9.0, offset_s=0.0, notice=notice)


def look(at_s, *notices, sounds=True, heard_s=12.0, latency_s=4.2):
    detection = Detection(
        found=bool(notices),
        log10_p=-12.0 if notices else -0.3,
        score=9.0,
        n_hypotheses=1,
        log10_e=0.0,
        voices=tuple(map(voice, notices)),
        duration_s=20.0,
    )
    latency = latency_s if notices else None
    return Hearing(
        detection=detection,
        at_s=at_s,
        heard_s=heard_s,
        level_dbfs=-20.0,
        latency_s=latency,
        sounds=sounds,
    )


class Run:
    """Looks two seconds apart, and the lines that they gave."""

    def __init__(self, own=None):
        self.lines, self.at_s = HeardLines(own or {}), 1_000.0

    def __call__(self, *notices, seconds=2.0, **options):
        said = []
        for _ in np.arange(0.0, seconds, 2.0):
            self.at_s += 2.0
            said += self.lines.take(look(self.at_s, *notices, **options))
        return said


def test_an_owner_is_told_once_with_who_what_and_since_when():
    run = Run()
    (line,) = run(ANNA, seconds=300)
    assert line == (
        "the mark names owner 4f2a-91c0-77de; refuses every use by machines; since 2026"
        " (p ≤ 10^-12, found after 4.2 s of sound)"
    )
    (line,) = run(ANNA, BEN, seconds=300)
    assert "owner 1234-5678-9abc" in line
    assert "found after" not in line  # that was the first one's


def test_an_own_identity_is_named():
    (line,) = Run({ANNA.owner_id: "book"})(ANNA, seconds=10)
    assert line.startswith(
        "yours: book; refuses every use by machines; owner 4f2a-91c0-77de; since"
    )


def test_a_mark_that_is_not_read_yet_is_followed_once_by_its_owner():
    run = Run()
    assert run(None, seconds=10) == [
        "a mark, owner not read yet (p ≤ 10^-12, found after 4.2 s of sound)"
    ]
    (line,) = run(ANNA, seconds=10)
    assert "4f2a-91c0-77de" in line
    # Not readable for a moment, or the other way round: nothing is new.
    assert run(None, seconds=30) + run(ANNA, seconds=30) == []


def test_a_second_mark_beside_an_owner_is_told_when_it_stays():
    run = Run()
    run(ANNA)
    assert run(ANNA, None, seconds=4) + run(ANNA, seconds=20) == []
    (line,) = run(ANNA, None, seconds=60)
    assert line.startswith("another mark, owner not read yet")
    assert len(run(ANNA, BEN, seconds=10)) == 1


def test_turns_of_a_conversation_are_no_news():
    run = Run()
    assert len(run(ANNA)) == 1
    for _ in range(10):
        assert run(seconds=GONE_S - 4) + run(ANNA) == []


def test_another_policy_of_the_same_owner_is_told():
    run = Run()
    other = Notice(owner_id=ANNA.owner_id, policy=1, year=2026)
    assert len(run(ANNA)) == 1
    (line,) = run(other, seconds=10)
    assert "refuses training generative models" in line
    assert run(ANNA) + run(other) == []


def test_the_end_of_all_marks_is_told_once_after_sound_without_one():
    run = Run()
    run(ANNA)
    said = run(seconds=300)
    assert said == ["no mark any more (in 12 s of sound)"]
    (line,) = run(ANNA, seconds=10)
    assert line.startswith("again: the mark names owner 4f2a-91c0-77de")
    assert "found after" in line


def test_a_pause_is_no_end():
    run = Run()
    run(ANNA)
    assert run(seconds=600, sounds=False, heard_s=0.0) == []
    assert run(seconds=4) == []
    assert run(seconds=10) == ["no mark any more (in 12 s of sound)"]


def test_before_any_mark_silence_and_sound_without_one_are_told_once():
    run = Run()
    assert run(seconds=60, heard_s=0.0, sounds=False) == ["silence"]
    assert run(seconds=4, heard_s=2.0) == []
    (line,) = run(seconds=60)
    assert line == "no mark found yet (p = 0.5, in 12 s of sound)"
    assert run(seconds=60, heard_s=0.0, sounds=False) == []


@pytest.fixture
def listened(monkeypatch):
    """What `sottovoce listen` writes to a pipe of made-up looks."""

    def run(looks, *words):
        monkeypatch.setattr("sottovoce.live.listen_to", lambda _device: iter(looks))
        return CliRunner().invoke(program, ["listen", *words])

    return run


def test_a_pipe_gets_lines_only(listened, config_folder):
    looks = [look(2.0 * i, None if i < 3 else ANNA) for i in range(20)]
    done = listened(looks)
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first[8:].startswith("  a mark, owner not read yet")
    assert second[8:].startswith("  the mark names owner 4f2a-91c0-77de")
    done = listened([look(0.0), look(2.0)])
    assert done.exit_code == 1
    assert "no mark found yet" in done.stdout


def test_json_has_a_line_for_each_look(listened, config_folder):
    done = listened([look(0.0), look(2.0, None), look(4.0, ANNA), look(6.0, ANNA)], "--json")
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["found"] for one in looks] == [False, True, True, True]
    assert looks[1]["voices"][0]["payload"] is None
    assert looks[2]["voices"][0]["payload"]["owner"] == "4f2a-91c0-77de"
    assert {"heard_s", "level_dbfs", "latency_s"} <= set(looks[0])


def test_a_terminal_also_shows_what_is_heard_now(monkeypatch, capsys):
    shown = []

    class Shown:
        def __init__(self, **_options):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            shown.append("taken away")

        def update(self, text):
            shown.append(str(text))

    monkeypatch.setattr("sottovoce.cli._live._can_draw", lambda: True)
    monkeypatch.setattr("rich.live.Live", Shown)
    with HeardBoard({}) as board:
        board.show(look(0.0, ANNA))
        board.show(look(2.0, ANNA))
        board.show(look(4.0))
        board.show(look(6.0, heard_s=0.0))
    assert shown[0] == shown[1]
    assert shown[0].startswith("● 1 marked voice: the mark names owner 4f2a-91c0-77de")
    assert shown[2:] == ["● no mark in 12 s of sound", "● silence", "taken away"]
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_real_look_gives_a_line(clip):
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=ANNA)
    detection = sv.detect(marked, sr=sr)
    hearing = Hearing(detection=detection, at_s=0.0, heard_s=20.0, level_dbfs=-20.0)
    (line,) = HeardLines({}).take(hearing)
    assert "owner 4f2a-91c0-77de" in line
