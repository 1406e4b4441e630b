"""Sound is never lost in silence, whatever happens to a file: chance tries what nobody did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sottovoce.errors import SottovoceError
from sottovoce.files.reading import open_audio
from tests.files.decoding.test_joined import KINDS, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N = 96_000
SLACK_S = 0.09
"""A frame that ends with the file, and the filling of another."""

Rng = np.random.Generator
OPERATIONS: dict[str, Callable[[bytes, bytes, int, int, Rng], tuple[bytes, int]]] = {
    # what becomes of two files, and how many of them should be heard
    "cut": lambda a, _b, i, _n, _rng: (a[:i], 1),
    "hole": lambda a, _b, i, n, _rng: (a[:i] + a[i + n :], 1),
    "noise": lambda a, _b, i, n, rng: (a[:i] + rng.bytes(min(n, len(a) - i)) + a[i + n :], 1),
    "zeros": lambda a, _b, i, n, _rng: (a[:i] + bytes(min(n, len(a) - i)) + a[i + n :], 1),
    "insert": lambda a, _b, i, n, rng: (a[:i] + rng.bytes(n) + a[i:], 1),
    "twice": lambda a, _b, i, n, _rng: (a[:i] + a[max(0, i - n) :], 1),
    "join": lambda a, b, _i, _n, _rng: (a + b, 2),
    "join with junk": lambda a, b, _i, n, rng: (a + rng.bytes(n) + b, 2),
    "join a cut one": lambda a, b, i, _n, _rng: (a[:i] + b, 2),
    "join one with a hole": lambda a, b, i, n, _rng: (a + b[:i] + b[i + n :], 2),
}


def listen(data: bytes) -> tuple[float, tuple[str, ...]]:
    """Return the seconds of all parts, and what is told."""
    seconds, notes, part, n_parts = 0.0, (), 0, 1
    while part < n_parts:
        with open_audio("memory", data=data, part=part) as file:
            n_parts = len(file.parts)
            seconds += sum(block.shape[1] for block in file.blocks(1.0)) / file.info.sr
            notes += file.notes
        part += 1
    return seconds, notes


@pytest.mark.codec
@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_sound_is_never_lost_in_silence(tmp_path: Path, name: str) -> None:
    a, b = (encode(tmp_path, f"{i}.{name}", *KINDS[name], seed=i, n=N) for i in (1, 2))
    whole_s, notes = listen(a)
    assert not notes
    rng = np.random.default_rng(list(KINDS).index(name))
    for _ in range(6):
        for what, operate in OPERATIONS.items():
            i, n = int(rng.integers(1, len(a))), int(rng.integers(1, 200 + len(a) // 20))
            data, n_files = operate(a, b, i, n, rng)
            try:
                seconds, notes = listen(data)
            except SottovoceError:
                assert what != "join", (what, i, n)
                continue
            if name == "ac3" and what == "join a cut one":
                continue  # all frames are of one length: nobody sees where some were cut away
            is_whole = seconds > n_files * (whole_s - SLACK_S)
            assert is_whole or notes, (what, i, n, seconds)


@pytest.mark.codec
@pytest.mark.parametrize("name", ["aac", "ac3", "loas", "ts"])
def test_a_bare_stream_that_ends_within_a_frame_says_so(tmp_path: Path, name: str) -> None:
    data = encode(tmp_path, f"a.{name}", *KINDS[name], seed=1, n=N)
    assert not listen(data)[1]
    assert any("may be missing" in note for note in listen(data[: len(data) // 2 + 33])[1])


@pytest.mark.codec
def test_packets_that_are_missing_from_a_transport_stream_are_told(tmp_path: Path) -> None:
    data = encode(tmp_path, "a.ts", *KINDS["ts"], seed=1, n=N)
    middle = len(data) // 2 // 188 * 188
    assert any("lacks packets" in note for note in listen(data[:middle] + data[middle + 188 :])[1])
    assert any("lacks packets" in note for note in listen(data + data)[1])
