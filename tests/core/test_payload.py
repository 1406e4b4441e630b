from __future__ import annotations

import re
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core import payload
from sottovoce.core.payload import Notice, bits_to_notice, crc16_dnp, notice_to_bits
from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, PayloadError
from tests import reference
from tests.strategies import notices


@given(notices())
def test_every_notice_survives_its_bits(notice: Notice) -> None:
    assert bits_to_notice(notice_to_bits(notice)) == notice


@given(notices())
def test_bits_match_the_reference(notice: Notice) -> None:
    assert notice_to_bits(notice).tolist() == reference.payload_bits(**notice.to_dict())


@given(st.binary(max_size=64))
def test_the_check_matches_the_reference(data: bytes) -> None:
    assert crc16_dnp(data) == reference.crc16_dnp(data)


@given(notices(), st.sets(st.integers(0, 79), min_size=1, max_size=5))
def test_up_to_five_flipped_bits_are_refused(notice: Notice, flipped: set[int]) -> None:
    bits = notice_to_bits(notice)
    bits[list(flipped)] ^= 1
    with pytest.raises(PayloadError):
        bits_to_notice(bits)


def test_all_zeros_and_all_ones_are_no_payload() -> None:
    for value in (0, 1):
        with pytest.raises(PayloadError):
            bits_to_notice(np.full(80, value, dtype=np.uint8))


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": -1},
        {"policy": 256},
        {"owner_id": 1 << 48},
        {"year": 2025},
        {"year": 2042},
        {"kind": 1},
        {"version": 2},
        {"policy": "training"},
        {"policy": None},
        {"policy": True},
        {"policy": 1.0},
        {"owner_id": "4f2a-91c0-77de"},
        {"owner_id": None},
        {"year": 2026.0},
        {"year": "2026"},
        {"kind": False},
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any]) -> None:
    name, value = next(iter(fields.items()))
    with pytest.raises(ParameterError, match=re.escape(f"{name}={value!r}")):
        Notice(**fields)


def test_a_policy_is_a_use_however_it_was_given() -> None:
    notice = Notice(policy=0x05)
    assert notice.policy is Use(0x05)
    assert Use.CLONE in notice.policy
    assert notice == Notice(policy=Use.TRAIN_GENERATIVE | Use.CLONE)
    assert type(notice.to_dict()["policy"]) is int
    assert bits_to_notice(notice_to_bits(notice)).policy is notice.policy


@pytest.mark.parametrize(
    ("today", "year"), [(2025, 2026), (2026, 2026), (2033, 2033), (2050, 2041)]
)
def test_the_year_is_the_present_one(
    today: int, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=lambda tz: datetime(today, 7, 1, tzinfo=tz))
    monkeypatch.setattr(payload, "datetime", clock)
    assert Notice().year == year
    assert Notice(year=2027).year == 2027


def test_numbers_of_other_types_become_plain_ones() -> None:
    notice = Notice(policy=np.uint8(5), year=np.int64(2030), owner_id=np.int64(7))
    assert {type(value) for value in notice.to_dict().values()} == {int}
    assert (
        bits_to_notice(notice_to_bits(notice)) == notice == Notice(policy=5, year=2030, owner_id=7)
    )


@pytest.mark.parametrize("name", ["policy", "owner_id"])
def test_text_in_place_of_a_number_is_told_how_to_be_parsed(name: str) -> None:
    with pytest.raises(ParameterError) as err:
        Notice(**{name: "x"})
    assert f"parse_{name}" in err.value.remedy
