"""Start Debian's Chromium under Playwright."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

__all__ = ["READY_MS", "start_chromium"]

READY_MS = 120_000
"""How long the browser page may take to be ready, or for one short file."""


def start_chromium(playwright: Playwright, *arguments: str, **options: Any) -> Browser:  # noqa: ANN401 - Playwright's
    """Start the browser.

    Parameters
    ----------
    playwright : Playwright
        A running Playwright.
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
    return playwright.chromium.launch(executable_path=path, args=[*sandbox, *arguments], **options)
