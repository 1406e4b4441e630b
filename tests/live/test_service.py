"""The unit and the messages of the installed microphone; see tests/e2e for a real systemd."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.cli import program
from sottovoce.errors import DeviceError
from sottovoce.live.systemd import (
    install,
    make_unit,
    read_status,
    tell,
    tell_who_runs,
    uninstall,
)


def command_of(unit):
    return next(line for line in unit.splitlines() if line.startswith("ExecStart="))[10:]


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=20))
def test_any_name_of_a_microphone_comes_through_a_unit(name):
    words = shlex.split(command_of(make_unit(["--device", name])))
    # systemd writes its own marks twice where they mean themselves.
    assert words[-1].replace("%%", "%").replace("$$", "$") == name


@pytest.mark.parametrize("name", ["two\nlines", "\x00", "\x1b[2J"])
def test_what_could_end_the_line_is_refused(name):
    with pytest.raises(DeviceError, match="unit"):
        make_unit(["--device", name])


OLD_UNITS = [
    ["mic", "--owner", "anonymous", "--policy", "training"],
    ["mic", "--device", "100 % mine", "--strength", "strong", "--block", "512"],
    ["mic", "--make-default", "--always"],
]
"""Commands of units that releases of before wrote: the program's name and options, no module."""


@pytest.mark.parametrize("words", OLD_UNITS, ids=" ".join)
def test_a_unit_that_an_earlier_release_wrote_still_starts(words):
    # With the program's settings: what a command's help is called is remembered.
    parent = click.Context(program, **program.context_settings)
    program.commands["mic"].make_context("mic", words[1:], parent=parent).close()


def test_a_unit_names_nothing_that_may_move():
    words = shlex.split(command_of(make_unit([])))
    assert [Path(words[0]).name, *words[1:]] == ["sottovoce", "mic"]


def test_systemd_is_told_in_one_line_that_all_is_well(monkeypatch, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        tell("marked:\nSTOPPING=1")
        assert manager.recv(4096) == b"READY=1\nWATCHDOG=1\nSTATUS=marked: STOPPING=1"


def test_a_name_without_a_file_is_an_address_too(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0sottovoce-test")
        monkeypatch.setenv("NOTIFY_SOCKET", "@sottovoce-test")
        tell("asleep")
        assert manager.recv(4096).endswith(b"STATUS=asleep")


def test_without_systemd_nothing_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell("asleep")


def test_without_systemd_nothing_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DeviceError, match="systemd"):
        install(["--notify"])
    assert not list(tmp_path.rglob("*.service"))
    assert not uninstall()


def test_without_a_bus_it_does_not_send_people_to_the_journal(monkeypatch, tmp_path):
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(DeviceError) as refused:
        read_status()
    assert "journalctl" not in refused.value.remedy
    assert "`sottovoce mic` at login" in refused.value.remedy
    assert tell_who_runs() == "Stop the other `sottovoce mic`."


def test_where_the_installed_one_runs_it_is_named(monkeypatch, tmp_path):
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho ActiveState=active\necho LoadState=loaded\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "mic status" in tell_who_runs()
    assert "mic uninstall" in tell_who_runs()


def test_the_unit_takes_away_what_sound_does_not_need(monkeypatch):
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    lines = make_unit([]).splitlines()
    assert "NoNewPrivileges=yes" in lines
    assert "RestrictAddressFamilies=AF_UNIX AF_NETLINK" in lines
    assert "SystemCallFilter=@system-service" in lines
    # Real-time scheduling and callbacks from C must stay allowed.
    assert not any(line.startswith(("RestrictRealtime", "MemoryDenyWrite")) for line in lines)


def test_a_sound_server_on_the_network_stays_in_reach(monkeypatch):
    monkeypatch.setenv("PULSE_SERVER", "tcp:studio:4713")
    assert "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6" in make_unit([])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_no_fault_in_the_unit_and_little_exposed(tmp_path):
    path = tmp_path / "sottovoce-mic.service"
    path.write_text(make_unit(["--owner", "anonymous"]))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Unknown key" not in done.stderr
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    if exposure is None:
        pytest.skip("this systemd-analyze cannot read a file by itself")
    assert float(exposure[1]) <= 6.3
