"""Whose work the page contains, and under which terms, stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sottovoce.page.licences import read_licences
from sottovoce.page.parts import PARTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_texts_of_all_parts_can_be_read_in_the_page(browser_page) -> None:
    page = browser_page
    page.get_by_text("Licences", exact=True).click()
    page.get_by_text("Their texts").click()
    page.locator("#licence-texts pre").wait_for()
    shown = page.locator("#licence-texts pre").inner_text()
    for part in PARTS.values():
        if part.purpose:
            assert f"{part.name} {part.version}: {part.licence}" in shown
            assert page.locator("footer li", has_text=part.purpose).count() == 1
    for words in (
        "Copyright (c) 2005-2024, NumPy Developers.",
        "Mozilla Public License Version 2.0",
        "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
        "Apache License\nVersion 2.0, January 2004",
    ):
        assert words in shown


def test_what_only_helps_to_build_is_not_listed() -> None:
    texts = read_licences().decode()
    assert "esbuild" not in texts
    assert "spdx-license-list" not in texts


def test_the_notice_of_a_wheel_names_every_part() -> None:
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    for part in PARTS.values():
        assert part.purpose.split(" ")[0].strip(",:") in notice
