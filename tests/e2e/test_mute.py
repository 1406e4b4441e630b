"""Mute and volume of the microphone, on both sound systems and in the programs that people have."""

from __future__ import annotations

import os
import signal
import time

import pytest

from benchmarks.calls.mute import measure_state, write_clip
from rig.browser import open_page
from rig.clients import CLIENTS, hear_with, measure_dbfs
from rig.desktop import Desktop
from rig.server import AudioServer, find_process
from tests.e2e.conftest import CLIP, on_both_servers

pytestmark = [pytest.mark.device, on_both_servers]


def hear(server, client="parecord", seconds=2):
    words = {"source": "sottovoce", "label": "Sottovoce", "page": None}
    return measure_dbfs(hear_with(client, server, seconds=seconds, **words))


@pytest.mark.by_turns
@pytest.mark.browser
def test_mute_and_volume_reach_every_program(server, mic):
    clip = server.folder / "said.wav"
    write_clip(clip, 300)
    live = mic(always=False)
    live.wait_for(status="asleep")
    server.play(clip)
    with open_page(server.environment) as page:
        loud = measure_state(server, live, "as it is", page=page, seconds=3)
        soft = measure_state(server, live, "at 30 %", page=page, seconds=3)
        muted = measure_state(server, live, "muted", page=page, seconds=2)
        unplugged = measure_state(server, live, "hardware muted", page=page, seconds=2)
    assert set(loud) >= set(CLIENTS[1:])
    for client in loud:
        # 30 % of a volume is 31 dB less, and speech is not as loud at every moment.
        assert 22 < loud[client] - soft[client] < 41, client
        assert muted[client] == -120, client
        assert unplugged[client] == -120, client


def test_the_sign_says_what_is_muted_and_is_green_only_for_what_was_heard_since(server, mic):
    live = mic()
    server.play(CLIP)
    live.wait_for(confirmation="heard")
    server.run("pactl", "set-source-mute", "sottovoce", "1")
    state = live.wait_for(status="muted", muted=True, microphone_muted=False)
    assert state["mood"] == "waiting"
    assert state["words"] == "MUTED: Sottovoce is muted, nobody hears you"
    assert state["confirmation"] == "waiting"
    assert state["found_ago_s"] is None
    time.sleep(3)  # what sounded before comes out of every buffer
    n_before = len(live.states())
    server.run("pactl", "set-source-mute", "sottovoce", "0")
    live.wait_for(status="marking", confirmation="heard")
    assert live.states()[n_before]["confirmation"] == "waiting"
    server.run("pactl", "set-source-mute", "hw_mic", "1")
    live.wait_for(status="muted", muted=False, microphone_muted=True)
    server.run("pactl", "set-source-volume", "sottovoce", "0")
    state = live.wait_for(muted=True, microphone_muted=True)
    assert "Sottovoce and your own microphone are muted" in state["words"]


def test_what_takes_the_place_of_a_muted_microphone_is_muted(server, mic):
    live = mic()
    server.play(CLIP)
    live.wait_for(status="marking")
    server.run("pactl", "set-source-mute", "sottovoce", "1")
    live.wait_for(status="muted")
    owner = "pw-cli" if type(server) is AudioServer else "pulse/guard.py"
    os.kill(find_process(server, owner), signal.SIGKILL)
    if owner == "pulse/guard.py":
        for module in server.modules().splitlines():
            if "sottovoce" in module:
                server.run("pactl", "unload-module", module.split()[0])
    server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    server.wait(lambda: "sottovoce" in server.sources(), "the next one")
    assert hear(server) == -120
    assert live.wait_for(status="muted")["muted"]


def test_who_is_muted_in_a_call_is_told_on_the_desktop(server, mic):
    with Desktop(server) as desktop:
        live = mic("--notify", always=False)
        live.wait_for(status="asleep")
        server.run("pactl", "set-source-mute", "sottovoce", "1")
        assert "Sottovoce is muted" in live.wait_for(status="asleep", muted=True)["words"]
        assert not desktop.shown
        server.record(server.folder / "call.wav", source="sottovoce", seconds=6)
        server.wait(lambda: desktop.shown, "the notification")
        assert desktop.shown == ["You are muted"]
