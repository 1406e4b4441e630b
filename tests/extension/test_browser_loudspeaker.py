"""A lost loudspeaker, which pauses a page's audio in Chromium, does not silence the voice."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

import sottovoce as sv
from rig.extension import MarkingChromium, decode
from rig.server import AudioServer

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

SR = 48_000
AFTER_S = 10


def test_the_voice_goes_on_marked_after_the_loudspeaker_is_lost(make_extension, microphone) -> None:
    """The page records by a clock of its own, since its audio would be paused, too."""
    server = AudioServer()
    try:
        server.start()
        with (
            patch.dict("os.environ", server.environment),
            MarkingChromium(make_extension("chromium"), microphone) as browser,
        ):
            page = browser.open("reached.html")
            page.evaluate(
                """async () => {
                    window.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
                    window.other = new AudioContext();
                    await other.resume();
                    const sinkId = { type: "none" };
                    const context = new AudioContext({ sampleRate: 48_000, sinkId });
                    await context.audioWorklet.addModule("tap.js");
                    const node = new AudioWorkletNode(context, "tap");
                    window.blocks = [];
                    node.port.onmessage = ({ data }) => blocks.push(data);
                    const silence = context.createMediaStreamDestination();
                    context.createMediaStreamSource(stream).connect(node).connect(silence);
                }"""
            )
            page.wait_for_timeout(3_000)
            begin = 128 * page.evaluate("blocks.length")
            server.stop()
            page.wait_for_timeout(1_000 * AFTER_S)
            assert page.evaluate("other.state") == "suspended", "the loudspeaker is still there"
            assert browser.badge(page) == "✓"
            y = decode(page.evaluate("encode(blocks)"))[begin:]
    finally:
        server.close()
    n_gap = _longest_run(y == 0)
    print(f"silent for {n_gap / SR:.2f} s")  # noqa: T201 - a figure for whoever runs it
    assert n_gap < 2 * SR
    assert sv.detect(y[2 * SR :], sr=SR).found


def _longest_run(flags: np.ndarray) -> int:
    """Return how many flags in a row are true at most."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
