"""Whatever fails, the voice goes out unmarked and the badge says so at once, in Chromium."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rig.extension import MarkingChromium, decode

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

# As the real processor at first, which then fails while it runs.
THROWS_LATER = """
class Failing extends AudioWorkletProcessor {
  #n = 0;
  process([input], [output]) {
    if (++this.#n > 1500) throw new Error("failed on purpose");
    input.forEach((one, i) => output[i].set(one));
    if (this.#n % 90 === 0) this.port.postMessage({ unmarked: 0, rmsDb: -20,
      delay: 768, sampleRate, samples: 128 * this.#n, contextFrame: currentFrame + 128 });
    return true;
  }
}
registerProcessor("sottovoce-mark", Failing);
"""
CANNOT_BE_LOADED = "throw new Error('failed on purpose');"
# Runs, and does not mark.
PASSES_THROUGH = THROWS_LATER.replace("++this.#n > 1500", "++this.#n < 0")


def heard_rms(page, seconds=2):
    return float(np.sqrt(np.square(decode(page.evaluate(f"hear(stream, {seconds})"))).mean()))


def take_microphone(page):
    page.evaluate(
        """async () => {
            window.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        }"""
    )


@pytest.fixture
def start(make_extension, microphone):
    started = []

    def start(worklet):
        browser = MarkingChromium(make_extension("chromium", worklet=worklet), microphone)
        started.append(browser)
        return browser.__enter__()

    yield start
    for each in started:
        each.__exit__()


def test_without_the_processor_the_page_gets_the_microphone_itself(start) -> None:
    browser = start(CANNOT_BE_LOADED)
    page = browser.open("reached.html")
    take_microphone(page)
    page.wait_for_timeout(700)
    assert browser.badge(page) == "!"
    assert "goes out as it is" in browser.title(page)
    assert not page.evaluate("isMarked(stream.getAudioTracks()[0])")
    assert heard_rms(page) > 1e-3
    # A copy that is sent is the same microphone, and gone with it.
    page.evaluate(
        """() => {
            window.call = new RTCPeerConnection();
            window.sent = call.addTrack(stream.getTracks()[0].clone(), stream);
        }"""
    )
    page.evaluate("(stream.getTracks()[0].stop(), sent.track.stop())")
    page.wait_for_timeout(1_500)
    assert browser.badge(page) == ""


def test_a_processor_that_fails_is_gone_around_while_the_voice_goes_on(start) -> None:
    browser = start(THROWS_LATER)
    page = browser.open("reached.html")
    take_microphone(page)
    page.wait_for_timeout(700)
    assert browser.badge(page) == "…"
    page.wait_for_timeout(5_000)
    assert browser.badge(page) == "!"
    assert heard_rms(page) > 1e-3


# Marks for eight seconds, and then passes the sound through as if it still did.
STOPS_MARKING = """
const register = registerProcessor;
globalThis.registerProcessor = (name, Marking) => register(name, class extends Marking {
  #n = 0;
  #heard = Array.from({ length: 6 }, () => new Float32Array(128));
  process(inputs, outputs, parameters) {
    const goesOn = super.process(inputs, outputs, parameters);
    const heard = this.#heard[this.#n % 6]; // as late as the marked sound: 16 ms
    if (++this.#n * 128 > 8 * sampleRate) outputs[0].forEach((one) => one.set(heard));
    heard.set(inputs[0][0] ?? heard);
    return goesOn;
  }
});
"""


def test_a_mark_that_stops_turns_the_badge_red_within_three_seconds(start, make_extension) -> None:
    marking = (make_extension("chromium") / "worklet.js").read_text()
    browser = start(STOPS_MARKING + marking)
    page = browser.open("reached.html")
    take_microphone(page)
    page.wait_for_timeout(6_500)
    assert browser.badge(page) == "✓"
    page.wait_for_timeout(1_500)
    # The rig's clip has no pause longer than a second.
    began = time.monotonic()
    while browser.badge(page) != "!":
        assert time.monotonic() - began < 4.5
    assert "no mark found" in browser.title(page)


def test_sound_that_was_never_marked_turns_the_badge_red(start) -> None:
    browser = start(PASSES_THROUGH)
    page = browser.open("reached.html")
    take_microphone(page)
    page.wait_for_timeout(12_000)
    assert browser.badge(page) == "!"
    assert "no mark found" in browser.title(page)


def suspend_contexts(page):
    """Suspend the audio contexts of the extension in a page, and keep them so; return them."""
    session = page.context.new_cdp_session(page)
    worlds = []
    session.on("Runtime.executionContextCreated", lambda event: worlds.append(event["context"]))
    session.send("Runtime.enable")
    world = next(one for one in worlds if one["origin"].startswith("chrome-extension://"))
    prototype = session.send(
        "Runtime.evaluate",
        {"expression": "AudioContext.prototype", "contextId": world["id"]},
    )["result"]["objectId"]
    found = session.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]
    session.send(
        "Runtime.callFunctionOn",
        {
            "objectId": found["objectId"],
            "functionDeclaration": """async function () {
                const { resume, suspend } = AudioContext.prototype;
                AudioContext.prototype.resume = async () => {};
                globalThis.letGo = () => {
                    AudioContext.prototype.resume = resume;
                };
                for (const context of this) await suspend.call(context);
            }""",
            "awaitPromise": True,
        },
    )
    return lambda: session.send(
        "Runtime.evaluate", {"expression": "letGo()", "contextId": world["id"]}
    )


def test_where_audio_is_paused_the_microphone_itself_is_sent_until_it_runs_again(
    reached, marking_chromium
) -> None:
    reached.evaluate(
        """async () => {
            window.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            window.call = await startCall(stream);
        }"""
    )
    let_go = suspend_contexts(reached)
    reached.wait_for_timeout(1_500)
    assert marking_chromium.badge(reached) == "!"
    assert "paused" in marking_chromium.title(reached)
    sent = "isMarked(call.senders[0].track)"
    assert reached.evaluate(sent) is False
    begin = reached.evaluate("call.blocks.length")
    reached.wait_for_timeout(2_000)
    # A mute of the page counts all the same.
    reached.evaluate("stream.getAudioTracks()[0].enabled = false")
    muted = reached.evaluate("call.blocks.length")
    reached.wait_for_timeout(2_000)
    end = reached.evaluate("call.blocks.length")
    reached.evaluate("stream.getAudioTracks()[0].enabled = true")
    let_go()
    reached.wait_for_timeout(1_500)
    assert reached.evaluate(sent) is True
    assert marking_chromium.badge(reached) in ("…", "✓")
    y = decode(reached.evaluate("call.stop()"))
    assert np.abs(y[128 * begin : 128 * muted]).max() > 1e-2
    assert np.abs(y[128 * muted + 24_000 : 128 * end]).max() < 1e-3


@pytest.mark.parametrize("way", ["addTrack", "addStream", "addTransceiver", "replaceTrack"])
def test_a_call_that_begins_while_audio_is_paused_sends_the_microphone_itself(reached, way) -> None:
    take_microphone(reached)
    reached.wait_for_timeout(500)
    let_go = suspend_contexts(reached)
    reached.wait_for_timeout(700)
    sent = reached.evaluate(
        """async (way) => {
            const [track] = stream.getAudioTracks();
            window.connection = new RTCPeerConnection();
            if (way === "addStream") connection.addStream(stream);
            else if (way === "addTrack") connection.addTrack(track, stream);
            else if (way === "addTransceiver") connection.addTransceiver(track);
            else await connection.addTransceiver("audio").sender.replaceTrack(track);
            await wait(300);
            return isMarked(connection.getSenders()[0].track);
        }""",
        way,
    )
    assert sent is False
    let_go()
    reached.wait_for_timeout(1_500)
    assert reached.evaluate("isMarked(connection.getSenders()[0].track)") is True


def test_known_limit_what_a_page_records_is_silent_while_its_audio_is_kept_paused(
    reached, marking_chromium
) -> None:
    """Only what a call sends can be moved to the microphone itself; the badge says so at once."""
    take_microphone(reached)
    reached.wait_for_timeout(500)
    assert heard_rms(reached, 1) > 1e-3
    let_go = suspend_contexts(reached)
    reached.wait_for_timeout(700)
    assert marking_chromium.badge(reached) == "!"
    assert "may be silent" in marking_chromium.title(reached)
    assert heard_rms(reached, 1) == 0
    let_go()
    reached.wait_for_timeout(1_000)
    assert heard_rms(reached, 1) > 1e-3


def test_a_microphone_that_came_around_the_wrapper_and_is_sent_turns_the_badge_red(
    reached, marking_chromium
) -> None:
    reached.evaluate(
        """async () => {
            const stream = await behind.getUserMedia.call(navigator.mediaDevices, { audio: true });
            new RTCPeerConnection().addTrack(stream.getTracks()[0], stream);
        }"""
    )
    reached.wait_for_timeout(700)
    assert marking_chromium.badge(reached) == "!"
    assert "did not come through" in marking_chromium.title(reached)


def test_a_site_that_is_switched_off_is_left_alone(reached, marking_chromium) -> None:
    marking_chromium.choose(off=["http://127.0.0.1/*"])
    try:
        # The page that is open was wrapped before.
        take_microphone(reached)
        assert reached.evaluate("isMarked(stream.getAudioTracks()[0])") is False
        reached.wait_for_timeout(500)
        page = marking_chromium.open("call.html")
        native = page.evaluate("String(navigator.mediaDevices.getUserMedia)")
        assert "[native code]" in native
        page.close()
    finally:
        marking_chromium.choose(off=[])
