"""Photograph the browser page into docs/img: a take that it has marked, and marks that it found.

Run as ``python -m rig.photograph_page`` after ``make page``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS, open_tab, wait_until_ready

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "dist" / "sottovoce.html"
IMAGES = ROOT / "docs" / "img"
TAKE = ROOT / "examples" / "data" / "sense_and_sensibility.flac"
OWNERS = (0x4F2A91C077DE, 0x0B63D85E19A4)
SIZE = {"width": 780, "height": 600}


def photograph_protect(page: Page) -> None:
    """Take the picture of a marked take."""
    page.locator("#takes").set_input_files(TAKE)
    page.locator("a.save").wait_for(timeout=READY_MS)
    page.screenshot(path=IMAGES / "page.png", full_page=True)


def photograph_check(page: Page, folder: Path) -> None:
    """Take the picture of a recording that holds two marks, and sound without any."""
    y, sr = sf.read(TAKE, dtype="float32")
    first, second = (sv.protect(y, sr=sr, notice=sv.Notice(owner_id=owner)) for owner in OWNERS)
    sf.write(folder / "found-online.flac", np.concatenate([first, y, second]), sr)
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(folder / "found-online.flac")
    page.locator("#checked .timeline").wait_for(timeout=READY_MS)
    page.screenshot(path=IMAGES / "page-check.png", full_page=True)


def main() -> None:
    """Take both pictures."""
    with (
        open_tab(viewport=SIZE, locale="en-GB", offline=True) as page,
        tempfile.TemporaryDirectory() as folder,
    ):
        page.goto(PAGE.as_uri())
        wait_until_ready(page)
        photograph_protect(page)
        photograph_check(page, Path(folder))


if __name__ == "__main__":
    main()
