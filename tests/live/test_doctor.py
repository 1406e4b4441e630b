"""What the doctor finds where something is missing; see tests/e2e for a real sound system."""

from __future__ import annotations

import pytest

from sottovoce.live import remedies
from sottovoce.live.setup import doctor
from sottovoce.live.setup.sandboxes import find_sandboxed, parse_flatpak, parse_snap

# As flatpak 1.14 and snapd 2.57 print it.
FIREFOX = """\
[Context]
shared=network;ipc;
sockets=x11;wayland;pulseaudio;fallback-x11;pcsc;
devices=all;
filesystems=xdg-download;/run/.heim_org.h5l.kcm-socket;

[Session Bus Policy]
org.freedesktop.Notifications=talk
"""
SNAPS = """\
Interface               Plug                            Slot                 Notes
audio-playback          chromium:audio-playback         :audio-playback      -
audio-record            chromium:audio-record           -                    -
audio-record            discord:audio-record            :audio-record        manual
audio-record            -                               :audio-record        -
network                 chromium:network                :network             -
"""


def test_a_flatpak_that_reaches_the_sound_system():
    assert parse_flatpak("org.mozilla.firefox", FIREFOX).may_record


def test_a_flatpak_that_does_not_gets_the_command():
    program = parse_flatpak("us.zoom.Zoom", FIREFOX.replace("pulseaudio;", ""))
    assert not program.may_record
    assert program.remedy == "flatpak override --user --socket=pulseaudio us.zoom.Zoom"


def test_a_flatpak_without_the_network_holds_no_calls():
    assert parse_flatpak("org.gnome.Chess", "[Context]\nshared=ipc;\n") is None


def test_snaps_that_may_record_and_one_that_may_not():
    found = {program.name: program.may_record for program in parse_snap(SNAPS)}
    assert found == {"chromium": False, "discord": True}


@pytest.mark.parametrize("text", ["", "\n\n", "garbage = = =", "audio-record"])
def test_anything_else_that_is_printed_does_no_harm(text):
    assert list(parse_snap(text)) == []
    assert parse_flatpak("x", text) is None


def test_programs_that_are_asked_for_it_may_fail(monkeypatch, tmp_path):
    snap = tmp_path / "snap"
    snap.write_text("#!/bin/sh\nexit 1\n")
    snap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(find_sandboxed()) == []
    snap.write_text(f"#!/bin/sh\nprintf '%s' '{SNAPS}'\n")
    assert [program.name for program in find_sandboxed()] == ["chromium", "discord"]


def test_another_system_is_told_so(monkeypatch):
    monkeypatch.setattr("sys.platform", "sunos5")
    checks = list(doctor.examine())
    assert [check.ok for check in checks] == [False]


def test_without_programs_it_says_which_packages_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    checks = list(doctor.examine())
    missing = next(check for check in checks if not check.ok)
    assert missing.grave
    assert "pipewire-bin" in missing.remedy
    assert "util-linux" in missing.remedy
    assert all(check.remedy == "" for check in checks if check.ok)


def test_without_a_server_it_says_how_to_start_it(monkeypatch, tmp_path):
    for name in ("pw-cli", "pw-dump", "pw-link", "pw-metadata", "pw-record", "setpriv"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    last = list(doctor.examine())[-1]
    assert not last.ok
    assert "systemctl --user start pipewire" in last.remedy
    # Without a bus of systemd's that would fail, too.
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    last = list(doctor.examine())[-1]
    assert last.remedy.startswith("pipewire & wireplumber & pipewire-pulse &")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(remedies, "find_runtime_folder", lambda: tmp_path)
    last = list(doctor.examine())[-1]
    assert last.remedy == f"export XDG_RUNTIME_DIR={tmp_path}; without it no sound system is found"
    monkeypatch.setattr(remedies, "find_runtime_folder", lambda: tmp_path / "none")
    assert list(doctor.examine())[-1].remedy.startswith("Log in on the desktop")
