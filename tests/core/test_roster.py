"""Many marked voices, one after the other: bounded work for each window, and each is told."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.core import roster as rosters
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.payload_reading import PayloadReading, find_candidates, make_code, match_payload
from sottovoce.core.roster import MOST_FOLLOWED, Roster
from sottovoce.core.stretch import Stretch
from sottovoce.core.tracking import VoiceTrack
from sottovoce.core.windows import WindowSearch
from sottovoce.core.wire_format import FORMAT_1

SR = 16_000
EACH_S = 6
N_OWNERS = 32


def owner(number: int) -> int:
    """Return ids that are spread as hashes are."""
    return number * 7_919 * 104_729 % (1 << 48) + 1


@pytest.fixture(scope="module")
def compilation(clip: tuple[np.ndarray, int]) -> np.ndarray:
    """A new owner every six seconds, each at a place of the pattern of their own."""
    y, sr = clip
    assert sr == SR
    phases_s = np.random.default_rng(0).uniform(0, 10.24, N_OWNERS)
    parts = [
        sv.protect(
            np.roll(y, -SR * number)[: EACH_S * SR],
            sr=SR,
            notice=sv.Notice(owner_id=owner(number)),
            phase_s=float(phases_s[number]),
        )
        for number in range(N_OWNERS)
    ]
    return np.concatenate(parts)


def test_nearly_every_owner_of_a_compilation_is_read(compilation: np.ndarray) -> None:
    """Two neighbours can lie at one offset; none is read wrongly."""
    voices = sv.detect(compilation, sr=SR).voices
    owners = [voice.notice.owner_id for voice in voices if voice.notice is not None]
    assert len(set(owners)) == len(owners)
    assert set(owners) <= {owner(number) for number in range(N_OWNERS)}
    assert len(owners) >= 0.85 * N_OWNERS
    for voice in voices:
        if voice.notice is not None:
            number = next(n for n in range(N_OWNERS) if owner(n) == voice.notice.owner_id)
            begin_s, end_s = voice.segments_s[0]
            assert begin_s < (number + 1) * EACH_S
            assert end_s > number * EACH_S


def test_the_work_for_a_window_is_bounded(
    compilation: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in voices that take in a chunk and in payloads that are decoded, not in seconds."""
    counts = {"add": 0, "read": 0}
    for name in counts:
        was = getattr(VoiceTrack, name)

        def counted(self: VoiceTrack, *args: object, name: str = name, was: object = was) -> object:
            counts[name] += 1
            return was(self, *args)

        monkeypatch.setattr(VoiceTrack, name, counted)
    search = WindowSearch(SR, Stretch(), max_fpr=1e-6, sealed=False, short=True)
    most = dict.fromkeys(counts, 0)
    step = round(SR * FORMAT_1.superframe_s)
    for begin in range(0, len(compilation), step):
        search.push(compilation[None, begin : begin + step])
        while search.has_next(ended=False):
            before = dict(counts)
            search.advance(ended=False)
            search.forget()
            most = {name: max(most[name], counts[name] - before[name]) for name in counts}
    assert search.roster.is_crowded
    assert len(search.roster.followed) <= MOST_FOLLOWED
    # Besides those that are followed, eight paths and the new voices of a window.
    assert most["add"] <= 2 * MOST_FOLLOWED + 8
    assert most["read"] <= MOST_FOLLOWED + 8


def test_a_conversation_lets_nobody_go(clip: tuple[np.ndarray, int]) -> None:
    y, sr = clip
    parts = [
        sv.protect(y, sr=sr, notice=sv.Notice(owner_id=1 + n), phase_s=0.7 * n) for n in range(2)
    ]
    silence = np.zeros(40 * sr, dtype=np.float32)
    search = WindowSearch(sr, Stretch(), max_fpr=1e-6, sealed=False, short=True)
    search.push(np.concatenate([parts[0], parts[1], silence])[None])
    search.finish()
    while search.has_next(ended=True):
        search.advance(ended=True)
    assert search.roster.followed == search.roster.tracks
    assert not search.roster.is_crowded


class TestRoster:
    def test_the_one_heard_least_lately_is_let_go(self) -> None:
        roster = Roster()
        tracks = [VoiceTrack(number) for number in range(MOST_FOLLOWED + 1)]
        for number, track in enumerate(tracks):
            track.heard_until = 100 - number if number else 300
            roster.add(track)
        assert tracks[-1] not in roster.followed
        assert tracks[0] in roster.followed
        assert roster.tracks == tracks

    def test_voices_over_the_limit_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rosters, "MOST_KEPT", 20)
        roster = Roster()
        for number in range(50):
            track = VoiceTrack(number)
            track.heard_until = number
            roster.add(track)
        assert len(roster.tracks) == 20
        assert roster.n_dropped == 30

    def test_more_voices_are_said(
        self, compilation: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rosters, "MOST_KEPT", 4)
        detection = sv.detect(compilation[: 22 * EACH_S * SR], sr=SR)
        assert len(detection.voices) <= 4 + MOST_FOLLOWED
        assert detection.n_more_voices > 0
        assert detection.to_dict()["n_more_voices"] == detection.n_more_voices


def test_candidates_are_those_that_match() -> None:
    """What the quick comparison leaves out, the exact one refuses."""
    rng = np.random.default_rng(1)
    notices = [sv.Notice(owner_id=int(rng.integers(1, 1 << 48))) for _ in range(70)]
    readings = [PayloadReading(notice, 0, -9.0, 9.0) for notice in notices]
    shape = (FORMAT_1.n_periods, FORMAT_1.n_cells, FORMAT_1.n_bands)
    sums: list[np.ndarray | None] = [None]
    for number in (3, 68):
        code = make_code(PayloadReading(notices[number], number % 4, -9.0, 9.0)).reshape(shape)
        noise = rng.standard_normal(shape)
        sums.append((code + make_sync_signs() + noise).astype(np.float32)[..., :17])
    found = find_candidates(sums, readings)
    assert found[0] == []
    for one, numbers, truth in zip(sums[1:], found[1:], (3, 68), strict=True):
        assert one is not None
        matches = [n for n, reading in enumerate(readings) if match_payload(one, reading)]
        assert matches == [truth]
        assert truth in numbers
        assert len(numbers) < 10
