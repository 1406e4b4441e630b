"""Photograph the browser page, with a take that it has marked, into docs/img.

Run as ``python -m rig.photograph_page`` after ``make page``.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from rig.chromium import READY_MS, start_chromium

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "dist" / "sottovoce.html"
TAKE = ROOT / "examples" / "data" / "sense_and_sensibility.flac"
SIZE = {"width": 780, "height": 600}


def main() -> None:
    """Take the picture."""
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, "--disable-gpu")
        page = browser.new_context(viewport=SIZE, locale="en-GB", offline=True).new_page()
        page.goto(PAGE.as_uri())
        page.locator("#loading").wait_for(state="hidden", timeout=READY_MS)
        page.locator("#takes").set_input_files(TAKE)
        page.locator("a.save").wait_for(timeout=READY_MS)
        page.screenshot(path=ROOT / "docs" / "img" / "page.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
