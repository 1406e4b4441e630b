"""A call in Debian's Chromium: from its microphone through Opus to the far end's samples."""

from __future__ import annotations

import base64
import functools
import http.server
import threading
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rig.chromium import start_chromium
from rig.relay import Network, Relay
from rig.takes import TAKES, Take, compare, is_whole, load_resampled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from rig.server import AudioServer

__all__ = ["hold_call", "open_page"]

_LIKENESS = {False: 0.90, True: 0.75}
# Losses alone make it less like, and must not be chosen away.
_LOSSY_LIKENESS = 0.6


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing: the requests are our own."""


@contextmanager
def open_page(environment: dict[str, str]) -> Iterator[Page]:
    """Serve the page on this machine alone, and open it."""
    handler = functools.partial(_Quiet, directory=Path(__file__).parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            chromium = start_chromium(
                "--use-fake-ui-for-media-stream",
                "--autoplay-policy=no-user-gesture-required",
                "--disable-features=WebRtcHideLocalIpsWithMdns",
                "--allow-loopback-in-peer-connection",
                env=environment,
                ignore_default_args=["--mute-audio"],
            )
            with closing(chromium) as browser:
                page = browser.new_context(permissions=["microphone"]).new_page()
                page.goto(f"http://127.0.0.1:{web.server_port}/call.html")
                yield page
        finally:
            web.shutdown()
            thread.join()


def hold_call(
    page: Page,
    server: AudioServer,
    clip: Path,
    *,
    processing: bool,
    label: str = "Sottovoce",
    kbps: int = 24,
    network: Network | None = None,
    rng: np.random.Generator | None = None,
) -> Take:
    """Say a clip in a call; a damaged take is counted and repeated.

    A machine that is busy with other things breaks a call now and then, whatever is said in it:
    a take is damaged if it is too short or its spectrogram is not that of the clip.  With a
    `network`, and chance for it, the call goes through a relay.
    """
    lowest = _LIKENESS[processing] if network is None else _LOSSY_LIKENESS
    played = load_resampled(clip)
    ask = {"label": label, "processing": processing, "kbps": kbps}
    for n_damaged in range(TAKES):
        y, stats = _take(page, server, clip, ask, network, rng)
        likeness = compare(played, y)
        if is_whole(played, y) and likeness >= lowest:
            return Take(y=y, likeness=likeness, n_damaged=n_damaged, stats=stats)
    raise RuntimeError(f"{TAKES} takes of {clip.name} were damaged, the last {likeness:.2f}")


def _take(
    page: Page,
    server: AudioServer,
    clip: Path,
    ask: dict[str, Any],
    network: Network | None,
    rng: np.random.Generator | None,
) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """Hold one call; return what the far end heard, and what it counted."""
    relay = Relay(network, rng or np.random.default_rng(0)) if network else None
    with relay or nullcontext():
        page.evaluate("start", {**ask, "ports": relay.ports if relay else [None, None]})
        page.wait_for_timeout(1_000)
        server.play(clip).wait()
        page.wait_for_timeout(1_000)
        got = page.evaluate("stop")
    if relay is not None:
        relay.check(n_received=got["stats"]["received"], n_lost=got["stats"]["lost"])
    return np.frombuffer(base64.b64decode(got["samples"]), dtype=np.float32), got["stats"]
