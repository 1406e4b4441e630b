"""The page for everybody: rules of WCAG 2.2 by axe-core, nothing that jumps, nothing lost."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS, open_tab, save_download, wait_until_ready
from sottovoce.page.parts import PARTS, read_members
from sottovoce.rights import make_identity
from tests.page.test_identity import open_file

sync_api = pytest.importorskip("playwright.sync_api", reason="of the group `full`")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_TRIALS = 16
RUN_AXE = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    return violations.map(({ id, impact, nodes }) => [id, impact, nodes.map((one) => one.html)]);
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WATCH_SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) shifts.push([value, hadRecentInput]);
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def axe() -> str:
    return read_members(PARTS["axe"], ["axe.min.js"])["axe.min.js"].decode()


def complain(page, state: str) -> list[object]:
    """Return what is wrong: wide and light, narrow and dark; colours do not depend on the width."""
    found: list[object] = []
    for width, scheme in ((1_000, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        found += [(state, width, scheme, *one) for one in page.evaluate(RUN_AXE)]
        if page.evaluate(OVERFLOW) > 0:
            found.append((state, width, "is wider than the screen"))
    return found


def test_every_state_keeps_the_rules(browser_page, clip, tmp_path, axe) -> None:
    page = browser_page
    y, sr = clip
    page.evaluate(axe)
    found = complain(page, "protect")
    open_file(page, make_identity("book", folder=tmp_path).path)
    page.get_by_text("Recovery words", exact=True).click()
    page.get_by_role("button", name="Make recovery words").click()
    page.locator("#words-shown li").last.wait_for(timeout=READY_MS)
    found += complain(page, "recovery words")
    page.get_by_role("button", name="I have them on paper").click()
    found += complain(page, "recovery words typed")
    sf.write(tmp_path / "take.wav", y, sr)
    sf.write(tmp_path / "marked.wav", sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7)), sr)
    (tmp_path / "broken.wav").write_bytes(b"RIFF" + bytes(300))
    page.locator("#takes").set_input_files([tmp_path / "take.wav", tmp_path / "broken.wav"])
    found += complain(page, "working")
    page.locator("#protected .bad").wait_for(timeout=READY_MS)
    page.locator(".pictures summary").click()
    page.locator(".pictures canvas").first.wait_for(timeout=READY_MS)
    page.locator(".blind summary").click()
    page.get_by_text("Trial 1 of 16").wait_for(timeout=READY_MS)
    found += complain(page, "protected")
    page.locator(".blind-test input").focus()
    for _ in range(N_TRIALS):
        page.keyboard.press("1")
        page.keyboard.press("Enter")
    page.locator(".blind-test .score").wait_for()
    found += complain(page, "blind test done")
    page.locator("#tab-check").click()
    found += complain(page, "check")
    page.locator("#unknown").set_input_files([tmp_path / "marked.wav", tmp_path / "take.wav"])
    page.locator("#checked details").nth(1).wait_for(timeout=READY_MS)
    page.locator("#checked summary").first.click()
    page.get_by_text("Licences").click()
    found += complain(page, "checked")
    assert found == []


def test_a_page_that_cannot_start_keeps_the_rules(chromium, page_file, axe) -> None:
    with open_tab(chromium, offline=True, locale="en-GB") as page:
        page.add_init_script("delete window.DecompressionStream")
        page.goto(page_file.as_uri())
        page.get_by_text("DecompressionStream is missing").wait_for()
        page.evaluate(axe)
        assert complain(page, "broken") == []


@pytest.mark.by_turns
@pytest.mark.parametrize(("locale", "width"), [("en-GB", 1_000), ("de-DE", 360)])
def test_nothing_moves_while_it_loads(chromium, page_file, locale, width) -> None:
    size = {"width": width, "height": 700}
    with open_tab(chromium, offline=True, locale=locale, viewport=size) as page:
        page.add_init_script(WATCH_SHIFTS)
        page.goto(page_file.as_uri())
        wait_until_ready(page)
        page.wait_for_timeout(300)
        assert page.evaluate("shifts") == []
        # What would have moved is seen.
        page.evaluate("document.querySelector('header').style.paddingTop = '90px'")
        page.wait_for_timeout(300)
        assert page.evaluate("shifts.length") > 0


@pytest.mark.parametrize(
    ("locale", "words", "by"),
    [("de-DE", "Dateien auswählen", "mouse"), ("fr-FR", "Choisir des fichiers", "keyboard")],
)
def test_files_are_chosen_with_a_button_in_the_readers_language(
    chromium, page_file, clip_path, locale, words, by
) -> None:
    with open_tab(chromium, offline=True, locale=locale) as page:
        page.goto(page_file.as_uri())
        while not page.evaluate("document.getElementById('ready').value"):
            page.wait_for_timeout(50)
        field = page.get_by_label(words).first
        assert field.get_attribute("id") == "takes"
        with page.expect_file_chooser() as chooser:
            if by == "mouse":
                page.get_by_text(words).first.click()
            else:
                field.focus()
                page.keyboard.press("Enter")
        assert chooser.value.is_multiple()
        chooser.value.set_files(clip_path)
        page.locator("#protected li h2", has_text=clip_path.name).wait_for()


def ask_to_leave(page) -> list[str]:
    """Return what the browser asks when the page is closed; it stays open if it asks."""
    asked: list[str] = []

    def stay(dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    with contextlib.suppress(sync_api.TimeoutError), page.expect_event("close", timeout=2_000):
        page.close(run_before_unload=True)
    return asked


@pytest.mark.by_turns
def test_it_may_be_left_whenever_nothing_would_be_lost(browser_page, clip, tmp_path) -> None:
    page = browser_page
    sf.write(tmp_path / "take.wav", np.resize(clip[0], 120 * clip[1]), clip[1])
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("#protected progress").wait_for()
    assert ask_to_leave(page) == ["beforeunload"]  # while it works
    page.locator("a.save").wait_for(timeout=READY_MS)
    assert "exists only in this page" in page.locator("#protected").inner_text()
    assert ask_to_leave(page) == ["beforeunload"]  # before it is saved
    save_download(page, page.locator("a.save"), tmp_path / "out.wav")
    assert "exists only in this page" not in page.locator("#protected").inner_text()
    # A file that carries the mark already is told, and makes nothing that could be lost.
    page.locator("#takes").set_input_files(tmp_path / "out.wav")
    page.get_by_text("It carries your mark already").wait_for(timeout=READY_MS)
    assert ask_to_leave(page) == []
    assert page.is_closed()


@pytest.mark.by_turns
def test_the_strength_that_is_chosen_is_written(browser_page, clip, tmp_path) -> None:
    page = browser_page
    sf.write(tmp_path / "take.wav", *clip)
    page.get_by_label("Strong:").check()
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").wait_for(timeout=READY_MS)
    page.get_by_text("Show pictures").click()
    level = page.get_by_text("dB below the recording")
    level.wait_for(timeout=READY_MS)
    strong = int("".join(one for one in level.inner_text() if one.isdigit()))
    page.get_by_label("Studio:").check()
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    page.get_by_text("Show pictures").nth(1).click()
    level.nth(1).wait_for(timeout=READY_MS)
    assert strong < int("".join(one for one in level.nth(1).inner_text() if one.isdigit()))
