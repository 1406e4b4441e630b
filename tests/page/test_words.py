"""Recovery words that are made in the page are the command's."""

from __future__ import annotations

import pytest

from rig.chromium import READY_MS
from sottovoce.page.cryptography.hkdf import HKDF, SHA256
from sottovoce.rights import load_identity, make_identity
from sottovoce.rights.days import present_day
from sottovoce.rights.keys.derivation import derive
from sottovoce.rights.keys.recovery import RecoveryWords
from sottovoce.rights.keys.recovery_page import make_svg
from tests.page.test_identity import CLOSE, open_file

KEEP_BLOBS = """() => {
    const make = URL.createObjectURL;
    window.blobs = [];
    URL.createObjectURL = (blob) => { window.blobs.push(blob); return make.call(URL, blob); };
    window.print = () => { window.isPrinted = true; };
}"""


@pytest.fixture
def page(browser_page, tmp_path):
    """The page with an identity, and the place for its words open."""
    open_file(browser_page, make_identity("book", folder=tmp_path).path)
    browser_page.get_by_text("Recovery words", exact=True).click()
    return browser_page


def make(page) -> list[str]:
    page.get_by_role("button", name="Make recovery words").click()
    page.locator("#words-shown li").last.wait_for(timeout=READY_MS)
    return page.locator("#words-shown li").all_inner_texts()


def type_some(page, words, *, slip: bool = False) -> list[int]:
    """Type what is asked for, the second one wrong if there is to be a slip."""
    page.get_by_role("button", name="I have them on paper").click()
    labels = page.locator("#words-shown label").all_inner_texts()
    numbers = [int(label.split()[1]) for label in labels]
    for place, number in enumerate(numbers):
        typed = "wrong" if slip and place == 1 else f" {words[number - 1].upper()}"
        page.get_by_label(f"Word {number}", exact=True).fill(typed)
    page.get_by_role("button", name="Check", exact=True).click()
    return numbers


@pytest.mark.browser
@pytest.mark.slow
def test_the_command_reads_them_and_they_are_gone_once_some_were_typed(page) -> None:
    words = make(page)
    assert RecoveryWords.from_text(" ".join(words)).words == tuple(words)
    # Not before they are on paper.
    assert not page.evaluate(CLOSE)
    wrong = type_some(page, words, slip=True)
    page.get_by_text(f"Not as it was shown: word {wrong[1]}.").wait_for()
    page.get_by_role("button", name="Show the words again").click()
    assert page.locator("#words-shown li").all_inner_texts() == words
    numbers = type_some(page, words)
    assert numbers == sorted(set(numbers))
    page.get_by_text("That is right.").wait_for()
    assert "sottovoce statement new --name book" in page.locator("#words-news").inner_text()
    assert page.evaluate(CLOSE)
    assert page.locator("#words-shown li, #words-printed img").count() == 0
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert make(page) != words


@pytest.mark.browser
@pytest.mark.slow
def test_their_page_is_the_command_s_and_all_that_is_printed(page, tmp_path) -> None:
    page.evaluate(KEEP_BLOBS)
    words = RecoveryWords.from_text(" ".join(make(page)))
    owner_id = load_identity("book", folder=tmp_path).owner_id
    wanted = make_svg(words, [("book", owner_id)], date=present_day().isoformat())
    assert page.evaluate("window.blobs.at(-1).text()") == wanted
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("() => window.isPrinted")
    page.emulate_media(media="print")
    try:
        assert page.locator("#words-printed img").is_visible()
        assert not page.locator("header").is_visible()
        assert page.evaluate("document.body.scrollHeight <= innerHeight")
    finally:
        page.emulate_media(media="screen")
    # From then on, what is printed has no words on it.
    page.get_by_role("button", name="I have them on paper").click()
    assert page.locator("#words-printed img").count() == 0


@pytest.mark.browser
@pytest.mark.slow
def test_another_identity_takes_them_away_only_after_a_question(page, tmp_path) -> None:
    words = make(page)
    other = make_identity("other", folder=tmp_path).path
    page.locator("#identity-file").set_input_files(other)  # the question is answered with no
    page.wait_for_timeout(500)
    assert page.locator("#words-shown li").all_inner_texts() == words
    assert page.locator("#identity-known").inner_text() == "book"
    page.once("dialog", lambda dialog: dialog.accept())
    open_file(page, other)
    assert page.locator("#identity-known").inner_text() == "other"
    assert page.locator("#words-shown li").count() == 0
    assert page.evaluate(CLOSE)


def test_what_stands_in_for_the_library_derives_the_same() -> None:
    for n_bytes in (16, 32, 33, 200):
        own = HKDF(algorithm=SHA256(), length=n_bytes, salt=b"salt", info=b"info").derive(b"secret")
        assert own == derive(b"secret", salt=b"salt", info=b"info", n_bytes=n_bytes)
