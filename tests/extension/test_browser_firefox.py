"""The extension in Firefox, with a microphone of the rig's audio server."""

from __future__ import annotations

import shutil

import pytest

import sottovoce as sv
from rig.extension import decode
from rig.marking_firefox import MarkingFirefox
from rig.server import AudioServer

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

CALL_S = 14


@pytest.fixture(scope="module")
def server():
    server = AudioServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def firefox(make_extension, server, tmp_path_factory):
    if shutil.which("firefox-esr") is None:
        pytest.fail("apt-get install firefox-esr")
    saved = tmp_path_factory.mktemp("saved")
    with MarkingFirefox(make_extension("firefox"), server=server, folder=saved) as firefox:
        yield firefox


def test_the_far_end_hears_the_mark_on_a_page_with_a_strict_policy(
    firefox, server, clip_path
) -> None:
    firefox.open(f"{firefox.address}/call.html?with=csp")
    server.play(clip_path)
    y = decode(firefox.run(f"callFor({CALL_S})"))
    found = sv.detect(y, sr=48_000)
    assert found.found, found


def test_the_marked_track_reports_what_the_microphone_reports(firefox) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    same, kinds = firefox.run(
        """(async () => {
            const audio = { echoCancellation: false };
            const raw = await behind.getUserMedia.call(navigator.mediaDevices, { audio });
            const marked = await navigator.mediaDevices.getUserMedia({ audio });
            const [one, other] = [raw, marked].map((stream) => stream.getAudioTracks()[0]);
            const about = (track) => JSON.stringify([
                track.label, track.kind, track.muted, track.enabled, track.readyState,
                track.getSettings(), track.getConstraints(), track.getCapabilities(),
            ]);
            const same = [about(one), about(other)];
            const [clone] = marked.clone().getAudioTracks();
            const kinds = [one, other, clone].map(isMarked);
            for (const track of [one, other, clone]) track.stop();
            return [same, kinds];
        })()"""
    )
    assert same[0] == same[1]
    assert kinds == [False, True, True]


def test_refusals_and_devices_are_the_browsers_own(firefox) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    refused, devices = firefox.run(
        """(async () => {
            const audio = { deviceId: { exact: "none" } };
            const refused = await navigator.mediaDevices.getUserMedia({ audio }).catch(
                (error) => [error.name, error.constraint]);
            const there = behind.view.MediaDevices.prototype.enumerateDevices;
            const devices = [
                JSON.stringify(await navigator.mediaDevices.enumerateDevices()),
                JSON.stringify(await there.call(navigator.mediaDevices)),
            ];
            return [refused, devices];
        })()"""
    )
    assert refused == ["OverconstrainedError", "deviceId"]
    assert devices[0] == devices[1]
