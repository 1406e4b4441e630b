"""The installed microphone, under a real systemd on a real PipeWire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile as sf

import sottovoce as sv
from rig.desktop import Desktop
from rig.server import find_process
from rig.systemd import run_manager
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device
PROGRAM = Path(sys.executable).with_name("sottovoce")
_IDLE_S = 10
TICKS = os.sysconf("SC_CLK_TCK")


def ask(server, *words):
    return subprocess.run(
        [PROGRAM, "mic", *words],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def ask_status(server):
    return json.loads(ask(server, "status", "--json").stdout)


@pytest.fixture
def manager(server):
    with run_manager(server):
        yield


def spent_s(server):
    """Return the processor time of every process of ours."""
    total = 0
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit():
                continue
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        ours = any(word in command for word in (b"sottovoce", b"pw-dump", b"pw-cli"))
        if ours and str(server.folder).encode() in environment:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


@pytest.mark.usefixtures("manager")
def test_the_microphone_is_there_from_login_and_works_only_when_it_is_used(server, tmp_path):
    assert ask(server, "status").returncode == 1
    done = ask(server, "install", "--owner", "4f2a-91c0-77de")
    assert done.returncode == 0, done.stderr
    assert "sottovoce" in server.sources()
    status = ask_status(server)
    assert status["installed"]
    assert status["active"]
    assert status["at_login"]
    assert "asleep" in status["said"]

    time.sleep(2)  # asking for the status took processor time too
    before_s = spent_s(server)
    time.sleep(_IDLE_S)
    assert spent_s(server) - before_s < 0.1

    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=24)
    server.wait(lambda: "asleep" not in ask_status(server)["said"], "the recorder")
    server.play(CLIP)
    server.wait(lambda: "MARKED: heard" in ask_status(server)["said"], "the mark", within_s=18)
    recording.wait()
    y, sr = sf.read(tmp_path / "out.wav", dtype="float32")
    detection = sv.detect(y, sr=sr)
    assert detection.voices[0].notice.owner_id == 0x4F2A91C077DE
    server.wait(lambda: "asleep" in ask_status(server)["said"], "sleep", within_s=15)


@pytest.mark.usefixtures("manager")
def test_what_is_killed_comes_back_and_what_is_uninstalled_does_not(server):
    ask(server, "install", "--owner", "anonymous")
    os.kill(find_process(server, "mic --notify"), signal.SIGKILL)
    server.wait(lambda: "sottovoce" not in server.sources(), "the end of the microphone")
    server.wait(lambda: "sottovoce" in server.sources(), "the microphone", within_s=20)
    server.wait(lambda: ask_status(server)["restarts"] == 1, "the count of restarts")
    assert ask(server, "uninstall").returncode == 0
    assert "sottovoce" not in server.sources()
    status = ask_status(server)
    assert not status["installed"]
    assert not status["active"]
    assert not list((server.folder / "home").rglob("*.service"))
    assert "not installed" in ask(server, "uninstall").stdout


@pytest.mark.usefixtures("manager")
def test_it_waits_for_the_sound_system(server):
    server.stop()
    done = ask(server, "install", "--owner", "anonymous")
    assert done.returncode == 2
    assert "journalctl" in done.stderr
    server.start()
    server.wait(lambda: "sottovoce" in server.sources(), "the microphone", within_s=20)


def test_a_program_that_takes_another_microphone_is_told_on_the_desktop(server, mic):
    with Desktop(server) as desktop:
        live = mic("--notify", always=False)
        live.wait_for(status="asleep")
        recording = server.record(server.folder / "other.wav", source="hw_mic", seconds=8)
        live.wait_for(bypassing=["pw-record"])
        server.wait(lambda: desktop.shown, "the notification")
        recording.wait()
        live.wait_for(bypassing=[])
        assert desktop.shown == ["pw-record records you without the mark"]


def test_without_systemd_it_says_what_else_to_do(server):
    done = subprocess.run(
        [PROGRAM, "mic", "status"],
        env={**server.environment, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "start `sottovoce mic` at login" in done.stderr
