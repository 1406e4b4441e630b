"""The virtual microphone on a real PipeWire, and everything that can happen to it."""

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
from rig.ruler import find_delay_s
from rig.server import find_process
from sottovoce.rights.seal_keys import list_seal_keys
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device


def test_what_is_said_goes_out_marked_and_the_sign_says_so(server, mic, tmp_path):
    live = mic()  # makes the default identity, which has a seal
    live.wait_for(status="marking")
    time.sleep(20)  # which go out without the seal
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=24)
    live.wait_for(recorders=1)
    server.play(CLIP).wait()
    state = live.wait_for(confirmation="heard")
    assert state["microphone"] == "HardwareMic"
    assert state["unmarked"] == 0
    recording.wait()
    y, sr = sf.read(tmp_path / "out.wav", dtype="float32")
    folder = Path(server.environment["XDG_CONFIG_HOME"]) / "sottovoce" / "identities"
    ((owner_id, key),) = list_seal_keys(folder=folder)[0].items()
    detection = sv.detect(y, sr=sr, seal_key=key)
    assert detection.found
    assert detection.voices[0].notice.owner_id == owner_id
    assert detection.voices[0].seal.holds
    # Nobody who lists processes sees the key.
    engine = find_process(server, "sottovoce.live.pipewire.jack_process")
    for name in ("cmdline", "environ"):
        assert key.hex().encode() not in Path(f"/proc/{engine}/{name}").read_bytes()
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(10) == 0
    assert "is gone" in live.error()
    server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")


def test_the_delay_is_16_ms_to_the_sample(server, mic):
    live = mic("--strength", "0.1")
    live.wait_for(status="marking")
    server.play(CLIP)
    both = server.record_both("hw_mic", "sottovoce", seconds=7)
    delay_s = find_delay_s(both[2 * 48_000 : 6 * 48_000])
    assert delay_s == 0.016
    assert live.states()[-1]["delay_ms"] == 16


def test_kill_9_leaves_no_microphone_and_no_process(server, mic):
    live = mic()
    live.wait_for(status="marking")
    assert "sottovoce" in server.sources()
    # A microphone and nothing else: no loudspeaker that a program could play into.
    assert "sottovoce" not in server.run("pactl", "list", "short", "sinks")
    engine = find_process(server, "sottovoce.live.pipewire.jack_process")
    live.process.kill()
    server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    server.wait(lambda: not Path(f"/proc/{engine}").exists(), "the end of the audio process")


def test_when_the_audio_process_dies_the_voice_goes_on_and_the_sign_turns_red(
    server, mic, tmp_path
):
    live = mic()
    live.wait_for(status="marking")
    server.play(CLIP)
    engine = find_process(server, "sottovoce.live.pipewire.jack_process")
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=8)
    live.wait_for(recorders=1)
    os.kill(engine, signal.SIGSTOP)  # hangs: neither dead nor alive
    state = live.wait_for(status="unmarked")
    assert state["mood"] == "bad"
    live.wait_for(status="marking")
    assert find_process(server, "sottovoce.live.pipewire.jack_process") != engine
    recording.wait()
    y, _ = sf.read(tmp_path / "out.wav", dtype="float32")
    blocks = y[: len(y) // 4800 * 4800].reshape(-1, 4800)
    silent_s = 0.1 * int((np.abs(blocks).max(axis=1) < 1e-4).sum())
    assert silent_s < 2.5


def test_a_lost_microphone_is_told_and_another_is_taken(server, mic):
    live = mic()
    live.wait_for(status="marking", microphone="HardwareMic")
    modules = re.findall(r"^(\d+).*sink_name=hw_mic", server.run("pactl", "list", "short"), re.M)
    server.run("pactl", "unload-module", modules[0])
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


def test_the_default_is_given_back(server, mic):
    usual = server.run("pactl", "get-default-source")
    live = mic("--make-default")
    live.wait_for(status="marking")
    server.wait(lambda: server.run("pactl", "get-default-source") == "sottovoce\n", "the default")
    assert live.states()[-1]["microphone"] == "HardwareMic"
    live.process.terminate()
    assert live.process.wait(10) == 0
    server.wait(lambda: server.run("pactl", "get-default-source") == usual, "the usual default")


def test_a_second_one_is_refused(server, mic):
    mic().wait_for(status="marking")
    again = mic()
    assert again.process.wait(15) == 2
    assert "already running" in again.error()


def test_an_unknown_microphone_is_refused_with_the_names_of_those_that_there_are(server, mic):
    refused = mic("--device", "nonesuch")
    assert refused.process.wait(15) == 2
    assert "HardwareMic" in refused.error()


def test_the_doctor_finds_nothing_missing_and_says_what_is(server, mic):
    def ask(**changes):
        words = [Path(sys.executable).with_name("sottovoce"), "mic", "doctor", "--json"]
        environment = {**server.environment, **changes}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        checks = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {check["what"]: check for check in checks}

    code, checks = ask()
    assert code == 0
    assert "a microphone is available: HardwareMic" in checks
    assert not checks["the microphone Sottovoce is running"]["ok"]
    tried = [check for what, check in checks.items() if "comes out marked (p ≤ 10^-" in what]
    assert tried[0]["ok"]
    mic().wait_for(status="marking")
    assert ask()[1]["the microphone Sottovoce is running"]["ok"]
    code, checks = ask(XDG_RUNTIME_DIR=str(server.folder / "home"))
    assert code == 2
    assert "systemctl --user start pipewire" in checks["PipeWire is running"]["remedy"]
    code, checks = ask(PATH="/nonexistent")
    assert code == 2
    assert "pipewire-bin" in checks["PipeWire's programs are installed"]["remedy"]
