"""Write the golden vectors of wire format 1: ``python -m tests.vectors.make_format1``.

Integer stages come from `tests.reference`, which shares no code with the package.  The marked
clip comes from the package itself, so it guards against change, not against a common mistake.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

import sottovoce as sv
from sottovoce.core.features import band_energies
from sottovoce.core.framing import frame_starts
from sottovoce.core.front_end import FrontEnd
from tests import reference

FOLDER = Path(__file__).parent / "format1"
NOTICES = (
    {"version": 1, "kind": 0, "policy": 0x7F, "year": 2026, "owner_id": 0},
    {"version": 1, "kind": 0, "policy": 0x0F, "year": 2027, "owner_id": 0x4F2A91C077DE},
    {"version": 1, "kind": 0, "policy": 0xFF, "year": 2041, "owner_id": (1 << 48) - 1},
)
SEAL_KEY = bytes(range(32))


def test_signal() -> np.ndarray:
    """Return five seconds of harmonics with a syllable rhythm, 16 kHz, from sines alone."""
    t = np.arange(5 * 16_000) / 16_000
    f0 = 120 + 15 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(f0) / 16_000
    y = sum(np.sin(k * phase + k * k) / k for k in range(1, 60))
    envelope = 0.05 + np.clip(np.sin(2 * np.pi * 3.1 * t), 0, None) ** 2
    hiss = np.sin(1e4 * np.sin(1e3 * t * t))
    return (0.05 * envelope * np.asarray(y) + 1e-3 * hiss).astype(np.float32)


def write_pattern() -> None:
    """Write roles, sync and scrambling signs of every cell, and a few seal signs."""
    roles = reference.roles()
    with (FOLDER / "pattern.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["cell", "band", "role", "sync", "data_period_0", "data_period_3"])
        for cell in range(80):
            for band in range(20):
                index = cell * 20 + band
                sync = reference.hash_sign("sottovoce 1 sync", index)
                data = [
                    reference.hash_sign("sottovoce 1 data", period * 1600 + index)
                    for period in (0, 3)
                ]
                role = roles[cell][band]
                out.writerow([cell, band, role, *([sync, 0, 0] if role == "sync" else [0, *data])])


def write_payload() -> None:
    """Write payloads with bits, code words and cells, words that are none, and seal signs."""
    roles, places = reference.roles(), reference.bit_of_cell()
    valid = []
    for fields in NOTICES:
        bits = reference.payload_bits(**fields)
        coded = reference.encode(bits)
        cells = [reference.cell_sign(*at, coded, roles, places) < 0 for at in np.ndindex(4, 80, 20)]
        valid.append({**fields, "bits": _hex(bits), "coded": _hex(coded), "cells": _hex(cells)})
    good = reference.payload_bits(**NOTICES[1])
    invalid = [
        {"bits": _hex([0] * 80), "error": "check"},
        {"bits": _hex([1] * 80), "error": "check"},
        {"bits": _hex([1 - good[0], *good[1:]]), "error": "check"},
        {"bits": _hex(reference.payload_bits(2, 0, 0x7F, 2026, 1)), "error": "version"},
        {"bits": _hex(reference.payload_bits(1, 1, 0x7F, 2026, 1)), "error": "kind"},
    ]
    seal = [
        {
            "key": SEAL_KEY.hex(),
            "superframe": number,
            "signs": _hex([reference.seal_sign(SEAL_KEY, number, i) < 0 for i in range(800)]),
        }
        for number in (0, 1, 65_536)
    ]
    table = {"valid": valid, "invalid": invalid, "seal": seal}
    (FOLDER / "payload.json").write_text(json.dumps(table, indent=1) + "\n")


def write_signal() -> None:
    """Write the first samples and some features and scores of a marked signal."""
    y = test_signal()
    marked = sv.protect(y, sr=16_000, notice=sv.Notice(**NOTICES[1]), phase_s=1.0)
    energies = band_energies(marked[None], frame_starts(0, 600, 128), sr=16_000)[0]
    front_end = FrontEnd(sr=16_000)
    front_end.push(marked[None])
    front_end.finish()
    detection = sv.detect(marked, sr=16_000)
    np.savez_compressed(
        FOLDER / "signal.npz",
        marked=marked[16_000:18_000],
        energies=energies[100:110],
        scores=front_end.scores(0)[100:110],
    )
    evidence = {"score": detection.score, "offset_s": detection.voices[0].offset_s}
    (FOLDER / "evidence.json").write_text(json.dumps(evidence, indent=1) + "\n")


def _hex(bits: list[int]) -> str:
    return np.packbits(np.array(bits, dtype=np.uint8)).tobytes().hex()


if __name__ == "__main__":
    write_pattern()
    write_payload()
    write_signal()
