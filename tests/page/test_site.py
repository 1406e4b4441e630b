"""The page from a web server: installed, and at work when the server is gone."""

from __future__ import annotations

import base64
import functools
import http.server
import threading
from typing import TYPE_CHECKING

import pytest
import soundfile as sf

from rig.chromium import READY_MS, open_tab, wait_until_ready
from rig.firefox import Firefox
from sottovoce.files import detect_file
from sottovoce.page.site import write_site

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("playwright.sync_api", reason="of the group `full`")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEPT = "caches.keys()"


class Server:
    """A web server of a folder that tells what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        serve = functools.partial(Handler, directory=folder)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
        self.address = f"http://127.0.0.1:{self._server.server_port}/some/where/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answer nothing from now on; may be called twice."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def site(served_page_file, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(served_page_file.read_bytes(), folder / "some" / "where")
    return folder


@pytest.fixture
def server(site):
    server = Server(site)
    yield server
    server.stop()


@pytest.mark.by_turns
def test_chromium_would_install_it_and_it_works_without_its_server(server, clip, tmp_path) -> None:
    sf.write(tmp_path / "take.wav", *clip)
    with open_tab(locale="en-GB") as page:
        page.goto(server.address)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        asked = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")
        # The browser of a test keeps nothing, so that it installs nothing either.
        assert {one["errorId"] for one in asked["installabilityErrors"]} == {"in-incognito"}
        # One request for the page, and one for the service worker's own copy of it.
        names = [path.rpartition("/")[2] for path in server.asked]
        assert {*names} == {"", "icon.svg", "manifest.webmanifest", "service_worker.js"}
        assert names.count("") == 2
        server.stop()
        n_asked = len(server.asked)
        page.goto(server.address + "?from=elsewhere")
        wait_until_ready(page)
        page.locator("#takes").set_input_files(tmp_path / "take.wav")
        page.locator("a.save").wait_for(timeout=READY_MS)
        assert "the mark was found" in page.locator("#protected").inner_text()
        refused = page.evaluate("fetch('icon.svg').then(() => false, () => true)")
        assert refused, "the page itself reaches nothing, its own server included"
        assert len(server.asked) == n_asked


def test_a_new_page_takes_the_place_of_the_old_one(server, site) -> None:
    with open_tab() as page:
        page.goto(server.address)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        folder = site / "some" / "where"
        old = (folder / "index.html").read_bytes()
        write_site(old.replace(b"<title>sottovoce<", b"<title>sottovoce, newer<"), folder)
        before = page.evaluate(KEPT)
        page.goto(server.address)
        assert page.title() == "sottovoce"
        for _ in range(300):
            if len(kept := page.evaluate(KEPT)) == 1 and kept != before:
                break
            page.wait_for_timeout(100)
        page.goto(server.address)
        assert page.title() == "sottovoce, newer"
    write_site(old, folder)


@pytest.mark.by_turns
def test_firefox_works_without_the_server(server, clip, tmp_path) -> None:
    sf.write(tmp_path / "take.wav", *clip)
    (tmp_path / "saved").mkdir()
    with Firefox(tmp_path / "saved", offline=False) as firefox:
        firefox.open(server.address)
        firefox.wait("navigator.serviceWorker.ready.then(() => true)")
        server.stop()
        firefox.open(server.address)
        firefox.wait("document.getElementById('loading').hidden")
        firefox.choose("#takes", [tmp_path / "take.wav"])
        firefox.wait("document.querySelector('a.save') !== null")


def test_it_refuses_to_be_shown_inside_another_page(server, tmp_path) -> None:
    """Its parts could be covered there by others that ask for a key."""
    (tmp_path / "index.html").write_text(f'<iframe src="{server.address}"></iframe>')
    hostile = Server(tmp_path)
    with open_tab(locale="en-GB") as page:
        page.goto(hostile.address.removesuffix("some/where/"))
        page.frame_locator("iframe").get_by_text("is shown inside another one").wait_for()
        assert page.frames[1].evaluate("document.getElementById('ready').value") == 0
    hostile.stop()


def test_where_the_browser_can_a_place_is_chosen(server, clip, tmp_path) -> None:
    """A browser without a window has no dialog: a file of the page's own takes its place."""
    sf.write(tmp_path / "take.wav", *clip, subtype="PCM_24")
    with open_tab(locale="en-GB") as page:
        page.goto(server.address)
        wait_until_ready(page)
        page.evaluate(
            """() => { window.showSaveFilePicker = async ({ suggestedName }) => {
                if (window.mayNot) throw new DOMException("a reason", window.mayNot);
                const folder = await navigator.storage.getDirectory();
                return folder.getFileHandle(suggestedName, { create: true });
            }; }"""
        )
        page.locator("#takes").set_input_files(tmp_path / "take.wav")
        page.locator("a.save").wait_for(timeout=READY_MS)
        row = page.locator("#protected li")
        button = page.get_by_role("button", name="Save as…")
        for error, words in (("AbortError", ""), ("NotAllowedError", "a reason")):
            page.evaluate(f"window.mayNot = '{error}'")
            button.click()
            page.wait_for_timeout(100)
            assert words in row.inner_text()
            assert "exists only in this page" in row.inner_text()
        page.evaluate("window.mayNot = ''")
        button.click()
        page.get_by_text("Saved as take.protected.wav.").wait_for()
        assert "exists only in this page" not in row.inner_text()
        saved = page.evaluate(
            """async () => {
                const folder = await navigator.storage.getDirectory();
                const file = await (await folder.getFileHandle("take.protected.wav")).getFile();
                const reader = new FileReader();
                const done = new Promise((resolve) => { reader.onload = resolve; });
                reader.readAsDataURL(file);
                await done;
                return reader.result.split(",")[1];
            }"""
        )
        (tmp_path / "out.wav").write_bytes(base64.b64decode(saved))
    assert detect_file(tmp_path / "out.wav").found
