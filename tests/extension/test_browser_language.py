"""The extension's own pages speak the language of the browser."""

from __future__ import annotations

import pytest

from rig.extension import MarkingChromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = {
    "de": "Wo wird Ihre Stimme markiert?",
    "es": "¿Dónde se marca su voz?",
    "fr": "Où votre voix est-elle marquée ?",
}


@pytest.mark.by_turns
@pytest.mark.parametrize("language", WORDS)
def test_words_follow_the_language_of_the_browser(
    make_extension, microphone, monkeypatch, language
) -> None:
    monkeypatch.setenv("LANGUAGE", language)
    with MarkingChromium(make_extension("chromium"), microphone, f"--lang={language}") as browser:
        page = browser.context.new_page()
        page.goto(f"{browser.own_address}/options.html")
        page.locator("legend", has_text=WORDS[language]).wait_for(timeout=5_000)
        assert page.locator("html").get_attribute("lang")[:2] == language
