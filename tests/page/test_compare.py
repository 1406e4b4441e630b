"""Comparing by ear: both sounds run in step, equally loud, and one of them is heard."""

from __future__ import annotations

import numpy as np
import pytest

from rig.chromium import open_tab
from sottovoce.abx.pack import _MODULE_WORDS
from sottovoce.page.build import _PACKAGE, _WEB

pytest.importorskip("playwright.sync_api", reason="of the group `full`")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SR = 48_000
SWITCH_S = 0.25
RENDER = """async ([sr, at]) => {
    const context = new OfflineAudioContext(1, sr / 2, sr);
    const make = (scale, hz) => {
        const buffer = new AudioBuffer({ length: sr, sampleRate: sr });
        const samples = buffer.getChannelData(0);
        for (let i = 0; i < sr; i++) samples[i] = scale * Math.sin(2 * Math.PI * hz * i / sr);
        return buffer;
    };
    const pair = makePair(context, [make(0.5, 100), make(0.1, 300)]);
    pair.start(0.1, 0);
    pair.hear(1, at);
    return [...(await context.startRendering()).getChannelData(0)];
}"""


def test_a_switch_takes_a_millisecond_and_keeps_the_place_and_the_loudness() -> None:
    with open_tab() as page:
        paths = (_PACKAGE / "abx" / "in_step.js", _WEB / "pair.js")
        script = "".join(_MODULE_WORDS.sub("", path.read_text()) for path in paths)
        page.add_script_tag(content=f"{script}\nwindow.makePair = makePair;")
        heard = np.array(page.evaluate(RENDER, [SR, SWITCH_S]))
    at = np.arange(SR // 2) / SR + 0.1
    original = 0.5 * np.sin(2 * np.pi * 100 * at)
    marked = 0.5 * np.sin(2 * np.pi * 300 * at)  # as loud as the original
    switch = round(SWITCH_S * SR)
    done = switch + round(0.0011 * SR)
    np.testing.assert_allclose(heard[:switch], original[:switch], atol=1e-3)
    np.testing.assert_allclose(heard[done:], marked[done:], atol=1e-3)
