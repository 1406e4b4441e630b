"""Photograph Chromium's own chooser of microphones into docs/img, on the tests' audio server.

Run as ``python -m rig.photograph``; needs Debian's packages xvfb and xdotool in addition to
those in .ci/packages.
"""

from __future__ import annotations

import functools
import http.server
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from PIL import ImageGrab

from rig.chromium import start_chromium
from rig.mic import MicProgram
from rig.server import AudioServer

IMAGES = Path(__file__).parents[1] / "docs" / "img"
DISPLAY = ":93"
SIZE = (860, 560)
CROP = (0, 0, 640, 480)
CLICKS = ((285, 268),)
"""The list of microphones in the question that Chromium asks."""

PAGE = """\
<!doctype html><meta charset="utf-8"><title>A call</title>
<body style="font-family: sans-serif"><h1>A call</h1>
<script>
document.addEventListener('click', () => navigator.mediaDevices.getUserMedia({audio: true}));
</script>
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the page, and says nothing of it."""

    def log_message(self, *words: object) -> None:
        """Say nothing: the requests are our own."""


def photograph(environment: dict[str, str], folder: Path) -> None:
    """Open a page that asks for a microphone, and keep what the browser shows."""
    (folder / "call.html").write_text(PAGE)
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        browser = start_chromium(
            f"--window-size={SIZE[0]},{SIZE[1]}",
            "--window-position=0,0",
            headless=False,
            env=environment,
        )
        page = browser.new_context(no_viewport=True).new_page()
        page.goto(f"http://localhost:{web.server_port}/call.html")
        page.mouse.click(300, 200)
        time.sleep(4)
        # A program outside the browser has to click: what asks here is not the page.
        for x, y in CLICKS:
            subprocess.run(
                ["xdotool", "mousemove", str(x), str(y), "click", "1"], env=environment, check=True
            )
            time.sleep(2)
        ImageGrab.grab(xdisplay=DISPLAY).crop(CROP).save(IMAGES / "browser.png")
        browser.close()
        web.shutdown()


def main() -> None:
    """Start the server, the microphone and a screen, and take the picture."""
    server = AudioServer()
    screen = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"])
    try:
        server.start()
        mic = MicProgram(server)
        mic.wait_for(status="marking", within_s=30)
        with tempfile.TemporaryDirectory() as folder:
            photograph({**server.environment, "DISPLAY": DISPLAY}, Path(folder))
        mic.end()
    finally:
        server.close()
        screen.kill()
        screen.wait()


if __name__ == "__main__":
    main()
