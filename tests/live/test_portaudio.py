"""Which devices a call goes through, on lists as macOS and Windows show them."""

from __future__ import annotations

import sys

import pytest

from sottovoce.errors import DeviceError, MissingExtraError
from sottovoce.live.loopback import devices
from sottovoce.live.loopback import doctor as loopback_doctor
from sottovoce.live.loopback.devices import (
    AudioDevice,
    choose_loopback,
    choose_microphone,
    find_far_end,
    find_preferred,
)
from sottovoce.live.loopback.mic import LoopbackMic
from sottovoce.live.setup import doctor


def make(*rows):
    return [
        AudioDevice(
            index=i, name=name, api=api, n_in=n_in, n_out=n_out, sr=48_000.0, is_default=default
        )
        for i, (name, api, n_in, n_out, default) in enumerate(rows)
    ]


MAC = make(
    ("BlackHole 16ch", "Core Audio", 16, 16, False),
    ("BlackHole 2ch", "Core Audio", 2, 2, False),
    ("MacBook Pro Speakers", "Core Audio", 0, 2, False),
    ("MacBook Pro Microphone", "Core Audio", 1, 0, True),
    ("Headset", "Core Audio", 1, 2, False),
)
# Windows names each device once for each host API, and MME cuts names off.
WINDOWS = make(
    ("CABLE Input (VB-Audio Virtual C", "MME", 0, 2, False),
    ("CABLE Output (VB-Audio Virtual ", "MME", 2, 0, True),
    ("CABLE Input (VB-Audio Virtual Cable)", "Windows WASAPI", 0, 2, False),
    ("Speakers (Realtek(R) Audio)", "Windows WASAPI", 0, 2, False),
    ("CABLE Output (VB-Audio Virtual Cable)", "Windows WASAPI", 2, 0, True),
    ("Microphone (Realtek(R) Audio)", "Windows WASAPI", 2, 0, False),
)


def test_on_macos_the_two_ends_of_blackhole_have_one_name():
    loopback = choose_loopback(MAC, "2CH")
    assert loopback.name == "BlackHole 2ch"
    assert find_far_end(MAC, loopback).name == "BlackHole 2ch"
    assert choose_microphone(MAC, None, loopback=loopback).name == "MacBook Pro Microphone"
    assert choose_microphone(MAC, "head", loopback=loopback).name == "Headset"
    assert choose_loopback(MAC, None).name == "BlackHole 16ch"


def test_on_windows_the_newest_host_api_is_taken():
    assert {device.api for device in find_preferred(WINDOWS)} == {"Windows WASAPI"}
    loopback = choose_loopback(WINDOWS, None)
    assert loopback.index == 2
    assert find_far_end(WINDOWS, loopback).index == 4


def test_the_drivers_own_microphone_is_never_the_hardware_one():
    loopback = choose_loopback(WINDOWS, None)
    # The installer of VB-CABLE may leave it as the default.
    assert choose_microphone(WINDOWS, None, loopback=loopback).index == 5
    with pytest.raises(DeviceError, match="no microphone 'cable'"):
        choose_microphone(WINDOWS, "cable", loopback=loopback)


def test_what_is_not_there_is_told_with_the_names_of_what_is():
    bare = [device for device in MAC if "BlackHole" not in device.name]
    with pytest.raises(DeviceError, match="no loopback driver"):
        choose_loopback(bare, None)
    with pytest.raises(DeviceError, match="no output device 'x'") as caught:
        choose_loopback(bare, "x")
    assert "MacBook Pro Speakers" in caught.value.remedy
    with pytest.raises(DeviceError, match="no microphone"):
        find_far_end(MAC, MAC[2])
    with pytest.raises(DeviceError, match="no microphone"):
        choose_microphone([], None)


@pytest.mark.parametrize(("platform", "driver"), [("darwin", "BlackHole"), ("win32", "VB-CABLE")])
def test_the_driver_to_get_is_named(monkeypatch, platform, driver):
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(DeviceError) as caught:
        choose_loopback([], None)
    assert driver in caught.value.remedy


def test_what_needs_linux_is_refused():
    with pytest.raises(DeviceError, match="the default here"), LoopbackMic(make_default=True):
        pass


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DeviceError, match="for macOS and Windows"):
        devices.import_sounddevice()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MissingExtraError, match="sounddevice"):
        devices.read_devices()


def test_the_doctor_looks_at_the_driver_and_at_the_microphone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(loopback_doctor, "read_devices", lambda: WINDOWS)
    checks = list(doctor.examine())
    assert all(check.ok or not check.grave for check in checks)
    assert "a microphone is available: Microphone (Realtek(R) Audio)" in [c.what for c in checks]
    monkeypatch.setattr(loopback_doctor, "read_devices", list)
    last = list(doctor.examine())[-1]
    assert last.grave
    assert "VB-CABLE" in last.remedy
