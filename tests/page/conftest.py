from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from rig.chromium import open_tab, wait_until_ready
from rig.wasm import make_wasm
from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def make_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return what makes a file or folder once for all processes of a test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def make(name: str, write: Callable[[Path], object]) -> Path:
        path = folder / name
        with FileLock(f"{path}.lock"):
            if not path.exists():
                new = folder / f"new-{name}"
                write(new)
                new.rename(path)
        return path

    return make


@pytest.fixture(scope="session")
def page_file(make_once) -> Path:
    """The page that is opened from disk."""
    return make_once("sottovoce.html", lambda path: path.write_bytes(build_page()))


@pytest.fixture(scope="session")
def served_page_file(make_once) -> Path:
    """The page for a web server."""
    return make_once("served.html", lambda path: path.write_bytes(build_page(served=True)))


@pytest.fixture
def browser_page(page_file):
    """The opened page, and the addresses of all that it asked for."""
    pytest.importorskip("playwright.sync_api", reason="of the group `full`")
    with open_tab(offline=True, accept_downloads=True, locale="en-GB") as page:
        page.asked = []
        page.failures = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        page.goto(page_file.as_uri())
        wait_until_ready(page)
        yield page
        assert page.failures == []
        # What is not the page itself is what it made itself.
        kinds = {re.sub(r":.*", "", address) for address in page.asked}
        assert kinds <= {"file", "blob", "data"}
        assert {one for one in page.asked if one.startswith("file")} <= {page_file.as_uri()}


@pytest.fixture(scope="module")
def wasm_folder(tmp_path_factory) -> Path:
    """Python for WebAssembly with the package, and ``here``, a folder that it sees."""
    folder = tmp_path_factory.mktemp("wasm")
    make_wasm(folder)
    return folder
