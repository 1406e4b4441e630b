"""Start Debian's Chromium under Playwright."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page, Playwright

__all__ = [
    "READY_MS",
    "open_browser",
    "open_tab",
    "run_playwright",
    "save_download",
    "start_chromium",
    "wait_until_ready",
]

READY_MS = 120_000
"""How long the browser page may take to be ready, or for one short file."""


@functools.cache
def run_playwright() -> Playwright:
    """Return the Playwright of this process; a thread has room for one, so it runs to the end."""
    from playwright.sync_api import sync_playwright  # late: not everybody who reads has it

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright


def start_chromium(*arguments: str, **options: Any) -> Browser:  # noqa: ANN401 - Playwright's
    """Start the browser.

    Parameters
    ----------
    *arguments : str
        Further switches of Chromium.
    **options : Any
        As for Playwright's ``launch``.

    Raises
    ------
    RuntimeError
        If Chromium is not installed.
    """
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("apt-get install chromium")
    # Its sandbox refuses to work for root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    # Playwright's own environment is that of its start.
    options.setdefault("env", {**os.environ})
    chromium = run_playwright().chromium
    return chromium.launch(executable_path=path, args=[*sandbox, *arguments], **options)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and close it at the end."""
    # Python in the page is ready in two thirds of the time: only what is used of it is compiled.
    with closing(start_chromium("--disable-gpu", "--js-flags=--wasm-lazy-compilation")) as browser:
        yield browser


@contextmanager
def open_tab(browser: Browser | None = None, **options: Any) -> Iterator[Page]:  # noqa: ANN401 - Playwright's
    """Open an empty tab in a fresh profile.

    Parameters
    ----------
    browser : playwright.sync_api.Browser or None
        The browser; None for one of its own.
    **options : Any
        As for Playwright's ``new_context``.
    """
    with open_browser() if browser is None else nullcontext(browser) as started:
        context = started.new_context(**options)
        yield context.new_page()
        context.close()


def wait_until_ready(page: Page) -> None:
    """Wait until the browser page that is being opened has its Python."""
    page.locator("#loading").wait_for(state="hidden", timeout=READY_MS)


def save_download(page: Page, button: Locator, path: Path) -> str:
    """Click on what saves a file, save it under a path, and return the name that was proposed."""
    with page.expect_download() as download:
        button.click()
    download.value.save_as(path)
    return str(download.value.suggested_filename)
