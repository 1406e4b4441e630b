from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from rig.chromium import open_browser, open_tab, wait_until_ready
from rig.wasm import make_wasm
from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# False if something is still being worked on.
PUT_BACK = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    if (all("li > progress").length) return false;
    const ask = window.confirm;
    window.confirm = () => true;
    for (const name of ["protected-clear", "checked-clear", "identity-forget", "grant-forget"]) {
        document.getElementById(name).click();
    }
    window.confirm = ask;
    for (const one of all("[type=radio], [type=checkbox]")) one.checked = one.defaultChecked;
    document.querySelector("[name=policy]").dispatchEvent(new Event("change"));
    for (const one of all("[type=text]")) one.value = "";
    for (const one of all("details")) one.open = false;
    for (const name of ["identity-news", "identity-problem", "grant-problem"]) {
        document.getElementById(name).textContent = "";
    }
    document.getElementById("tab-protect").click();
    document.activeElement.blur();
    scrollTo(0, 0);
    return !all(".files li").length;
}"""


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


class SharedTab:
    """A tab that one test after another finds as if it had just been opened.

    To start Python in it takes most of the time of a test.  It starts anew after whatever cannot be
    put back: a tab that was closed, or that a failed test left.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._stack = contextlib.ExitStack()
        self._page: Page | None = None

    def open(self) -> Page:
        if self._page is not None and not self._page.is_closed() and _put_back(self._page):
            return self._page
        self.close()
        options = {"offline": True, "accept_downloads": True, "locale": "en-GB"}
        page = self._page = self._stack.enter_context(open_tab(self._browser, **options))
        page.asked = []
        page.failures = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        page.goto(self._address)
        wait_until_ready(page)
        return page

    def close(self) -> None:
        self._page = None
        self._stack.close()


def _put_back(page: Page) -> bool:
    """Put everything in a tab back as it was; whether that went well."""
    page.failures.clear()
    page.asked.clear()
    page.set_viewport_size({"width": 1_280, "height": 720})
    page.emulate_media(color_scheme="light")
    return page.evaluate(PUT_BACK) and page.locator("#ready").evaluate("(one) => one.value === 1")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser, in which tests open tabs."""
    pytest.importorskip("playwright.sync_api", reason="of the group `full`")
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def shared_tab(chromium, page_file) -> Iterator[SharedTab]:
    tab = SharedTab(chromium, page_file.as_uri())
    yield tab
    tab.close()


@pytest.fixture
def browser_page(shared_tab, page_file):
    """The opened page, and the addresses of all that it asked for since then."""
    page = shared_tab.open()
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
