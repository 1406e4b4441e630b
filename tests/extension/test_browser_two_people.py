"""Two people in one call, each with a mark of their own: both marks are found in the mix."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from rig.extension import decode

pytestmark = [pytest.mark.browser, pytest.mark.device, pytest.mark.slow]

SR = 48_000
CALL_S = 25
APART_S = 6
OWNERS = ("4f2a91c077de", "0b63d85e19a4")


@pytest.mark.by_turns
def test_both_marks_are_found_where_two_people_speak_at_once(marking_chromium) -> None:
    """Each page is a person, with the identity that was in use when its microphone was opened.

    The microphones play one clip, the second from its beginning when the first is well in it, so
    that two different passages are heard at the same time.
    """
    pages = []
    for owner in OWNERS:
        marking_chromium.worker.evaluate(
            "(id) => chrome.storage.session.set({ owner: { name: 'x', id, seal: '' } })", owner
        )
        page = marking_chromium.open()
        page.evaluate(f"void (window.heard = callFor({CALL_S + APART_S}))")
        page.wait_for_timeout(1_000 * APART_S)
        pages.append(page)
    voices = [decode(page.evaluate("heard")) for page in pages]
    marking_chromium.worker.evaluate("chrome.storage.session.remove('owner')")
    for page in pages:
        page.close()
    first = voices[0][APART_S * SR :][: CALL_S * SR]
    second = voices[1][: len(first)]
    assert len(first) > (CALL_S - 1) * SR
    assert not _say_the_same(first, second)
    found = sv.detect(first + second, sr=SR)
    assert len(found.voices) == len(OWNERS)
    # Each is as loud as the other: one of both owners may take more than these seconds to be read.
    read = {f"{voice.notice.owner_id:012x}" for voice in found.voices if voice.notice}
    assert read
    assert read <= set(OWNERS)
    for owner, y in zip(OWNERS, (first, second), strict=True):
        (voice,) = sv.detect(y, sr=SR).voices
        assert voice.notice is not None
        assert f"{voice.notice.owner_id:012x}" == owner


def _say_the_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether the two are the same passage, up to a second apart."""
    n = 2 * len(one)
    spectra = np.conj(np.fft.rfft(one, n)) * np.fft.rfft(other, n)
    likeness = np.fft.irfft(spectra)[np.r_[-SR:SR]]
    return bool(np.abs(likeness).max() > 0.5 * np.linalg.norm(one) * np.linalg.norm(other))
