"""The page in a real browser: opened from disk, without a network."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS, open_tab, save_download, wait_until_ready
from sottovoce.core.policy import Use
from sottovoce.files import detect_file
from sottovoce.page import build
from sottovoce.page.build import build_page
from sottovoce.page.parts import PartError

pytest.importorskip("playwright.sync_api", reason="of the group `full`")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_take_is_protected_saved_and_found_here(
    browser_page, page_file, clip, tmp_path, suffix
) -> None:
    page = browser_page
    sf.write(tmp_path / f"take.{suffix}", *clip, subtype=None if suffix == "mp3" else "PCM_24")
    before = (tmp_path / f"take.{suffix}").read_bytes()
    page.get_by_label("Training of any model").check()
    page.locator("#takes").set_input_files(tmp_path / f"take.{suffix}")
    link = page.locator("a.save")
    link.wait_for(timeout=READY_MS)
    assert "the mark was found in the new file" in page.locator("#protected").inner_text()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_label("Marked", exact=True).check()
    page.wait_for_timeout(500)
    assert float(page.get_by_label("Position").input_value()) > 0.1
    page.get_by_role("button", name="Pause").click()
    saved_as = save_download(page, link, tmp_path / f"out.{suffix}")
    assert saved_as == f"take.protected.{suffix}"
    assert (tmp_path / f"take.{suffix}").read_bytes() == before
    detection = detect_file(tmp_path / f"out.{suffix}")
    assert detection.found
    assert detection.voices[0].notice.policy == 0x0F
    marked, original = sf.read(tmp_path / f"out.{suffix}")[0], clip[0]
    assert np.abs(marked - original).max() < 0.2


def test_files_are_checked_and_a_broken_one_costs_only_itself(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    sf.write(tmp_path / "plain.wav", y, sr)
    sf.write(tmp_path / "short.wav", y[: 2 * sr], sr)
    sf.write(tmp_path / "marked.aiff", sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7)), sr)
    hostile = tmp_path / "<img src=x onerror=alert(1)>.wav"
    hostile.write_bytes(b"RIFF" + bytes(300))
    names = ("plain.wav", hostile.name, "short.wav", "marked.aiff")
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files([tmp_path / name for name in names])
    page.locator("#checked li", has_text="marked.aiff").locator("details").wait_for(
        timeout=READY_MS
    )
    rows = [row.inner_text() for row in page.locator("#checked li").all()]
    assert [row.splitlines()[0] for row in rows] == list(names)
    for words, row in zip(
        ("No mark was found in 24.7 s", hostile.name, "too short to tell", "mark was found"),
        rows,
        strict=True,
    ):
        assert words in row
    assert "Owner 0000-0000-0007" in rows[3]
    assert page.locator("#checked img").count() == 0


def test_what_the_page_cannot_do_is_said_and_no_unmarked_file_is_offered(
    browser_page, clip, tmp_path
) -> None:
    """No advice to install anything: there is nothing to install it into."""
    page = browser_page
    sf.write(tmp_path / "song.ogg", *clip)
    sf.write(tmp_path / "silence.wav", np.zeros(5 * clip[1]), clip[1])
    page.locator("#takes").set_input_files([tmp_path / "song.ogg", tmp_path / "silence.wav"])
    page.locator("#protected li", has_text="no new file").wait_for(timeout=READY_MS)
    rows = [row.inner_text() for row in page.locator("#protected li").all()]
    assert "Use the command" in rows[0]
    assert "install" not in "".join(rows)
    assert page.locator("a.save").count() == page.locator(".good").count() == 0
    sf.write(tmp_path / "word.wav", clip[0][: clip[1] // 3], clip[1])
    page.locator("#takes").set_input_files(tmp_path / "word.wav")
    page.locator("a.save").wait_for(timeout=READY_MS)
    row = page.locator("#protected li", has_text="word.wav").inner_text()
    assert "too short" in row
    assert "was found" not in row
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(tmp_path / "silence.wav")
    page.locator("#checked details").wait_for(timeout=READY_MS)
    assert "There is no sound in it." in page.locator("#checked").inner_text()


def test_single_uses_are_refused_and_none_is_a_mistake(browser_page, clip, tmp_path) -> None:
    page = browser_page
    sf.write(tmp_path / "take.wav", *clip)
    assert page.locator("#uses").is_hidden()
    page.get_by_label("Let me choose").check()
    page.get_by_label("I may be asked for a licence").check()
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.get_by_role("alert").filter(has_text="at least one use").wait_for()
    assert page.locator("#protected li").count() == 0
    page.get_by_label("cloning the voice").check()
    page.get_by_label("text and data mining").check()
    assert page.locator("#policy-problem").inner_text() == ""
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").wait_for(timeout=READY_MS)
    told = "refuses cloning the voice, text and data mining, but may be asked"
    assert told in page.locator("#protected").inner_text()
    save_download(page, page.locator("a.save"), tmp_path / "out.wav")
    wanted = Use.CLONE | Use.MINE | Use.LICENCE
    assert detect_file(tmp_path / "out.wav").voices[0].notice.policy == wanted


def test_one_comparison_plays_at_a_time_however_fast_the_clicks(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    for name in ("first.wav", "second.wav"):
        sf.write(tmp_path / name, *clip)
    page.locator("#takes").set_input_files([tmp_path / "first.wav", tmp_path / "second.wav"])
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    # Both before either is loaded, and the second twice once it is.
    page.evaluate("for (const one of document.querySelectorAll('.compare button')) one.click()")
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(1000)
    assert [one.inner_text() for one in page.locator(".compare button").all()] == ["Play", "Pause"]
    page.evaluate(
        "for (const _ of [1, 2, 3]) document.querySelectorAll('.compare button')[0].click()"
    )
    page.get_by_role("button", name="Pause").click()
    places = page.get_by_label("Position")
    before = [place.input_value() for place in places.all()]
    page.wait_for_timeout(500)
    assert [place.input_value() for place in places.all()] == before


def test_a_file_that_is_changed_while_it_waits_costs_only_itself(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    for name in ("first.wav", "second.wav", "third.wav"):
        sf.write(tmp_path / name, np.resize(clip[0], 60 * clip[1]), clip[1])
    page.locator("#takes").set_input_files(
        [tmp_path / name for name in ("first.wav", "second.wav", "third.wav")]
    )
    sf.write(tmp_path / "second.wav", clip[0], clip[1])
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    rows = [row.inner_text() for row in page.locator("#protected li").all()]
    assert "Choose it again." in rows[1]
    assert all("was found" in rows[number] for number in (0, 2))


def test_a_file_that_changes_while_it_is_worked_on_is_told_so(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    for job, name in (("protect", "first.wav"), ("check", "second.wav")):
        sf.write(tmp_path / name, np.resize(y, 300 * sr), sr)
        page.locator(f"#tab-{job}").click()
        page.locator({"protect": "#takes", "check": "#unknown"}[job]).set_input_files(
            tmp_path / name
        )
        row = page.locator(f"#{job}ed li", has_text=name)
        row.get_by_text(re.compile(r"^[1-9]\d? %$|^\d.* of ")).wait_for(timeout=READY_MS)
        (tmp_path / name).unlink()
        row.locator("progress").wait_for(state="detached", timeout=READY_MS)
        assert "Choose it again." in row.inner_text()
        assert "error" not in row.inner_text()


@pytest.mark.by_turns
def test_a_file_that_is_cancelled_midway_costs_only_itself(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    sf.write(tmp_path / "long.flac", np.resize(y, 600 * sr), sr)
    sf.write(tmp_path / "take.flac", y, sr)
    page.locator("#takes").set_input_files([tmp_path / "long.flac", tmp_path / "take.flac"])
    row = page.locator("#protected li", has_text="long.flac")
    row.get_by_text(" of 10:00").wait_for(timeout=READY_MS)
    row.get_by_role("button", name="Cancel").click()
    page.locator("a.save").wait_for(timeout=READY_MS)
    assert page.locator("#protected h2").all_inner_texts() == ["take.flac"]
    assert page.locator("#broken").is_hidden()


def test_an_original_that_is_gone_is_not_a_format_that_cannot_be_played(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    sf.write(tmp_path / "take.wav", *clip)
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").wait_for(timeout=READY_MS)
    (tmp_path / "take.wav").unlink()
    page.get_by_role("button", name="Play").click()
    page.locator(".compare", has_text="changed or moved").wait_for()


def test_a_dropped_folder_is_told_to_be_one(browser_page, clip, tmp_path) -> None:
    page = browser_page
    (tmp_path / "takes").mkdir()
    sf.write(tmp_path / "take.wav", *clip)
    place = page.locator("#panel-protect .drop")
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 20,
                "y": box["y"] + 20,
                "data": {
                    "items": [],
                    "files": [str(tmp_path / "takes"), str(tmp_path / "take.wav")],
                    "dragOperationsMask": 1,
                },
            },
        )
    page.locator("a.save").wait_for(timeout=READY_MS)
    rows = page.locator("#protected li").all_inner_texts()
    assert "This is a folder." in rows[0]
    assert "was found" in rows[1]
    assert len(rows) == 2


def test_nothing_can_be_sent(browser_page) -> None:
    """Not even if a script of ours wanted to."""
    assert (
        browser_page.evaluate(
            """async () => {
            const tries = [
                () => fetch("https://example.org/"),
                () => new Promise((yes, no) => {
                    const image = new Image();
                    image.onload = yes; image.onerror = () => no(new Error("refused"));
                    image.src = "https://example.org/x.png";
                }),
                async () => { new WebSocket("wss://example.org/"); },
            ];
            const refused = [];
            document.addEventListener("securitypolicyviolation", (e) => refused.push(e.blockedURI));
            for (const one of tries) { try { await one(); } catch {} }
            await new Promise((done) => setTimeout(done, 300));
            return refused.length;
        }"""
        )
        == 3
    )
    browser_page.asked.clear()  # which lists what was refused, too


@pytest.mark.parametrize(
    ("locale", "language", "word"),
    [("de-AT", "de", "Schützen"), ("fr-CA", "fr", "Protéger"), ("ja-JP", "en", "Protect")],
)
def test_it_speaks_the_readers_language(chromium, page_file, locale, language, word) -> None:
    with open_tab(chromium, offline=True, locale=locale) as page:
        page.goto(page_file.as_uri())
        page.get_by_role("tab", name=word).wait_for()
        assert page.locator("html").get_attribute("lang") == language
        assert all(text.strip() for text in page.locator("[data-text]").all_text_contents())


@pytest.mark.by_turns
def test_what_the_package_says_of_a_file_is_in_the_readers_language(
    chromium, page_file, clip, tmp_path
) -> None:
    sf.write(tmp_path / "whole.flac", *clip)
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "take.flac").write_bytes(data[: len(data) // 2])
    with open_tab(chromium, offline=True, locale="de-DE") as page:
        page.goto(page_file.as_uri())
        wait_until_ready(page)
        page.locator("#takes").set_input_files(tmp_path / "take.flac")
        row = page.locator("#protected li", has_text="kann nicht verwendet werden")
        row.wait_for(timeout=READY_MS)
        _, problem, remedy = row.locator("p").all_inner_texts()
        assert re.fullmatch(r"unvollständig: \d+,\d von 24,7 s sind vorhanden", problem)
        assert remedy.endswith("eine vollständige Kopie.")
        assert row.locator("[lang=en]").count() == 0


def test_a_language_that_lacks_a_word_is_not_built(tmp_path, monkeypatch) -> None:
    strings = tmp_path / "strings"
    strings.mkdir()
    (strings / "en.json").write_text('{"a": "{n} files", "b": "x"}')
    monkeypatch.setattr(build, "_WEB", tmp_path)
    for text, problem in (('{"a": "{n}"}', "in: b"), ('{"a": "n", "b": "x"}', "a fills in")):
        (strings / "de.json").write_text(text)
        with pytest.raises(PartError, match=problem):
            build._read_strings("de")


@pytest.mark.by_turns
def test_the_same_parts_make_the_same_page(page_file) -> None:
    assert build_page() == page_file.read_bytes()


def test_a_file_that_is_too_large_is_told_before_it_is_begun(browser_page, tmp_path) -> None:
    page = browser_page
    with (tmp_path / "concert.wav").open("wb") as file:
        file.truncate(1_200_000_000)
    page.locator("#takes").set_input_files(tmp_path / "concert.wav")
    row = page.locator("#protected li").inner_text()
    assert "has 1.2 GB; the page takes at most 1 GB" in row
    assert "sottovoce protect FILE" in row


@pytest.mark.by_turns
def test_fifty_files_at_once_and_a_slower_search_where_nothing_was_found(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7))
    fast = np.interp(np.arange(0, len(marked) - 1, 1.05), np.arange(len(marked)), marked)
    sf.write(tmp_path / "fast.wav", fast, sr)
    for number in range(49):
        sf.write(tmp_path / f"{number}.wav", y[number * 1000 :][: sr // 2], sr)
    page.locator("#tab-check").click()
    names = [f"{number}.wav" for number in range(49)]
    page.locator("#unknown").set_input_files([tmp_path / name for name in (*names, "fast.wav")])
    page.locator("#checked details").nth(49).wait_for(timeout=READY_MS)
    rows = [row.inner_text() for row in page.locator("#checked li").all()]
    assert [row.splitlines()[0] for row in rows] == [*names, "fast.wav"]
    assert sum("0.5 s is too short to tell" in row for row in rows) == 49
    assert "No mark was found" in rows[-1]
    page.get_by_role("button", name="Search other speeds and pitches").last.click()
    page.locator("#checked .good").wait_for(timeout=READY_MS)
    assert "Owner 0000-0000-0007" in page.locator("#checked li").last.inner_text()
    assert page.locator("#checked li").count() == 50


def test_an_owner_who_is_asked_for_is_recognised_in_two_seconds(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    y, sr = clip
    notice = sv.Notice(owner_id=0x4F2A91C077DE)
    marked = sv.protect(y, sr=sr, notice=notice, phase_s=0.5)
    sf.write(tmp_path / "short.wav", marked[2 * sr : 4 * sr], sr)
    page.locator("#tab-check").click()
    for asked, words in (
        ("", "The owner cannot be read"),
        ("4f2a-91c0-77de", "Owner 4f2a-91c0-77de: matched"),
        ("4f2a-91c0-77dd", "The owner cannot be read"),
        ("nobody", "This is not an owner id."),
    ):
        page.get_by_label("Look for this owner id").fill(asked)
        page.locator("#unknown").set_input_files(tmp_path / "short.wav")
        page.locator("#checked li", has_text=words).wait_for(timeout=READY_MS)
        page.get_by_role("button", name="Clear the list").click()
