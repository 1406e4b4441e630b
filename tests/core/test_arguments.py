from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.core.arguments import check_real
from sottovoce.errors import ParameterError

SR = 16_000
SILENCE = np.zeros(SR, dtype=np.float32)
NO_NUMBERS = [
    "a",
    "1",
    b"1",
    None,
    True,
    np.True_,
    [1.0],
    {},
    1j,
    float("nan"),
    float("inf"),
    10**400,
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    ("function", "name", "arguments"),
    [
        ("protect", "sr", {}),
        ("protect", "strength_db", {"sr": SR}),
        ("detect", "sr", {}),
        ("detect", "max_fpr", {"sr": SR}),
        ("detect_batch", "sr", {}),
        ("detect_batch", "max_fpr", {"sr": SR}),
    ],
)
def test_what_is_not_a_number_is_refused_by_name(
    function: str, name: str, arguments: dict[str, Any], value: Any
) -> None:
    y = SILENCE[None] if function == "detect_batch" else SILENCE
    with pytest.raises(ParameterError, match=f"^{name}="):
        getattr(sv, function)(y, **{**arguments, name: value})


@pytest.mark.parametrize("notice", [3, "book", {}, 0])
def test_what_is_not_a_notice_is_refused_by_name(notice: Any) -> None:
    with pytest.raises(ParameterError, match=r"^notice="):
        sv.protect(SILENCE, sr=SR, notice=notice)


def test_a_phase_is_a_number_or_random() -> None:
    sv.Protector(sr=SR, phase_s=None)
    with pytest.raises(ParameterError, match=r"^phase_s='a'"):
        sv.Protector(sr=SR, phase_s="a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one", [np.float32(1), np.int64(1), np.array(1.0), Fraction(1), Decimal(1)]
)
def test_every_numeric_type_is_a_number(one: Any) -> None:
    assert check_real("x", one) == 1.0


@pytest.mark.parametrize("key", [b"short", "0" * 32, 32, [0] * 32, bytes(33)])
def test_a_key_of_another_kind_is_refused_and_not_repeated(key: Any) -> None:
    for call in (sv.Protector, sv.Detector):
        with pytest.raises(ParameterError, match="a seal key has 32 bytes") as err:
            call(sr=SR, seal_key=key)
        assert "short" not in str(err.value)
