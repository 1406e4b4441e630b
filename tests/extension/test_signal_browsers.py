"""The worklet in real browsers gives the sound of the Python stream."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack

import numpy as np
import pytest
import soxr

import sottovoce as sv
from extension.tools.build import bundle_scripts
from rig.chromium import open_tab
from rig.extension import serve_pages
from rig.firefox import Firefox
from sottovoce.core.embedding import SignSource

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTICE = sv.Notice(owner_id=0x4F2A91C077DE, policy=0x0F, year=2027)
PHASE = 1_100
TOLERANCE = 1e-5
SECONDS = 60
CASES = [(sr, n) for sr in (16_000, 44_100, 48_000) for n in (1, 2)]
RENDER = """
async ({ sr, nChannels, bits, phaseFrames }) => {
  const load = async (name) => new Float32Array(await (await fetch(name)).arrayBuffer());
  const [sound, expected] = await Promise.all([load(`${sr}-in`), load(`${sr}-out`)]);
  const n = sound.length / 2;
  const part = (all, channel) => all.subarray(channel * n, (channel + 1) * n);
  const context = new OfflineAudioContext(nChannels, n, sr);
  await context.audioWorklet.addModule("worklet.js");
  const packed = Uint8Array.from(atob(bits), (one) => one.charCodeAt(0));
  const processorOptions = { bits: packed, strengthDb: 1.6, phaseFrames };
  const node = new AudioWorkletNode(context, "sottovoce-mark", { processorOptions });
  const meters = [];
  node.port.onmessage = ({ data }) => meters.push(data);
  const source = context.createBufferSource();
  const buffer = context.createBuffer(nChannels, n, sr);
  for (let i = 0; i < nChannels; i++) buffer.copyToChannel(part(sound, i), i);
  source.buffer = buffer;
  source.connect(node).connect(context.destination);
  source.start();
  const rendered = await context.startRendering();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { delay, unmarked, reason } = meters.at(-1);
  let worst = 0;
  for (let channel = 0; channel < nChannels; channel++) {
    const marked = rendered.getChannelData(channel);
    const wanted = part(expected, channel);
    for (let i = 0; i < n; i++) {
      worst = Math.max(worst, Math.abs(marked[i] - (i < delay ? 0 : wanted[i - delay])));
    }
  }
  return { worst, delay, unmarked, reason };
}
"""


@pytest.fixture(scope="module")
def address(clip, tmp_path_factory):
    """A page with the worklet as the extension has it, and sound before and after the mark."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "page.html").write_text("<!doctype html><title>.</title>")
    (folder / "worklet.js").write_bytes(bundle_scripts()["worklet.js"])
    for sr in (16_000, 44_100, 48_000):
        y = np.tile(clip[0], 3)[: SECONDS * clip[1]]
        y = soxr.resample(y, clip[1], sr).astype(np.float32)
        y *= np.linspace(0.5, 3.0, len(y), dtype=np.float32)
        # Quieter on the right, so that the left alone decides where the mark makes way for peaks.
        both = np.stack([y, np.float32(0.5) * np.roll(y, 500)])
        marked = sv.protect(both, sr=sr, notice=NOTICE, strength_db=1.6, phase_s=PHASE * 0.008)
        both.tofile(folder / f"{sr}-in")
        marked.tofile(folder / f"{sr}-out")
    with serve_pages(folder) as address:
        yield f"{address}/page.html"


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def render(request, address, tmp_path_factory):
    with ExitStack() as stack:
        if request.param == "chromium":
            pytest.importorskip("playwright.sync_api", reason="of the group `full`")
            tab = stack.enter_context(open_tab())
            tab.goto(address)
            yield lambda job: tab.evaluate(RENDER, job)
        else:
            firefox = stack.enter_context(Firefox(tmp_path_factory.mktemp("saved")))
            firefox.open(address)
            yield lambda job: firefox.run(f"({RENDER})({json.dumps(job)})")


@pytest.mark.by_turns
@pytest.mark.parametrize(("sr", "n_channels"), CASES)
def test_a_minute_is_that_of_the_protector(render, sr, n_channels) -> None:
    signs = SignSource(NOTICE).superframe(0).reshape(-1)
    bits = base64.b64encode(np.packbits(signs < 0, bitorder="little")).decode()
    job = {"sr": sr, "nChannels": n_channels, "bits": bits, "phaseFrames": PHASE}
    answer = render(job)
    assert answer.pop("worst") <= TOLERANCE
    assert answer == {"delay": int(np.ceil(0.016 * sr)), "unmarked": 0, "reason": ""}
