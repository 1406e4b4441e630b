from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rig.chromium import READY_MS, start_chromium
from rig.wasm import make_wasm
from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """The page, built once."""
    path = tmp_path_factory.mktemp("page") / "sottovoce.html"
    path.write_bytes(build_page())
    return path


@pytest.fixture
def browser_page(page_file):
    """The opened page, and the addresses of all that it asked for."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="of the group `full`")
    with sync_api.sync_playwright() as playwright:
        browser = start_chromium(playwright, "--disable-gpu")
        context = browser.new_context(offline=True, accept_downloads=True, locale="en-GB")
        page = context.new_page()
        page.asked = []
        page.failures = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        page.goto(page_file.as_uri())
        page.locator("#loading").wait_for(state="hidden", timeout=READY_MS)
        yield page
        assert page.failures == []
        browser.close()


@pytest.fixture(scope="module")
def wasm_folder(tmp_path_factory) -> Path:
    """Python for WebAssembly with the package, and ``here``, a folder that it sees."""
    folder = tmp_path_factory.mktemp("wasm")
    make_wasm(folder)
    return folder
