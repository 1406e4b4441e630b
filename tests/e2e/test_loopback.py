"""`LoopbackMic` through PortAudio, into a loopback device that stands in for BlackHole or VB-CABLE.

What macOS and Windows do with the same code is not tested here: PortAudio is the same, what lies
under it is not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile as sf

import sottovoce as sv
from rig.loopback import FAR_END, add_loopback
from rig.server import find_process
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device


@pytest.fixture
def loopback(server, mic):
    add_loopback(server)

    def start(*words):
        live = mic("--into", "blackhole", "--device", "headset", *words)
        live.wait_for(status="marking", within_s=30.0)
        return live

    return start


def test_a_real_voice_goes_out_marked_through_a_loopback_driver(server, loopback, tmp_path):
    live = loopback("--owner", "4f2a-91c0-77de")
    words = ["timeout", "-s", "INT", "18", "parecord", "--file-format=wav"]
    words += ["--rate=48000", "--channels=1", "--format=float32le", "-d", FAR_END]
    recording = server.spawn(*words, str(tmp_path / "out.wav"))
    server.play(CLIP)
    state = live.wait_for(confirmation="heard")
    assert state["microphone"] == "Headset"
    assert state["unmarked"] == 0
    # Whether somebody records is not known, and so not claimed.
    assert state["recorders"] is None
    # 16 ms of marking, and what PortAudio says that its buffers hold.
    assert 16 < state["delay_ms"] < 500
    recording.wait()
    y, sr = sf.read(tmp_path / "out.wav", dtype="float32")
    detection = sv.detect(y, sr=sr)
    assert detection.log10_p < -12
    assert [v.notice.owner_id for v in detection.voices if v.notice] == [0x4F2A91C077DE]
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(10) == 0
    assert "The microphone BlackHole 2ch is silent now." in live.error()


def test_an_audio_process_that_hangs_or_dies_is_started_anew(server, loopback):
    live = loopback()
    for number in (signal.SIGSTOP, signal.SIGKILL):
        engine = find_process(server, "sottovoce.live.loopback.process")
        os.kill(engine, number)
        live.wait_for(status="silent", mood="bad")
        live.wait_for(status="marking")
        assert find_process(server, "sottovoce.live.loopback.process") != engine
    server.play(CLIP)
    live.wait_for(confirmation="heard", within_s=25)


def test_a_lost_device_is_told_and_comes_back(server, loopback):
    live = loopback()
    server.stop()
    live.wait_for(status="no microphone", mood="bad", within_s=30)
    server.start()
    add_loopback(server)
    live.wait_for(status="marking", within_s=30)
    server.play(CLIP)
    live.wait_for(confirmation="heard", within_s=25)


def test_its_processes_end_with_it(server, loopback):
    live = loopback()
    server.wait(lambda: find_process(server, "sottovoce.live.loopback.recorder"), "the listener")
    names = ("loopback.process", "loopback.recorder")
    started = [find_process(server, f"sottovoce.live.{name}") for name in names]
    live.process.kill()
    for number in started:
        server.wait(lambda number=number: not Path(f"/proc/{number}").exists(), "the end")


def test_where_there_is_no_driver_it_says_which_to_get(server, mic):
    refused = mic("--into", "nonesuch")
    assert refused.process.wait(20) == 2
    assert "there is no output device 'nonesuch'" in refused.error()
    words = [
        sys.executable,
        "-c",
        "from sottovoce.live.loopback.mic import LoopbackMic; LoopbackMic().__enter__()",
    ]
    done = subprocess.run(
        words, env=server.environment, capture_output=True, text=True, check=False
    )
    assert "there is no loopback driver" in done.stderr
