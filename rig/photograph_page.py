"""Photograph every state of the browser page into docs/img.

Run as ``python -m rig.photograph_page`` after ``make page``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS, open_browser, open_tab, wait_until_ready

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "dist" / "sottovoce.html"
IMAGES = ROOT / "docs" / "img"
TAKE = ROOT / "examples" / "data" / "sense_and_sensibility.flac"
OWNERS = (0x4F2A91C077DE, 0x0B63D85E19A4)
SIZE = {"width": 780, "height": 600}
NARROW = {"width": 360, "height": 740}


def photograph(page: Page, name: str) -> None:
    """Take a picture of all of the page."""
    page.wait_for_timeout(300)  # canvases are drawn when they are seen
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


def photograph_protect(page: Page, folder: Path) -> None:
    """Take pictures of the first screen, an identity, work, a marked take, and its proof."""
    photograph(page, "page-first")
    y, sr = sf.read(TAKE, dtype="float32")
    sf.write(folder / "chapter-12.flac", np.resize(y, 600 * sr), sr)
    page.locator("#takes").set_input_files([folder / "chapter-12.flac", TAKE])
    page.locator("#protected progress[value]").first.wait_for(timeout=READY_MS)
    page.wait_for_timeout(1500)
    photograph(page, "page-working")
    page.get_by_role("button", name="Cancel").first.click()
    page.locator("a.save").wait_for(timeout=READY_MS)
    photograph(page, "page")
    page.locator(".pictures summary").click()
    page.locator(".pictures canvas").first.wait_for(timeout=READY_MS)
    page.locator(".blind summary").click()
    page.locator(".blind-test").wait_for(timeout=READY_MS)
    photograph(page, "page-proof")


def photograph_check(page: Page, folder: Path) -> None:
    """Take the picture of a recording that holds two marks, and sound without any."""
    y, sr = sf.read(TAKE, dtype="float32")
    first, second = (sv.protect(y, sr=sr, notice=sv.Notice(owner_id=owner)) for owner in OWNERS)
    sf.write(folder / "found-online.flac", np.concatenate([first, y, second]), sr)
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(folder / "found-online.flac")
    page.locator("#checked .timeline").wait_for(timeout=READY_MS)
    photograph(page, "page-check")


def photograph_failures(browser: Browser, folder: Path) -> None:
    """Take the picture of what could not be done, narrow, dark, and in German."""
    options = {"viewport": NARROW, "locale": "de-DE", "offline": True, "color_scheme": "dark"}
    data = TAKE.read_bytes()
    (folder / "abgebrochen.flac").write_bytes(data[: len(data) // 2])
    sf.write(folder / "stille.wav", np.zeros(8 * 48_000), 48_000)
    with open_tab(browser, **options) as page:
        page.goto(PAGE.as_uri())
        wait_until_ready(page)
        names = ("abgebrochen.flac", "stille.wav")
        page.locator("#takes").set_input_files([folder / name for name in names])
        page.locator("#protected progress").first.wait_for()
        while page.locator("#protected progress").count():
            page.wait_for_timeout(200)
        photograph(page, "page-failed")


def main() -> None:
    """Take all pictures."""
    with open_browser() as browser, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_tab(browser, viewport=SIZE, locale="en-GB", offline=True) as page:
            page.goto(PAGE.as_uri())
            wait_until_ready(page)
            photograph_protect(page, folder)
            photograph_check(page, folder)
        photograph_failures(browser, folder)


if __name__ == "__main__":
    main()
