"""The virtual microphone on a real PulseAudio without PipeWire, and what can happen to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.pulse import PulseServer
from rig.ruler import find_delays
from rig.server import find_process
from tests.e2e.conftest import CLIP

pytestmark = [
    pytest.mark.device,
    pytest.mark.parametrize("server", [PulseServer], indirect=True, ids=["pulseaudio"]),
]
PROGRAM = Path(sys.executable).with_name("sottovoce")


def ask(server, *words, **changes):
    return subprocess.run(
        [PROGRAM, *words],
        env={**server.environment, **changes},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def unload(server, words):
    """Take a device away, as one that is unplugged."""
    number = re.search(rf"^(\d+)\t.*{words}", server.modules(), re.M)[1]
    server.run("pactl", "unload-module", number)


def find_engine(server):
    try:
        return find_process(server, "sottovoce.live.pulse.process")
    except RuntimeError:
        return None


def test_what_is_said_goes_out_marked_and_the_sign_says_so(server, mic, tmp_path):
    live = mic("--owner", "4f2a-91c0-77de", always=False)
    live.wait_for(status="asleep", microphone="HardwareMic")
    assert "RUNNING" not in server.run("pactl", "list", "short", "sources").split("hw_mic")[1][:60]
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=12)
    server.play(CLIP)
    live.wait_for(status="marking", recorders=1)
    other = server.record(tmp_path / "other.wav", source="hw_mic", seconds=2)
    live.wait_for(bypassing=["parec"])
    other.wait()
    state = live.wait_for(confirmation="heard", bypassing=[])
    assert state["unmarked"] == 0
    recording.wait()
    y, sr = sf.read(tmp_path / "out.wav", dtype="float32")
    detection = sv.detect(y, sr=sr)
    assert detection.found
    assert detection.voices[0].notice.owner_id == 0x4F2A91C077DE
    live.wait_for(status="asleep")
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(10) == 0
    assert "is gone" in live.error()
    assert "sottovoce" not in server.modules()


def test_the_delay_is_bounded_and_the_sign_tells_it(server, mic):
    live = mic("--strength", "0.1")
    live.wait_for(status="marking")
    server.play(CLIP)
    # The first two seconds: until the clip plays.
    both = server.record_both("hw_mic", "sottovoce", seconds=8)
    delays = find_delays(both[2 * 48_000 :])
    whole = [delay for delay in delays if delay is not None]
    assert len(whole) > 0.9 * len(delays) > 20
    assert 0.03 < np.median(whole) < 0.1
    assert max(whole) < 0.12
    # So weak a mark is not found, and then the status is told again.  The ruler is exact to 5 ms.
    told_s = 1e-3 * live.wait_for(confirmation="not heard")["delay_ms"]
    assert abs(told_s - np.median(whole)) < 0.025


def test_kill_9_leaves_no_microphone_and_what_is_left_is_cleared_away(server, mic):
    live = mic()
    live.wait_for(status="marking")
    engine = find_engine(server)
    guard = find_process(server, "pulse/guard.py")
    live.process.kill()
    server.wait(lambda: "sottovoce" not in server.modules(), "the end of the modules")
    for process in (engine, guard):
        server.wait(lambda p=process: not Path(f"/proc/{p}").exists(), "the end of a process")
    # The guard as well: its modules stay, until the next microphone.
    live = mic()
    live.wait_for(status="marking")
    os.kill(find_process(server, "pulse/guard.py"), signal.SIGKILL)
    live.process.kill()
    live.process.wait()
    assert "sottovoce_feed" in server.modules()
    live = mic()
    live.wait_for(status="marking")
    assert server.modules().count("sink_name=sottovoce_feed") == 1
    again = mic()
    assert again.process.wait(15) == 2
    assert "already running" in again.error()


def test_when_the_audio_process_hangs_the_voice_goes_on_and_the_sign_turns_red(
    server, mic, tmp_path
):
    live = mic()
    live.wait_for(status="marking")
    server.play(CLIP)
    time.sleep(3)  # a place of the clip without pauses, which would count as silence below
    first = find_engine(server)
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=10)
    time.sleep(1)
    os.kill(first, signal.SIGSTOP)  # hangs: neither dead nor alive
    state = live.wait_for(status="unmarked")
    assert state["mood"] == "bad"
    server.wait(lambda: not Path(f"/proc/{first}").exists(), "the end of what hung")
    server.wait(lambda: find_engine(server), "the next one")
    # The next one hangs before it hears anything: the server leads the voice past it.
    os.kill(find_engine(server), signal.SIGSTOP)
    server.wait(lambda: "module-loopback" in server.modules(), "the way past it")
    live.wait_for(status="marking")
    server.wait(lambda: "module-loopback" not in server.modules(), "the way through the next one")
    recording.wait()
    y, _ = sf.read(tmp_path / "out.wav", dtype="float32")
    blocks = y[: len(y) // 4800 * 4800].reshape(-1, 4800)
    silent_s = 0.1 * int((np.abs(blocks).max(axis=1) < 1e-4).sum())
    assert silent_s < 2.5


def test_a_lost_microphone_is_told_and_another_is_taken(server, mic):
    live = mic()
    live.wait_for(status="marking", microphone="HardwareMic")
    unload(server, "source_name=hw_mic")
    live.wait_for(status="no microphone", mood="bad")
    server.add_microphone("headset", "Headset", feed="headset_feed")
    live.wait_for(status="marking", microphone="Headset")
    server.play(CLIP, to="headset_feed")
    live.wait_for(confirmation="heard")


def test_a_restarted_server_gets_its_microphone_back(server, mic):
    live = mic()
    live.wait_for(status="marking")
    server.stop()
    live.wait_for(status="no server", mood="bad")
    server.start()
    live.wait_for(status="marking")
    assert "sottovoce" in server.sources()
    server.play(CLIP)
    live.wait_for(confirmation="heard")


def test_programs_do_not_play_into_it_and_the_default_is_given_back(server, mic, tmp_path):
    def default(kind):
        return server.run("pactl", f"get-default-{kind}").strip()

    live = mic("--make-default")
    live.wait_for(status="marking", microphone="HardwareMic")
    server.wait(lambda: default("source") == "sottovoce", "the default")
    assert default("sink") == "speakers"
    program = server.spawn("paplay", "--client-name=Browser", str(CLIP))
    server.wait(lambda: "Browser" in server.run("pactl", "list", "sink-inputs"), "the program")
    # The server takes the program to the only loudspeaker that is left but the microphone's.
    for module in ("sink_name=hw_feed", "sink_name=speakers"):
        unload(server, module)
    server.wait(lambda: default("sink") == "sottovoce_nowhere", "a loudspeaker that is none")
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=2)
    recording.wait()
    assert program.poll() is None
    y, _ = sf.read(tmp_path / "out.wav", dtype="float32")
    assert np.abs(y).max() < 1e-4
    server.add_sink("headphones")
    server.wait(lambda: default("sink") == "headphones", "the headphones")
    server.run("pactl", "set-default-sink", "sottovoce_feed")
    server.wait(lambda: default("sink") == "headphones", "the headphones again")
    live.process.terminate()
    assert live.process.wait(10) == 0
    assert "sottovoce" not in server.modules()
    assert default("source") != "sottovoce"


def test_a_call_is_listened_to_and_microphones_are_listed(server):
    y, sr = sf.read(CLIP, dtype="float32")
    path = server.folder / "call.wav"
    sf.write(path, sv.protect(y, sr=sr, notice=sv.Notice(owner_id=0x4F2A91C077DE)), sr)
    server.play(path, to="speakers")
    done = ask(server, "listen", "--json", "--for", "6")
    assert done.returncode == 0, done.stderr
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert looks[-1]["found"]
    assert ask(server, "mic", "list").stdout == "HardwareMic  (default)\n"
    for words in (("listen",), ("mic",)):
        refused = ask(server, *words, "--device", "nonesuch")
        assert refused.returncode == 2
        assert "HardwareMic" in refused.stderr


def test_the_doctor_says_which_server_it_found_and_what_is_missing(server):
    def examine(**changes):
        done = ask(server, "mic", "doctor", "--json", **changes)
        checks = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {check["what"]: check for check in checks}

    code, checks = examine()
    assert code == 0
    assert checks["the sound system is PulseAudio"]["ok"]
    assert "a microphone is available: HardwareMic" in checks
    tried = [check for what, check in checks.items() if "comes out marked (p ≤ 10^-" in what]
    assert tried[0]["ok"]
    assert "sottovoce" not in server.modules()
    few = server.folder / "few"
    few.mkdir()
    for name in ("pactl", "setpriv", "pw-dump", "pw-cli"):
        (few / name).symlink_to(f"/usr/bin/{name}")
    code, checks = examine(PATH=str(few))
    assert code == 2
    assert "pulseaudio-utils" in checks["PulseAudio's programs are installed"]["remedy"]
