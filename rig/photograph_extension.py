"""Photograph the browser extension's popup beside a call into docs/img.

Run as ``python -m rig.photograph_extension``.  Popups are windows of the browser, which no page can
be photographed with, so both are photographed and put together; both are of one running call.
"""

from __future__ import annotations

import base64
import importlib.util
import tempfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from rig.extension import GRANTED, MarkingChromium, write_microphone

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "extension" / "tools" / "build.py"
ICON = ROOT / "extension" / "icons" / "icon-32.png"
TAKE = ROOT / "examples" / "data" / "sense_and_sensibility.flac"
IMAGE = ROOT / "docs" / "img" / "extension-call.png"
SPOKEN_MS = 9_000
SCALE = 2
CALL = {"width": 1080, "height": 540}
POPUP_WIDTH = 352

WINDOW = Template("""<!doctype html>
<style>
* { box-sizing: border-box; margin: 0; }
body { padding: 14px; background: #e9edf0; font: 14px system-ui, sans-serif; }
.window { position: relative; width: ${CALL}px; border-radius: 10px; overflow: hidden; }
.bar { display: flex; align-items: center; gap: 14px; height: 46px; padding: 0 14px; }
.bar { background: #f6f7f8; }
.address { flex: 1; padding: 6px 14px; border-radius: 15px; background: #e4e8eb; color: #4d5a68; }
.button { position: relative; width: 30px; height: 30px; padding: 3px; }
.button img { width: 24px; height: 24px; }
.badge { position: absolute; right: -5px; bottom: -4px; padding: 0 4px; border-radius: 4px; }
.badge { background: #14653a; color: #fff; font: 700 11px/15px system-ui, sans-serif; }
.call { display: block; width: 100%; }
.popup { position: absolute; top: 52px; right: 10px; width: ${POPUP}px; border-radius: 8px; }
.popup { box-shadow: 0 6px 26px #0009; }
</style>
<div class="window">
  <div class="bar"><span class="address">meet.example.org/weekly-planning</span>
    <span class="button"><img src="$ICON" alt=""><span class="badge">$BADGE</span></span></div>
  <img class="call" src="$PAGE" alt=""><img class="popup" src="$OWN" alt="">
</div>""")


def photograph(page: Page, *, width: int, height: int | None = None) -> bytes:
    """Take a picture of a page at twice its size; as high as its content by default."""
    page.bring_to_front()
    session = page.context.new_cdp_session(page)
    # The window itself is lower by its toolbar than Playwright tells it to be.
    size = {"width": width, "height": height or 700, "deviceScaleFactor": SCALE, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", size)
    page.wait_for_timeout(700)
    content = int(page.evaluate("Math.ceil(document.body.getBoundingClientRect().height)"))
    clip = {"x": 0, "y": 0, "width": width, "height": height or content, "scale": 1}
    found = session.send("Page.captureScreenshot", {"clip": clip})
    session.detach()
    return base64.b64decode(found["data"])


def encode(picture: bytes) -> str:
    """Return a picture as an address."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def put_together(browser: MarkingChromium, call: bytes, popup: bytes, badge: str) -> bytes:
    """Return the picture of a window that shows both."""
    page = browser.context.new_page()
    places = {"CALL": str(CALL["width"]), "POPUP": str(POPUP_WIDTH), "BADGE": badge}
    places |= {"ICON": encode(ICON.read_bytes()), "PAGE": encode(call), "OWN": encode(popup)}
    page.set_content(WINDOW.substitute(places))
    page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")
    return photograph(page, width=CALL["width"] + 28)


def main() -> None:
    """Take the picture."""
    spec = importlib.util.spec_from_file_location("extension_build", BUILD)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{BUILD} is missing")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build.write_folder(
            "chromium", folder / "extension", build.bundle_scripts(), granted=GRANTED
        )
        write_microphone(folder / "voice.wav", TAKE)
        with MarkingChromium(folder / "extension", folder / "voice.wav") as browser:
            page = browser.open("meeting.html")
            page.evaluate("void callFor(60)")
            page.wait_for_timeout(SPOKEN_MS)
            badge = browser.badge(page)
            # The site's name is the one in the window's address.
            popup = browser.open_popup(page)
            popup.locator("#word", has_text="Marked").wait_for()
            popup.evaluate(
                """() => {
                    const name = document.getElementById("site-name");
                    name.textContent = name.textContent.replace("127.0.0.1", "meet.example.org");
                }"""
            )
            own = photograph(popup, width=POPUP_WIDTH)
            call = photograph(page, **CALL)
            IMAGE.write_bytes(put_together(browser, call, own, badge))


if __name__ == "__main__":
    main()
