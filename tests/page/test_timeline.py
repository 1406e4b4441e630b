"""Where in a file each voice was found, and how it sounds there."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS
from sottovoce.files.times import format_time
from sottovoce.page.build import _WEB

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SILENT_S = 5


@pytest.fixture
def two_voices(clip):
    """Five silent seconds, a voice of owner 7, five more, and another of owner 9."""
    y, sr = clip
    pause = np.zeros(SILENT_S * sr, dtype=np.float32)
    voices = [
        sv.protect(y, sr=sr, notice=sv.Notice(owner_id=owner), phase_s=1.0) for owner in (7, 9)
    ]
    return np.concatenate([pause, voices[0], pause, voices[1]]), sr


def check(page, path) -> None:
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(path)
    page.locator("#checked progress").wait_for()
    page.locator("#checked progress").wait_for(state="detached", timeout=READY_MS)
    assert page.locator("#checked details").count() == 1, page.locator("#checked").inner_text()


def place(page) -> float:
    return float(page.locator(".timeline input").input_value())


def test_each_voice_has_its_time_and_plays_from_there(browser_page, two_voices, tmp_path) -> None:
    page = browser_page
    sf.write(tmp_path / "talk.wav", *two_voices, subtype="PCM_24")
    check(page, tmp_path / "talk.wav")
    words = page.locator("#checked").inner_text()
    assert "practically certain" in words
    assert "less than one in a billion" in words
    assert "Voice 1: Owner" in words
    assert "is a claim by whoever wrote it" in words
    answer = json.loads(page.locator("#checked pre").text_content())
    tracks = page.locator(".track")
    assert tracks.count() == len(answer["voices"]) == 2
    box = page.locator(".tracks").bounding_box()
    for track, voice in zip(tracks.all(), answer["voices"], strict=True):
        assert voice["notice"]["owner_id"] in (7, 9)
        first = track.locator("button").first
        start_s, stop_s = voice["segments_s"][0]
        drawn = first.bounding_box()
        share = (drawn["x"] - box["x"]) / box["width"]
        assert share == pytest.approx(start_s / answer["duration_s"], abs=0.01)
        assert drawn["width"] / box["width"] == pytest.approx(
            (stop_s - start_s) / answer["duration_s"], abs=0.01
        )
        # By keyboard, it begins at the start.
        first.focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Pause").wait_for()
        page.wait_for_timeout(700)
        assert start_s < place(page) < start_s + 5
    # By mouse, at the place that was clicked.
    first.click(position={"x": drawn["width"] / 2, "y": 5})
    page.wait_for_timeout(700)
    middle = (start_s + stop_s) / 2
    assert middle - 0.5 < place(page) < middle + 5
    assert f"of {format_time(answer['duration_s'])}" in page.locator(".timeline").inner_text()
    # Nobody hears what is on a tab that was left.
    page.locator("#tab-protect").click()
    page.locator("#tab-check").click()
    page.get_by_role("button", name="Play", exact=True).wait_for()
    stopped = place(page)
    page.wait_for_timeout(500)
    assert place(page) == stopped


def test_the_segments_of_a_voice_are_one_stop_of_the_tab_key(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    marked = sv.protect(np.resize(y, 90 * sr), sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
    unmarked = np.resize(y, 90 * sr)
    marked[30 * sr : 60 * sr] = unmarked[30 * sr : 60 * sr]
    sf.write(tmp_path / "parts.wav", marked, sr)
    check(page, tmp_path / "parts.wav")
    buttons = page.locator(".track button")
    assert buttons.count() >= 2
    assert [one.get_attribute("tabindex") for one in buttons.all()].count("0") == 1
    buttons.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title") == buttons.nth(1).get_attribute("title")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    assert place(page) > 50


def test_what_the_browser_cannot_play_is_said(browser_page, two_voices, tmp_path) -> None:
    """Chromium plays no AIFF; where the marks are is shown all the same."""
    page = browser_page
    sf.write(tmp_path / "talk.aiff", *two_voices)
    check(page, tmp_path / "talk.aiff")
    assert page.locator(".track").count() == 2
    page.locator(".track button").first.click()
    page.locator(".timeline .bad", has_text="cannot play this format").wait_for()
    page.get_by_role("button", name="Play", exact=True).wait_for()


def test_times_are_written_as_the_command_writes_them(tmp_path) -> None:
    shutil.copy(_WEB / "time.js", tmp_path / "time.mjs")
    places = [0, 0.4999, 0.5, 4.21, 24.7, 59.5, 83, 3599.5, 3 * 3600 + 62]
    (tmp_path / "run.mjs").write_text(
        'import { formatTime } from "./time.mjs";\n'
        f"console.log(JSON.stringify({places}.map(formatTime)));"
    )
    done = subprocess.run(
        ["node", tmp_path / "run.mjs"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [format_time(place) for place in places]
