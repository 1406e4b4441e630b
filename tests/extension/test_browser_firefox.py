"""The extension in Firefox, with a microphone of the rig's audio server."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pytest

import sottovoce as sv
from rig.extension import decode
from rig.marking_firefox import MarkingFirefox
from rig.server import AudioServer

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

CALL_S = 12
OWNER = "4f2a91c077de"


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


def test_a_frame_sends_the_microphone_itself_until_somebody_presses_a_key(
    firefox, server, clip_path
) -> None:
    """Firefox lets no frame process sound before; the mark begins in the running call."""
    firefox.open(f"{firefox.address}/reached.html")
    firefox.run(
        """(async () => {
            window.frame = document.createElement("iframe");
            frame.src = "reached.html";
            await new Promise((resolve) => {
                frame.onload = resolve;
                document.documentElement.append(frame);
            });
            window.inner = frame.contentWindow;
            window.stream = await inner.navigator.mediaDevices.getUserMedia({ audio: true });
            window.call = await inner.startCall(stream);
            return true;
        })()"""
    )
    sent = "isMarked(call.senders[0].track)"
    assert firefox.run(sent) is False
    time.sleep(0.5)
    assert firefox.badge()[0] == "!"
    firefox.press_in_frame("a")
    firefox.wait(sent, within_s=8.0)
    server.play(clip_path)
    begin = firefox.run("call.blocks.length")
    time.sleep(10.0)
    assert firefox.badge()[0] == "✓"
    # A mute of the microphone that the page has counts all the same, and so does its end.
    muted = firefox.run("(stream.getTracks()[0].enabled = false, call.blocks.length)")
    time.sleep(2.0)
    y = decode(firefox.run("inner.encode(call.blocks)"))
    firefox.run("stream.getTracks()[0].stop() ?? true")
    time.sleep(1.5)
    assert firefox.badge()[0] == ""
    firefox.run("call.stop().length")
    assert sv.detect(y[128 * begin : 128 * muted], sr=48_000).found
    assert np.abs(y[128 * muted + 48_000 :]).max() < 1e-3


def test_the_owner_is_read_and_mute_and_stop_count(firefox, server, clip_path) -> None:
    firefox.store({"owner": {"name": "x", "id": OWNER, "seal": ""}})
    firefox.open(f"{firefox.address}/reached.html")
    server.play(clip_path)
    firefox.run(
        """(async () => {
            window.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            window.call = await startCall(stream);
            return true;
        })()"""
    )
    time.sleep(CALL_S)
    muted = firefox.run("(stream.getTracks()[0].enabled = false, call.blocks.length)")
    time.sleep(2.0)
    assert firefox.badge()[0] == "\N{EN DASH}"
    y = decode(firefox.run("call.stop()"))
    assert (
        firefox.run("(stream.getTracks()[0].stop(), stream.getTracks()[0].readyState)") == "ended"
    )
    time.sleep(1.5)
    assert firefox.badge()[0] == ""
    found = sv.detect(y[: 128 * muted], sr=48_000)
    assert [f"{one.notice.owner_id:012x}" for one in found.voices if one.notice] == [OWNER]
    assert np.abs(y[128 * muted + 48_000 :]).max() < 1e-3


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
