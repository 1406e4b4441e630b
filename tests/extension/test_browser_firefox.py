"""The extension in Firefox, with a microphone of the rig's audio server."""

from __future__ import annotations

import shutil
import time

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


@pytest.mark.parametrize("kind", ["blank", "srcdoc", "blob", "same", "written"])
def test_frames_give_marked_sound(firefox, kind) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    # Where nobody has pressed a key or clicked yet, Firefox lets no frame process sound.
    firefox.press("body", "a")
    early, late = firefox.run(f"askInFrame('{kind}')")
    assert early[0] is not False or early[2] == "ended", early
    assert late[0] is True


def test_a_frame_that_may_not_process_sound_gets_the_microphone_itself(firefox) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    _, late = firefox.run("askInFrame('srcdoc')")
    assert late[0] is False


def test_a_frame_of_an_address_that_is_a_script_gets_no_microphone(firefox) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    refused = firefox.run("askInFrame('script').catch(({ name }) => name)")
    assert refused == "NotAllowedError"


def test_replaced_methods_neither_see_the_microphone_nor_keep_off_the_mark(firefox) -> None:
    firefox.open(f"{firefox.address}/reached.html")
    found = firefox.run(
        """(async () => {
            replaceEverything();
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            const [track] = stream.getAudioTracks();
            const found = isMarked(track);
            track.stop();
            return [found, stolen.filter((one) => !isMarked(one)).length];
        })()"""
    )
    assert found == [True, 0]


def test_the_badge_is_green_for_marked_sound_and_red_for_a_microphone_that_came_around(
    firefox, server, clip_path
) -> None:
    """Firefox tells the extension of microphones that none of its scripts has seen."""
    firefox.open(f"{firefox.address}/reached.html")
    server.play(clip_path)
    take = "(async () => {{ window.stream = await {}; return true; }})()"
    firefox.run(take.format("navigator.mediaDevices.getUserMedia({ audio: true })"))
    time.sleep(6.0)
    assert firefox.badge()[0] == "✓"
    firefox.run("stream.getTracks()[0].stop() ?? true")
    time.sleep(2.0)
    assert firefox.badge()[0] == ""
    around = "behind.getUserMedia.call(navigator.mediaDevices, { audio: true })"
    firefox.run(take.format(around))
    time.sleep(8.0)
    text, title = firefox.badge()
    assert text == "!"
    assert "did not come through" in title
