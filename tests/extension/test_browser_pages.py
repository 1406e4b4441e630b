"""The extension's own pages, for keyboards and screen readers; what is chosen is kept."""

from __future__ import annotations

import pytest

from sottovoce.page.parts import PARTS, read_members

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def axe() -> str:
    return read_members(PARTS["axe"], ["axe.min.js"])["axe.min.js"].decode()


@pytest.fixture
def open_own(marking_chromium):
    opened = []

    def open_own(name):
        page = marking_chromium.context.new_page()
        opened.append(page)
        page.goto(f"{marking_chromium.own_address}/{name}")
        page.locator("h1").wait_for()
        return page

    yield open_own
    for page in opened:
        page.close()


@pytest.mark.by_turns
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["options.html", "popup.html"])
def test_no_page_hinders_a_screen_reader(open_own, axe, name, scheme) -> None:
    page = open_own(name)
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(300)
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_choices_are_kept_and_reach_the_next_microphone(open_own, marking_chromium) -> None:
    page = open_own("options.html")
    page.locator("html[data-ready]").wait_for()
    assert page.locator("[name=strength]:checked").input_value() == "strong"
    assert page.locator("[name=policy]:checked").input_value() == "all"
    page.locator("#policy-own").check()
    for box in page.locator("[name=use]").all():
        box.uncheck()
    assert "at least one" in page.locator("#policy-problem").inner_text()
    page.locator("[name=use][value='4']").check()
    page.locator("[name=strength][value=studio]").check()
    page.locator("#saved", has_text="Saved").wait_for()
    page.reload()
    page.locator("html[data-ready]").wait_for()
    assert page.locator("[name=strength]:checked").input_value() == "studio"
    assert page.locator("#policy-own").is_checked()
    assert page.locator("[name=use]:checked").input_value() == "4"
    marking_chromium.choose(policy=0x7F, strength="strong")


def test_a_damaged_identity_is_refused(open_own, tmp_path) -> None:
    page = open_own("options.html")
    page.locator("html[data-ready]").wait_for()
    (tmp_path / "bad.json").write_text('{"format": "sottovoce-identity-1", "public_key": ""}')
    page.locator("#identity-file").set_input_files(tmp_path / "bad.json")
    page.locator("#identity-problem", has_text="bad.json").wait_for()
    assert page.locator("#identity-forget").is_hidden()


def test_everything_is_reached_by_the_keyboard(open_own, marking_chromium) -> None:
    call = marking_chromium.open("empty.html")
    popup = marking_chromium.open_popup(call)
    popup.locator("#site:enabled").wait_for()
    reached = set()
    for _ in range(12):
        popup.keyboard.press("Tab")
        reached.add(popup.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"options", "site", "SUMMARY"} <= reached
    popup.close()
    call.close()
