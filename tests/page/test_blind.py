"""The blind test in the page: the command's own, on a result."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf

from rig.chromium import READY_MS, open_tab, save_download
from sottovoce.abx.excerpts import read_excerpts
from sottovoce.abx.pack import write_abx_pack
from sottovoce.abx.score import score_answers
from sottovoce.page.build import _PACKAGE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_TRIALS = 16
# Notes the three sounds of each start: A, B and X.
NOTE = """() => {
    window.started = [];
    const Node = window.PlainNode ??= AudioBufferSourceNode;
    window.AudioBufferSourceNode = class extends Node {
        constructor(context, options) { super(context, options); started.push(options.buffer); }
    };
}"""
WHICH = """() => {
    const [a, b, x] = started.splice(-3).map((buffer) => buffer.getChannelData(0));
    const same = (one) => one.length === x.length && one.every((sample, i) => sample === x[i]);
    return [same(a), same(b), a.length];
}"""


def open_test(page, clip, folder) -> None:
    page.evaluate(NOTE)
    sf.write(folder / "take.aiff", np.stack([clip[0], clip[0] * 0.5], axis=1), clip[1])
    page.locator("#takes").set_input_files(folder / "take.aiff")
    page.locator("a.save").wait_for(timeout=READY_MS)
    page.get_by_text("Blind test").click()
    page.locator(".blind-test").wait_for(timeout=READY_MS)
    page.get_by_text("Trial 1 of 16").wait_for()


def save(page, folder) -> dict:
    save_download(page, page.get_by_text("Save answers.json"), folder / "answers.json")
    return json.loads((folder / "answers.json").read_text())


@pytest.mark.by_turns
def test_who_hears_x_is_right_every_time_and_the_command_scores_it(
    browser_page, clip, tmp_path
) -> None:
    """Of an AIFF file, too, which this browser cannot play by itself."""
    page = browser_page
    open_test(page, clip, tmp_path)
    page.get_by_role("button", name="X is A").focus()
    page.keyboard.press("Home")
    lengths = []
    for trial in range(N_TRIALS):
        page.get_by_text(f"Trial {trial + 1} of 16").wait_for()
        if trial == 0:
            page.locator(".blind-test").get_by_role("button", name="Play").click()
        page.locator(".blind-test").get_by_role("button", name="Pause").wait_for()
        is_a, is_b, length = page.evaluate(WHICH)
        assert is_a != is_b
        lengths.append(length)
        for key in "abx":  # switching changes nothing but what is heard
            page.keyboard.press(key)
        assert page.locator(".sounds [aria-pressed=true]").inner_text() == "X: A or B?"
        page.keyboard.press("1" if is_a else "2")
        page.locator(".blind-test").get_by_role("button", name="Confirm").click()
    assert "16 of 16 right" in page.locator(".score").inner_text()
    assert page.evaluate("document.activeElement.className") == "score"
    assert "a difference was heard" in page.locator(".blind-test").inner_text()
    # The same excerpts as in the command's own test, in turn.
    own = [one.y.shape[1] for one in read_excerpts(tmp_path / "take.aiff", n_most=4)]
    assert lengths == [own[trial % len(own)] for trial in range(N_TRIALS)]
    saved = save(page, tmp_path)
    assert (saved["file"], saved["strength_db"]) == ("take.aiff", 1.18)
    result = score_answers(tmp_path / "answers.json")
    assert (result.n_right, result.n_trials) == (N_TRIALS, N_TRIALS)
    assert result.p_value == pytest.approx(0.5**N_TRIALS)


def test_who_always_says_a_is_judged_as_the_command_judges(browser_page, clip, tmp_path) -> None:
    page = browser_page
    open_test(page, clip, tmp_path)
    page.locator(".blind-test input").focus()
    for _ in range(N_TRIALS):
        page.keyboard.press("Enter")  # without an answer it confirms nothing
        page.keyboard.press("1")
        page.keyboard.press("Enter")
    words = page.locator(".blind-test").inner_text()
    save(page, tmp_path)
    result = score_answers(tmp_path / "answers.json")
    assert f"{result.n_right} of 16 right" in words
    shown = float(re.search(r"p = ([\d.]+)", words)[1])
    assert shown == pytest.approx(result.p_value, rel=0.05)
    assert ("was heard." in words) == (result.p_value < 0.05)


def test_it_falls_silent_when_it_is_folded_or_another_begins(browser_page, clip, tmp_path) -> None:
    page = browser_page
    open_test(page, clip, tmp_path)
    sf.write(tmp_path / "take.wav", *clip)
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    play = page.locator(".blind-test .row button").nth(3)
    play.click()
    assert play.inner_text() == "Pause"
    page.locator(".compare button").nth(1).click()
    page.locator(".compare").get_by_role("button", name="Pause").wait_for()
    assert play.inner_text() == "Play"
    play.click()
    page.locator(".blind summary").first.click()
    # A browser tells a moment later that something was folded.
    page.locator(".blind-test button", has_text="Pause").wait_for(state="detached")
    assert page.get_by_role("button", name="Pause").count() == 0


def test_the_page_of_the_commands_pack_runs_the_same_test(chromium, clip_path, tmp_path) -> None:
    write_abx_pack(clip_path, tmp_path / "pack", strength_db=1.18, n_trials=5, seed=3)
    with open_tab(chromium, offline=True, accept_downloads=True) as page:
        failures = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto((tmp_path / "pack" / "index.html").as_uri())
        page.evaluate(NOTE)
        page.locator("#play:enabled").wait_for()
        page.keyboard.press(" ")
        for trial in range(5):
            page.get_by_text(f"Trial {trial + 1} of 5").wait_for()
            page.get_by_role("button", name="Pause").wait_for()
            page.wait_for_timeout(300)
            assert float(page.locator("#at").input_value()) > 0
            is_a, is_b, _ = page.evaluate(WHICH)
            assert is_a != is_b
            page.keyboard.press("1" if is_a else "2")
            page.keyboard.press("Enter")
        page.get_by_text("5 of 5 right").wait_for()
        button = page.get_by_role("button", name="Save my answers")
        save_download(page, button, tmp_path / "answers.json")
    assert failures == []
    result = score_answers(tmp_path / "answers.json", key=tmp_path / "pack")
    assert result.n_right == 5


def test_both_pages_count_as_the_command_counts(tmp_path) -> None:
    for name in ("in_step.js", "blind_test.js"):
        shutil.copy(_PACKAGE / "abx" / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    key = "AB" * 10
    given = [
        "".join("AB"["AB".index(one) ^ (i >= k)] for i, one in enumerate(key)) for k in range(21)
    ]
    (tmp_path / "run.js").write_text(
        'import { judge } from "./blind_test.js";\n'
        f"const key = {json.dumps(list(key))};\n"
        f"console.log(JSON.stringify({json.dumps(given)}.map((one) => judge([...one], key))));"
    )
    done = subprocess.run(["node", tmp_path / "run.js"], capture_output=True, text=True, check=True)
    for answers, judged in zip(given, json.loads(done.stdout), strict=True):
        saved = tmp_path / "answers.json"
        saved.write_text(json.dumps({"answers": list(answers), "key": list(key)}))
        result = score_answers(saved)
        assert (judged["nRight"], judged["n"]) == (result.n_right, 20)
        assert judged["p"] == pytest.approx(result.p_value, rel=1e-9)
        assert judged["isHeard"] == (result.p_value < 0.05)
