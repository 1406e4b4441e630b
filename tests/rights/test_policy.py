"""Policies as people type and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import ParameterError
from sottovoce.rights import POLICIES, Use, describe_policy, parse_policy


def test_the_presets_are_those_of_the_format():
    assert POLICIES == {"all": 0x7F, "training": 0x0F, "cloning": 0x05}


@given(st.integers(1, 255))
def test_every_policy_can_be_typed_by_number_and_by_names(policy):
    names = ",".join(use.name.lower().replace("_", "-") for use in Use if use & policy)
    assert parse_policy(str(policy)) == policy
    assert parse_policy(hex(policy)) == policy
    assert parse_policy(names) == policy
    assert parse_policy(f"{names},{names}".upper()) == policy


@pytest.mark.parametrize(
    "text", ["", "0", "256", "-1", "nothing", "clone,", "all,clone", "0x", "1e3"]
)
def test_anything_else_is_refused_with_the_choices(text):
    with pytest.raises(ParameterError, match="unknown policy") as caught:
        parse_policy(text)
    assert "train-generative" in caught.value.remedy


@given(st.integers(0, 255))
def test_words_differ_where_policies_differ(policy):
    for bit in range(8):
        assert describe_policy(policy) != describe_policy(policy ^ 1 << bit)


def test_a_missing_bit_is_never_called_a_permission():
    assert all("allow" not in describe_policy(policy) for policy in range(256))
