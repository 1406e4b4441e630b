"""The popup tells what the microphone of its tab is like, in Chromium."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.by_turns
def test_it_shows_the_microphone_of_a_tab_and_options_that_have_changed(marking_chromium) -> None:
    call = marking_chromium.open()
    call.evaluate("void (window.heard = callFor(12))")
    call.wait_for_timeout(5_000)
    popup = marking_chromium.open_popup(call)
    popup.locator("#word", has_text="Marked").wait_for(timeout=5_000)
    assert "16 ms" in popup.locator("#delay").inner_text()
    assert "s ago" in popup.locator("#found").inner_text()
    assert popup.locator("#site").is_checked()
    assert "127.0.0.1" in popup.locator("#site-name").inner_text()
    assert popup.locator("#reload").is_hidden()
    assert popup.locator("#changed").inner_text() == ""
    marking_chromium.choose(strength="studio")
    popup.locator("#changed", has_text="next one").wait_for(timeout=2_000)
    marking_chromium.choose(strength="strong")
    popup.locator("#changed", has_text="next one").wait_for(state="detached", timeout=2_000)
    popup.close()
    call.evaluate("heard")
    call.close()
