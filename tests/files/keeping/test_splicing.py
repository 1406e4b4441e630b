"""Bytes are copied exactly, or the copy is refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.keeping.splicing import copy_bytes

if TYPE_CHECKING:
    import numpy as np


def test_a_stretch_longer_than_a_block_is_copied_and_told(rng: np.random.Generator) -> None:
    data = rng.bytes((9 << 20) + 1)
    new, told = io.BytesIO(), []
    copy_bytes(io.BytesIO(data), new, 17, len(data) - 20, tell=told.append)
    assert new.getvalue() == data[17:-3]
    assert sum(told) == len(data) - 20
    assert len(told) == 3


def test_a_stretch_of_no_bytes_is_empty() -> None:
    new = io.BytesIO()
    copy_bytes(io.BytesIO(b"abc"), new, 3, 0)
    assert new.getvalue() == b""


def test_a_stretch_that_is_not_all_there_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match="cut short"):
        copy_bytes(io.BytesIO(b"abc"), io.BytesIO(), 1, 3)
