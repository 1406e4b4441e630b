"""What a page gets in place of its microphone behaves as the microphone does, in Chromium."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]


def test_the_marked_track_reports_what_the_microphone_reports(reached) -> None:
    found = reached.evaluate(
        """async () => {
            const audio = { echoCancellation: false };
            const raw = await behind.getUserMedia.call(navigator.mediaDevices, { audio });
            const marked = await navigator.mediaDevices.getUserMedia({ audio });
            const [one, other] = [raw, marked].map((stream) => stream.getAudioTracks()[0]);
            const about = (track) => JSON.stringify([
                track.label, track.kind, track.muted, track.enabled, track.readyState,
                track.getSettings(), track.getConstraints(), track.getCapabilities(),
            ]);
            const isSame = about(one) === about(other);
            const kinds = [isMarked(one), isMarked(other), other instanceof MediaStreamTrack];
            for (const track of [one, other]) track.stop();
            const n = marked.getTracks().length;
            return { isSame, kinds, n, about: [about(one), about(other)] };
        }"""
    )
    assert found["isSame"], found["about"]
    assert found["kinds"] == [False, True, True]
    assert found["n"] == 1


def test_to_stop_the_last_marked_track_stops_the_microphone(reached, marking_chromium) -> None:
    found = reached.evaluate(
        """async () => {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            const [track] = stream.getAudioTracks();
            const clones = [track.clone(), stream.clone().getAudioTracks()[0]];
            const names = clones.map((one) => one.label === track.label && isMarked(one));
            track.stop();
            const left = clones.map((one) => one.readyState);
            const stillHeard = clones[0].stats.totalFrames;
            await wait(500);
            const isGoing = clones[0].stats.totalFrames > stillHeard;
            for (const one of clones) one.stop();
            await wait(300);
            const last = clones[0].stats.totalFrames;
            await wait(300);
            return { names, left, isGoing, isOver: clones[0].stats.totalFrames === last };
        }"""
    )
    assert found == {
        "names": [True, True],
        "left": ["live", "live"],
        "isGoing": True,
        "isOver": True,
    }
    assert marking_chromium.badge(reached) == ""


def test_a_microphone_that_ends_ends_the_marked_track(reached) -> None:
    # Chromium takes a permission back, which ends all microphones of the page.
    reached.evaluate(
        """async () => {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            [window.track] = stream.getAudioTracks();
            window.ended = 0;
            track.onended = () => { ended += 1; };
        }"""
    )
    session = reached.context.new_cdp_session(reached)
    session.send(
        "Browser.setPermission",
        {"permission": {"name": "microphone"}, "setting": "denied", "origin": reached.url},
    )
    try:
        reached.wait_for_function("track.readyState === 'ended'", timeout=5_000)
        assert reached.evaluate("ended") == 1
    finally:
        session.send("Browser.resetPermissions")


def test_constraints_are_applied_to_the_microphone(reached) -> None:
    found = reached.evaluate(
        """async () => {
            const stream = await navigator.mediaDevices.getUserMedia({
                audio: { echoCancellation: false },
            });
            const [track] = stream.getAudioTracks();
            await track.applyConstraints({ echoCancellation: false, noiseSuppression: false });
            const refused = await track.applyConstraints({ channelCount: { exact: 99 } }).catch(
                (error) => [error.name, error.constraint, error instanceof OverconstrainedError]);
            const asked = track.getConstraints();
            track.stop();
            return { asked, refused };
        }"""
    )
    assert found["asked"] == {"echoCancellation": False, "noiseSuppression": False}
    assert found["refused"] == ["OverconstrainedError", "channelCount", True]


def test_refusals_reach_the_page_as_they_are(reached) -> None:
    found = reached.evaluate(
        """async () => {
            const ask = (constraints) => navigator.mediaDevices.getUserMedia(constraints).catch(
                (error) => [error.name, error.constraint ?? "", error instanceof Error]);
            return [
                await ask({ audio: { deviceId: { exact: "none" } } }),
                await ask({}),
                await ask(),
                await MediaDevices.prototype.getUserMedia.call({}, { audio: true }).catch(
                    (error) => error.name),
            ];
        }"""
    )
    assert found[0][:2] == ["OverconstrainedError", "deviceId"]
    assert found[1][0] == found[2][0] == found[3] == "TypeError"


def test_a_policy_of_the_page_still_forbids_microphones(marking_chromium) -> None:
    page = marking_chromium.open("call.html?with=denied")
    refused = "navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => error.name)"
    assert page.evaluate(refused) == "NotAllowedError"
    page.close()


def test_devices_and_what_is_no_microphone_are_left_alone(reached) -> None:
    found = reached.evaluate(
        """async () => {
            const list = async (media) => JSON.stringify(await media.enumerateDevices());
            const there = behind.view.MediaDevices.prototype.enumerateDevices;
            const isSame = await list(navigator.mediaDevices)
                === JSON.stringify(await there.call(navigator.mediaDevices));
            const video = await navigator.mediaDevices.getUserMedia({ video: true });
            const both = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
            const { mediaDevices } = navigator;
            const screen = await mediaDevices.getDisplayMedia({ audio: true, video: true });
            const all = [video, both, screen].map((stream) => stream.getTracks().map(
                (track) => `${track.kind} ${isMarked(track)}`).sort());
            for (const stream of [video, both, screen]) {
                for (const track of stream.getTracks()) track.stop();
            }
            return { isSame, all };
        }"""
    )
    assert found["isSame"]
    assert found["all"] == [
        ["video false"],
        ["audio true", "video false"],
        ["audio false", "video false"],
    ]


def test_older_ways_to_ask_give_marked_sound(reached) -> None:
    found = reached.evaluate(
        """async () => {
            const found = [];
            for (const name of ["getUserMedia", "webkitGetUserMedia"]) {
                const stream = await new Promise((resolve, reject) => {
                    navigator[name]({ audio: true }, resolve, reject);
                });
                found.push(isMarked(stream.getAudioTracks()[0]));
                stream.getTracks()[0].stop();
            }
            return found;
        }"""
    )
    assert found == [True, True]


def test_a_page_that_asks_before_anything_else_gets_marked_sound(marking_chromium) -> None:
    page = marking_chromium.open("early.html")
    page.add_script_tag(url="raw.js")
    assert page.evaluate("first.then((stream) => isMarked(stream.getAudioTracks()[0]))")
    page.close()


@pytest.mark.parametrize(("name", "event"), [("usermedia", "stream"), ("microphone", "track")])
def test_elements_that_ask_for_a_microphone_give_marked_sound(reached, name, event) -> None:
    there = reached.evaluate(
        """([name, event]) => {
            const element = document.createElement(name);
            if (!(event in element)) return false;
            element.setAttribute("type", "microphone");
            element.style.display = "block";
            document.body.append(element);
            element.setConstraints(name === "usermedia" ? { audio: {} } : {});
            window.given = [];
            element.addEventListener(event, () => {
                const value = element[event];
                const tracks = value instanceof MediaStream ? value.getAudioTracks() : [value];
                given.push(...tracks.map((track) => track && isMarked(track)));
            });
            return true;
        }""",
        [name, event],
    )
    if not there:
        pytest.fail(f"this Chromium has no <{name}>")
    reached.wait_for_timeout(1_000)
    reached.locator(name).click(timeout=5_000)
    reached.wait_for_timeout(2_000)
    assert reached.evaluate("given") == [True]
