"""Whole calls: microphone, `sottovoce mic`, Chromium, Opus, the far end, `detect`."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.browser import hold_call, open_page
from rig.takes import SR
from sottovoce.rights import format_owner_id
from tests.e2e.conftest import CLIP

pytestmark = [pytest.mark.device, pytest.mark.browser]
OWNER = 0x4F2A91C077DE


@pytest.mark.by_turns
def test_a_call_carries_the_refusal_of_who_speaks(server, mic):
    live = mic("--owner", "4f2a-91c0-77de")
    live.wait_for(status="marking")
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


@pytest.mark.by_turns
def test_two_people_in_one_call_are_both_found_and_read(server, mic):
    owners = [OWNER, 0x1234_5678_9ABC]
    y, sr = sf.read(CLIP, dtype="float32")
    first, second = np.array_split(y, 2)
    # Each talks for 51 s, and never says what the other says just then.  Both were read in 16 of 16
    # mixtures of that length, in 13 of 16 of half of it.
    texts = [np.concatenate([first, second] * 2), np.concatenate([second, first] * 2)]
    takes = []
    with open_page(server.environment) as page:
        for owner, text in zip(owners, texts, strict=True):
            clip = server.folder / f"{owner:x}.wav"
            sf.write(clip, text, sr)
            live = mic("--owner", format_owner_id(owner))
            live.wait_for(status="marking")
            take = hold_call(page, server, clip, processing=True).y
            takes.append(0.05 * take / np.sqrt(np.mean(take**2)))
            live.process.terminate()
            live.process.wait(10)
    # Equally loud, and both talk all the time: the host's recording adds them.
    n = min(map(len, takes))
    detection = sv.detect(takes[0][:n] + takes[1][:n], sr=SR)
    assert detection.found
    assert len(detection.voices) == 2
    read = {voice.notice.owner_id for voice in detection.voices if voice.notice}
    assert read == set(owners)
