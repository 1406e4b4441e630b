"""Signs of a seal from its key, and shown without it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.pattern import derive_seal_bits
from sottovoce.core.seal_signs import (
    N_STARTS,
    SIGNS_BYTES,
    ShownSeal,
    check_seal,
    list_signs,
    pack_signs,
    unpack_signs,
)
from sottovoce.errors import ParameterError

KEY = bytes(range(32))
SHOWN = ShownSeal(first_number=5, signs=derive_seal_bits(KEY, range(5, 9)))


@given(st.integers(-6, 14), st.integers(1, 12))
def test_what_is_shown_equals_the_key_there_and_is_zero_elsewhere(start, n) -> None:
    numbers = range(start, start + n)
    found = list_signs(SHOWN, numbers)
    assert found.shape == (n, 800)
    for number, row in zip(numbers, found, strict=True):
        known = derive_seal_bits(KEY, range(number, number + 1))[0] if 5 <= number < 9 else 0
        assert (row == known).all()


def test_a_key_has_signs_from_number_zero_on() -> None:
    found = list_signs(KEY, range(-2, 2))
    assert (found[:2] == 0).all()
    assert (found[2:] == derive_seal_bits(KEY, range(2))).all()


@pytest.mark.parametrize("numbers", [range(3_000), range(60_000, N_STARTS), range(67_000, 70_000)])
def test_many_at_once_are_the_same(numbers) -> None:
    assert (list_signs(KEY, numbers) == derive_seal_bits(KEY, numbers)).all()


def test_packed_signs_are_the_key_stream_itself() -> None:
    """As the wire format defines it, so that others need no more than HMAC."""
    packed = pack_signs(derive_seal_bits(KEY, range(7, 9)))
    assert packed.shape == (2, SIGNS_BYTES)
    assert (unpack_signs(packed) == derive_seal_bits(KEY, range(7, 9))).all()


def test_only_keys_have_a_length() -> None:
    check_seal(SHOWN)
    check_seal(KEY)
    with pytest.raises(ParameterError, match="32 bytes"):
        check_seal(b"short")


def test_signs_of_other_files_do_not_follow_from_those_that_are_shown() -> None:
    signs = derive_seal_bits(KEY, range(400)).astype(np.float64)
    # 800 fair signs agree by 4.5 standard deviations in one of 300,000 pairs.
    agreement = signs @ signs.T / np.sqrt(800)
    assert np.abs(agreement[~np.eye(400, dtype=bool)]).max() < 5.5
