"""Whole telephone calls: microphone, `sottovoce mic`, baresip, the far end, `detect`."""

from __future__ import annotations

import shutil

import pytest

import sottovoce as sv
from rig.sip import CODECS, hold_sip_call
from rig.takes import SR
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device
OWNER = 0x4F2A91C077DE


@pytest.mark.by_turns
@pytest.mark.parametrize("codec", CODECS)
def test_a_telephone_call_carries_the_refusal_of_who_speaks(server, mic, codec):
    live = mic("--owner", "4f2a-91c0-77de")
    live.wait_for(status="marking")
    take = hold_sip_call(server, CLIP, codec=codec)
    assert take.stats["codec"] == codec
    detection = sv.detect(take.y, sr=SR)
    assert detection.found
    assert detection.log10_p < -12
    owners = [voice.notice.owner_id for voice in detection.voices if voice.notice]
    assert owners == [OWNER]
    # The same call by the bare microphone carries nothing: the mark came from us.
    bare = hold_sip_call(server, CLIP, codec=codec, source="hw_mic")
    assert not sv.detect(bare.y, sr=SR).found


def test_without_baresip_it_says_what_to_install(server, monkeypatch):
    there = shutil.which
    monkeypatch.setattr("shutil.which", lambda name: None if name == "baresip" else there(name))
    with pytest.raises(RuntimeError, match="apt-get install baresip-core"):
        hold_sip_call(server, CLIP, codec="opus")
