"""Time stamps that jump mean lost packets; clocks that jitter or run slow do not."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from sottovoce.files.decoding.gaps import Gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

SR = 48_000
N = 1024


def fill(times_s: Sequence[float | None], *, fills: bool = True) -> tuple[list[int], Gaps]:
    """Return how much silence goes before each frame of 1024 samples; times in milliseconds."""
    gaps = Gaps(SR, fills=fills)
    frames = [
        SimpleNamespace(
            samples=N,
            pts=None if time is None else round(1000 * time),
            time_base=Fraction(1, 1000),
        )
        for time in times_s
    ]
    return [gaps.before(frame) for frame in frames], gaps


def test_time_stamps_that_are_rounded_are_no_gap() -> None:
    filled, gaps = fill([i * N / SR for i in range(1000)])
    assert sum(filled) == 0
    assert gaps.notes == []


def test_a_lost_packet_becomes_as_much_silence() -> None:
    filled, gaps = fill([i * N / SR for i in range(100) if i not in (50, 70, 71)])
    assert [n for n in filled if n] == pytest.approx([N, 2 * N], abs=SR / 1000)
    assert sum(filled) == pytest.approx(3 * N, abs=SR / 1000)
    assert "2 gaps" in gaps.notes[0]
    assert "became silence" in gaps.notes[0]


def test_rounding_does_not_add_up_over_many_gaps() -> None:
    kept = [i for i in range(3000) if i % 3]
    filled, _ = fill([i * N / SR for i in kept])
    assert sum(filled) == pytest.approx((kept[-1] - kept[0] + 1 - len(kept)) * N, abs=SR / 1000)


def test_a_slow_clock_and_jitter_are_no_gaps() -> None:
    slow, _ = fill([1.001 * i * N / SR for i in range(3000)])
    assert sum(slow) == 0
    jitter, _ = fill([i * N / SR + (0.018 if i % 7 == 3 else 0.0) for i in range(1000)])
    assert sum(jitter) <= N


def test_another_clock_behind_a_joint_is_not_filled() -> None:
    filled, _ = fill([0.0, N / SR, 90_000.0, 90_000.0 + N / SR])
    assert sum(filled) == 0


def test_alone_a_gap_is_told_and_left_out() -> None:
    filled, gaps = fill([0.0, N / SR, 5.0], fills=False)
    assert sum(filled) == 0
    assert "the rest was read" in gaps.notes[0]


def test_frames_without_time_stamps_are_taken_as_they_come() -> None:
    assert sum(fill([0.0, None, N / SR, None])[0]) == 0
