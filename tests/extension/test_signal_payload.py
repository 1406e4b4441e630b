"""Signs, payloads and seals of the extension are those of wire format 1, to the bit."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from extension.tools.make_tables import make_modules
from sottovoce import Notice
from sottovoce.core.embedding import SignSource
from tests.extension.node.running import SIGNAL, run_node

pytestmark = pytest.mark.browser

VECTORS = Path(__file__).parents[1] / "vectors" / "format1"
PAYLOADS = json.loads((VECTORS / "payload.json").read_text())
KEY = bytes(range(32))
REFUSED = {
    "owner id 281474976710656 does not fit 48 bits": {"ownerId": 1 << 48},
    "policy 256 does not fit 8 bits": {"policy": 256},
    "policy 1.5 does not fit 8 bits": {"policy": 1.5},
    "year 2025 is outside 2026 to 2041": {"year": 2025},
    "year 2042 is outside 2026 to 2041": {"year": 2042},
    'owner id "xyz" is not 12 hex digits': {"ownerId": "xyz"},
}


def _ask(fields) -> dict:
    owner = f"{fields['owner_id']:012x}"
    return {"ownerId": owner, "policy": fields["policy"], "year": fields["year"]}


@pytest.fixture(scope="module")
def answers() -> dict:
    notices = [_ask(one) for one in PAYLOADS["valid"]]
    seals = [{**one, "notice": notices[1]} for one in PAYLOADS["seal"]]
    return run_node(
        "golden.mjs", {"notices": notices, "seals": seals, "refused": list(REFUSED.values())}
    )


def _signs(text: str) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8), bitorder="little")
    return 1 - 2 * bits.astype(np.int8)


def test_the_generated_modules_are_up_to_date() -> None:
    for name, text in make_modules().items():
        assert (SIGNAL / name).read_text(encoding="utf-8") == text, "run make_tables.py"


def test_payloads_and_code_words_are_the_golden_ones(answers) -> None:
    assert answers["crc"] == 0xEA82
    for wanted, found in zip(PAYLOADS["valid"], answers["notices"], strict=True):
        assert found["payload"] == wanted["bits"]
        assert np.packbits(found["coded"]).tobytes().hex() == wanted["coded"]


def test_data_cells_are_the_golden_ones(answers) -> None:
    with (VECTORS / "pattern.csv").open() as file:
        rows = list(csv.DictReader(file))
    is_sync = np.tile([row["role"] == "sync" for row in rows], 4)
    for wanted, found in zip(PAYLOADS["valid"], answers["notices"], strict=True):
        cells = np.unpackbits(np.frombuffer(bytes.fromhex(wanted["cells"]), dtype=np.uint8))
        pattern = _signs(found["pattern"])
        np.testing.assert_array_equal(pattern[~is_sync] < 0, cells[~is_sync] == 1)
        sync = np.tile([int(row["sync"]) for row in rows], 4)
        np.testing.assert_array_equal(pattern[is_sync], sync[is_sync])


def test_seals_are_the_golden_ones(answers) -> None:
    fields = PAYLOADS["valid"][1]
    notice = Notice(**{name: fields[name] for name in ("policy", "year", "owner_id")})
    for wanted, found in zip(PAYLOADS["seal"], answers["seals"], strict=True):
        cells = np.unpackbits(np.frombuffer(bytes.fromhex(wanted["signs"]), dtype=np.uint8))
        np.testing.assert_array_equal(_signs(found["bits"]) < 0, cells == 1)
        source = SignSource(notice, seal_key=KEY, first_superframe=wanted["superframe"])
        np.testing.assert_array_equal(_signs(found["pattern"]), source.superframe(0).reshape(-1))


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=list(REFUSED))
def test_what_fits_no_payload_is_refused(answers, number) -> None:
    assert answers["refused"][number] == f"RangeError: {list(REFUSED)[number]}"
