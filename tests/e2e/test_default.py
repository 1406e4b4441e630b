"""`--make-default` on both sound systems: what it does, and that it leaves nothing behind."""

from __future__ import annotations

import json
import signal
import time

import pytest

from rig.server import AudioServer, find_process
from tests.e2e.conftest import on_both_servers

pytestmark = [pytest.mark.device, on_both_servers]


def default(server):
    return server.run("pactl", "get-default-source").strip()


def memory(server):
    """Return what the session manager keeps of who is the default."""
    files = (server.folder / "home").rglob("default-nodes")
    return "".join(path.read_text() for path in files)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_programs_are_given_it_until_it_ends_however_it_ends(server, mic, end):
    live = mic("--make-default", always=False)
    live.wait_for(status="asleep", microphone="HardwareMic")
    server.wait(lambda: default(server) == "sottovoce", "the default")
    # A program that names no microphone wakes it.
    server.spawn("parec", "--client-name=Call", "/dev/null")
    live.wait_for(status="marking", recorders=1, bypassing=[])
    time.sleep(1.5)  # the time after which the session manager writes what it keeps
    live.process.send_signal(end)
    live.process.wait(10)
    server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    server.wait(lambda: default(server) == "hw_mic", "the default of before")
    with pytest.raises(RuntimeError):
        server.wait(lambda: find_process(server, "default_guard.py") is None, "", within_s=1)
    if type(server) is AudioServer:
        # The program goes on with the microphone that it would have had.
        server.wait(lambda: "hw_mic:capture_MONO\n  |-> Call" in server.run("pw-link", "-l"), "it")
        assert "sottovoce" not in memory(server)


def test_a_choice_of_the_meantime_comes_back(server, mic):
    server.add_microphone("headset", "Headset", feed="headset_feed")
    live = mic("--make-default")
    live.wait_for(status="marking")
    server.wait(lambda: default(server) == "sottovoce", "the default")
    server.run("pactl", "set-default-source", "headset")
    server.wait(lambda: live.states()[-1]["microphone"] == "Headset", "the headset")
    server.wait(lambda: default(server) == "sottovoce", "the default again")
    live.process.kill()
    server.wait(lambda: default(server) == "headset", "the headset")


def test_nobody_listens_while_nobody_records(server, mic):
    def streams():
        listed = json.loads(server.run("pactl", "-f", "json", "list", "source-outputs"))
        # PulseAudio's modules have some, too; a desktop shows those of programs.
        return [each["properties"] for each in listed if not each["driver"].startswith("module")]

    def listeners():
        return [each for each in streams() if "sottovoce" in each["application.name"].lower()]

    live = mic(always=False)
    live.wait_for(status="asleep")
    time.sleep(1)  # a stream that it should not open would be there by now
    assert streams() == []
    recording = server.record(server.folder / "call.wav", source="sottovoce", seconds=5)
    live.wait_for(status="marking", recorders=1)
    server.wait(
        lambda: "true" in [each.get("node.virtual") for each in listeners()], "the listener"
    )
    recording.wait()
    live.wait_for(status="asleep")
    server.wait(lambda: streams() == [], "the end of the listener")
