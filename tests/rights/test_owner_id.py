"""Owner ids in the one form that people see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import ParameterError
from sottovoce.rights import format_owner_id, owner_id_from_public_key, parse_owner_id


@given(st.integers(0, (1 << 48) - 1))
def test_what_is_written_is_read_back(owner_id):
    text = format_owner_id(owner_id)
    assert parse_owner_id(text) == owner_id
    assert parse_owner_id(text.replace("-", "").upper()) == owner_id
    assert [len(group) for group in text.split("-")] == [4, 4, 4]


@pytest.mark.parametrize(
    "text", ["", "4f2a", "4f2a-91c0-77dg", "0x4f2a91c077de", "\N{ARABIC-INDIC DIGIT ONE}" * 12]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ParameterError, match="not a valid owner id"):
        parse_owner_id(text)


def test_a_public_key_has_32_bytes():
    with pytest.raises(ParameterError, match="32 bytes, not 31"):
        owner_id_from_public_key(bytes(31))
