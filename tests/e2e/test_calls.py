"""Whole calls: microphone, `sottovoce mic`, Chromium, Opus, the far end, `detect`."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from benchmarks.rig.browser import hold_call, open_page
from benchmarks.rig.takes import SR
from sottovoce.rights import format_owner_id
from tests.e2e.conftest import CLIP

pytestmark = [pytest.mark.device, pytest.mark.browser]
OWNER = 0x4F2A91C077DE


def test_a_call_carries_the_refusal_of_who_speaks(server, mic):
    live = mic("--owner", "4f2a-91c0-77de")
    live.wait_for(sign="marking")
    with open_page(server.environment) as page:
        names = [device["label"] for device in page.evaluate("labels")]
        assert "Sottovoce" in names
        assert not any("sottovoce-" in name for name in names)
        for processing in (False, True):
            take = hold_call(page, server, CLIP, processing=processing)
            assert take.stats["codec"] == "audio/opus"
            detection = sv.detect(take.y, sr=SR)
            assert detection.found
            assert detection.log10_p < -12
            owners = [voice.notice.owner_id for voice in detection.voices if voice.notice]
            assert owners == [OWNER]
        # The same call by the bare microphone carries nothing: the mark came from us.
        bare = hold_call(page, server, CLIP, label="HardwareMic", processing=True)
        assert not sv.detect(bare.y, sr=SR).found
    assert live.states()[-1]["recorders"] in (0, 1)


def test_two_people_in_one_call_are_both_found(server, mic):
    owners = [OWNER, 0x1234_5678_9ABC]
    takes = []
    with open_page(server.environment) as page:
        for owner in owners:
            live = mic("--owner", format_owner_id(owner))
            live.wait_for(sign="marking")
            takes.append(hold_call(page, server, CLIP, processing=True).y)
            live.process.terminate()
            live.process.wait(10)
    # Both talk all the time, the second a few seconds later: the host's recording adds them.
    n = min(map(len, takes))
    mixed = takes[0][:n] + np.roll(takes[1][:n], 7 * SR)
    detection = sv.detect(mixed, sr=SR)
    assert detection.found
    assert len(detection.voices) >= 2
    read = {voice.notice.owner_id for voice in detection.voices if voice.notice}
    assert read <= set(owners)
