from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.core import coding, pattern
from sottovoce.core.embedding import SignSource
from sottovoce.core.features import band_energies
from sottovoce.core.framing import frame_starts
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.payload import bits_to_notice, notice_to_bits
from sottovoce.errors import PayloadError
from tests.vectors.make_format1 import NOTICES
from tests.vectors.make_format1 import test_signal as make_signal

FOLDER = Path(__file__).parent.parent / "vectors" / "format1"
PAYLOADS = json.loads((FOLDER / "payload.json").read_text())
ROLE_NAMES = ("sync", "data", "seal")


def unhex(text: str, n: int) -> np.ndarray:
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8), count=n)


def test_pattern() -> None:
    roles, sync = pattern.make_roles(), pattern.make_sync_signs()
    data = pattern.make_scrambling_signs()
    with (FOLDER / "pattern.csv").open() as file:
        for row in csv.DictReader(file):
            at = int(row["cell"]), int(row["band"])
            assert ROLE_NAMES[roles[at]] == row["role"]
            assert sync[at] == int(row["sync"])
            assert data[0][at] == int(row["data_period_0"])
            assert data[3][at] == int(row["data_period_3"])


@pytest.mark.parametrize("case", PAYLOADS["valid"])
def test_payloads(case: dict) -> None:
    case = dict(case)
    bits, coded = unhex(case.pop("bits"), 80), unhex(case.pop("coded"), 320)
    cells = unhex(case.pop("cells"), 6_400)
    notice = sv.Notice(**case)
    np.testing.assert_array_equal(notice_to_bits(notice), bits)
    assert bits_to_notice(bits) == notice
    np.testing.assert_array_equal((1 - coding.encode(bits)) // 2, coded)
    np.testing.assert_array_equal((1 - SignSource(notice).superframe(0).reshape(-1)) // 2, cells)


@pytest.mark.parametrize("case", PAYLOADS["invalid"])
def test_words_that_are_no_payload(case: dict) -> None:
    with pytest.raises(PayloadError, match=case["error"]):
        bits_to_notice(unhex(case["bits"], 80))


@pytest.mark.parametrize("case", PAYLOADS["seal"])
def test_seals(case: dict) -> None:
    numbers = range(case["superframe"], case["superframe"] + 1)
    signs = pattern.derive_seal_bits(bytes.fromhex(case["key"]), numbers)[0]
    np.testing.assert_array_equal((1 - signs) // 2, unhex(case["signs"], 800))


def test_a_marked_signal() -> None:
    """Samples to half a step of 20 bits, energies and scores to the rounding of float32 sums."""
    marked = sv.protect(make_signal(), sr=16_000, notice=sv.Notice(**NOTICES[1]), phase_s=1.0)
    stored = np.load(FOLDER / "signal.npz")
    np.testing.assert_allclose(marked[16_000:18_000], stored["marked"], atol=2.0**-20)
    energies = band_energies(marked[None], frame_starts(0, 600, 128), sr=16_000)[0, 100:110]
    np.testing.assert_allclose(energies, stored["energies"], rtol=1e-3, atol=1e-6)
    front_end = FrontEnd(sr=16_000)
    front_end.push(marked[None])
    front_end.finish()
    np.testing.assert_allclose(front_end.scores(0)[100:110], stored["scores"], atol=5e-3)
    evidence = json.loads((FOLDER / "evidence.json").read_text())
    detection = sv.detect(marked, sr=16_000)
    assert detection.score == pytest.approx(evidence["score"], rel=1e-3)
    assert detection.voices[0].offset_s == pytest.approx(evidence["offset_s"])
