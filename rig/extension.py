"""The browser extension in real browsers, on pages that this computer serves to itself."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np
import soundfile as sf

from rig.chromium import run_playwright
from rig.takes import load_resampled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from playwright.sync_api import BrowserContext, Page, Worker

__all__ = ["GRANTED", "MarkingChromium", "decode", "serve_pages", "write_microphone"]

GRANTED = ("http://127.0.0.1/*", "http://localhost/*")
"""Sites on which the extension of the tests may run without asking anybody."""

_PAGES = Path(__file__).with_name("extension_pages")
_START_S = 10.0
_RELOAD_S = 1.0
_N_SCRIPTS = 2
_FIND_TAB = "chrome.tabs.query({ active: true, lastFocusedWindow: true })"
_HEADERS = {
    "csp": ("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'"),
    "denied": ("Permissions-Policy", "microphone=()"),
}


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing: the requests are our own."""

    def end_headers(self) -> None:
        """Add the headers that the address asks for."""
        for name in parse_qs(urlsplit(self.path).query).get("with", []):
            self.send_header(*_HEADERS[name])
        super().end_headers()


@contextmanager
def serve_pages(folder: Path = _PAGES) -> Iterator[str]:
    """Serve the call pages, or those of a folder, on this machine alone; yield their address."""
    handler = functools.partial(_Pages, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}"
        finally:
            web.shutdown()
            thread.join()


def write_microphone(path: Path, clip: Path) -> None:
    """Write a clip as Chromium's fake microphone plays it, over and over."""
    sf.write(path, load_resampled(clip), 48_000, subtype="PCM_16")


def decode(text: str) -> npt.NDArray[np.float32]:
    """Return the samples that a page has encoded."""
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)


class MarkingChromium:
    """Debian's Chromium with the extension, which is on everywhere by default; a context manager.

    Parameters
    ----------
    extension : pathlib.Path
        The unpacked extension.
    microphone : pathlib.Path
        A WAV file, which the fake microphone plays over and over.
    *arguments : str
        Further switches of Chromium.
    granted : bool
        Whether the extension is built with `GRANTED`; else it is on nowhere.

    Attributes
    ----------
    context : playwright.sync_api.BrowserContext
        Its only profile.
    address : str
        Where its call pages are.
    """

    def __init__(
        self, extension: Path, microphone: Path, *arguments: str, granted: bool = True
    ) -> None:
        self._stack = ExitStack()
        self._extension = extension
        self._n_scripts = _N_SCRIPTS if granted else 0
        self._arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--disable-extensions-except={extension}",
            f"--load-extension={extension}",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
            "--disable-features=WebRtcHideLocalIpsWithMdns",
            "--allow-loopback-in-peer-connection",
            "--enable-unsafe-extension-debugging",  # loads it again
            *arguments,
        ]
        self.context: BrowserContext
        self.address = ""

    def __enter__(self) -> Self:
        path = shutil.which("chromium")
        if path is None:
            raise RuntimeError("apt-get install chromium")
        with self._stack as stack:
            self.address = stack.enter_context(serve_pages())
            # The browser's processes may still write while they end.
            place = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
            profile = stack.enter_context(place)
            self.context = run_playwright().chromium.launch_persistent_context(
                profile,
                executable_path=path,
                headless=False,
                locale="en-GB",
                env={**os.environ},  # Playwright's own is that of its start
                ignore_default_args=["--mute-audio"],
                args=self._arguments,
            )
            stack.callback(self.context.close)
            self.wait_for_scripts()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def worker(self) -> Worker:
        """The extension's service worker."""
        workers = self.context.service_workers
        return workers[-1] if workers else self.context.wait_for_event("serviceworker")

    @property
    def own_address(self) -> str:
        """Where the extension's own pages are."""
        return self.worker.url.rsplit("/", 1)[0]

    def choose(self, **settings: Any) -> None:  # noqa: ANN401 - as they are stored
        """Store settings as the options page does."""
        self.worker.evaluate("(settings) => chrome.storage.local.set(settings)", settings)

    def wait_for_scripts(self) -> None:
        """Wait until the extension has registered what runs in pages."""
        deadline = time.monotonic() + _START_S
        ask = "chrome.scripting.getRegisteredContentScripts().then((all) => all.length)"
        while self.worker.evaluate(ask) != self._n_scripts:
            if time.monotonic() > deadline:
                raise RuntimeError("the extension does not register its scripts")
            time.sleep(0.1)

    def reload_extension(self) -> None:
        """End the extension and begin it again, as browsers do when they update it."""
        browser = self.context.browser
        if browser is None:
            raise RuntimeError("the browser is not open")
        session = browser.new_browser_cdp_session()
        session.send("Extensions.loadUnpacked", {"path": str(self._extension)})
        session.detach()
        self.context.pages[0].wait_for_timeout(1e3 * _RELOAD_S)
        self.wait_for_scripts()

    def badge(self, page: Page) -> str:
        """Return the badge's text in the tab of a page, which comes to the front."""
        return self._ask_action("getBadgeText", page)

    def title(self, page: Page) -> str:
        """Return what the button in the toolbar says about it."""
        return self._ask_action("getTitle", page)

    def open_popup(self, page: Page, script: str = "") -> Page:
        """Open the popup of the tab of a page as a tab, which runs a script before its own."""
        page.bring_to_front()
        identifier = self.worker.evaluate(_FIND_TAB + ".then(([{ id }]) => id)")
        popup = self.context.new_page()
        tab = json.dumps({"id": identifier, "url": page.url})
        popup.add_init_script(f"chrome.tabs.query = async () => [{tab}];\n{script}")
        popup.goto(f"{self.own_address}/popup.html")
        return popup

    def _ask_action(self, method: str, page: Page) -> str:
        page.bring_to_front()
        return str(
            self.worker.evaluate(
                f"""async (method) => {{
                    const [tab] = await {_FIND_TAB};
                    return chrome.action[method]({{ tabId: tab.id }});
                }}""",
                method,
            )
        )

    def open(self, name: str = "call.html") -> Page:
        """Open one of the call pages in a new tab."""
        page = self.context.new_page()
        page.goto(f"{self.address}/{name}")
        return page
