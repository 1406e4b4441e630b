"""Sites are switched on by a click, in a Chromium where the extension has no permission yet."""

from __future__ import annotations

import pytest

from rig.extension import MarkingChromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A browser without a person in front of it never answers its own question.
ANSWERS = """
    window.asked = [];
    const granted = new Set();
    chrome.permissions.request = async ({ origins }) => {
        asked.push([origins, navigator.userActivation.isActive]);
        if (ANSWER) origins.forEach((one) => granted.add(one));
        return ANSWER;
    };
    chrome.permissions.contains = async ({ origins }) => origins.every((one) => granted.has(one));
"""


@pytest.fixture(scope="module")
def asking(make_extension, microphone):
    """A browser in which the extension has no permission yet."""
    folder = make_extension("chromium", granted=())
    with MarkingChromium(folder, microphone, granted=False) as browser:
        yield browser


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("answer", "news"), [("true", "Reload open call"), ("false", "not permit")]
)
def test_a_click_asks_for_the_site_and_shows_the_answer(asking, answer, news) -> None:
    """With a stand-in for the browser's question; what it asks is the real popup's."""
    page = asking.open("empty.html")
    popup = asking.open_popup(page, ANSWERS.replace("ANSWER", answer))
    popup.locator("#site:enabled").wait_for()
    assert not popup.locator("#site").is_checked()
    assert popup.locator("#word").inner_text() == "Off for this site"
    assert "switch it on below" in popup.locator("#how").inner_text()
    popup.locator("#site").click()
    popup.locator("#site-news", has_text=news).wait_for(timeout=2_000)
    assert popup.evaluate("asked") == [[["http://127.0.0.1/*"], True]]
    assert popup.locator("#site").is_checked() == (answer == "true")
    assert popup.locator("#reload").is_visible() == (answer == "true")
    popup.close()
    page.close()


@pytest.mark.parametrize("answer", ["true", "false"])
def test_a_click_in_the_options_asks_for_all_sites(asking, answer) -> None:
    page = asking.context.new_page()
    page.add_init_script(ANSWERS.replace("ANSWER", answer))
    page.goto(f"{asking.own_address}/options.html")
    page.locator("html[data-ready]").wait_for()
    page.locator("#sites-all").click()
    words = "Reload open call" if answer == "true" else "not permit"
    page.locator("#sites-news", has_text=words).wait_for(timeout=2_000)
    everywhere = ["https://*/*", "http://localhost/*", "http://127.0.0.1/*"]
    assert page.evaluate("asked") == [[everywhere, True]]
    assert page.locator("#sites-all").is_checked() == (answer == "true")
    page.close()


def test_the_browsers_own_question_is_asked_and_nothing_is_on_before_its_answer(asking) -> None:
    page = asking.open("reached.html")
    popup = asking.open_popup(page)
    popup.locator("#site:enabled").wait_for()
    popup.locator("#site").click()
    popup.wait_for_timeout(1_000)
    assert popup.locator("#site-news").inner_text() == ""
    assert (
        asking.worker.evaluate("chrome.permissions.contains({ origins: ['http://127.0.0.1/*'] })")
        is False
    )
    assert "[native code]" in page.evaluate("String(navigator.mediaDevices.getUserMedia)")
    popup.close()
    page.close()
