"""The extension is updated during a call, in Chromium."""

from __future__ import annotations

import pytest

import sottovoce as sv
from rig.extension import decode

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

CALL_S = 10


def test_a_call_goes_on_marked_and_its_tab_asks_to_be_reloaded(marking_chromium) -> None:
    page = marking_chromium.open("reached.html")
    page.evaluate(
        """async () => {
            window.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            window.call = await startCall(stream);
        }"""
    )
    page.wait_for_timeout(1_000)
    marking_chromium.reload_extension()
    begin = 128 * page.evaluate("call.blocks.length")
    page.wait_for_timeout(1_000 * CALL_S)
    y = decode(page.evaluate("call.stop()"))
    assert sv.detect(y[begin:], sr=48_000).found
    assert marking_chromium.badge(page) == "↻"
    assert "Reload this page" in marking_chromium.title(page)
    # What cannot be marked any more is not silent, and the badge has said so before.
    assert not page.evaluate(
        """async () => {
            const later = await navigator.mediaDevices.getUserMedia({ audio: true });
            return isMarked(later.getAudioTracks()[0]);
        }"""
    )
    page.reload()
    page.wait_for_timeout(500)
    assert marking_chromium.badge(page) == ""
    assert page.evaluate(
        """async () => {
            const later = await navigator.mediaDevices.getUserMedia({ audio: true });
            return isMarked(later.getAudioTracks()[0]);
        }"""
    )
    page.close()
