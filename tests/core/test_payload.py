from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.payload import Notice, bits_to_notice, crc16_dnp, notice_to_bits
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
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, int]) -> None:
    name, value = next(iter(fields.items()))
    with pytest.raises(ParameterError, match=f"{name}={value}"):
        Notice(**fields)
