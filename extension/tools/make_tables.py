"""Write what the extension needs of wire format 1: `python extension/tools/make_tables.py`.

Roles, public signs and places of coded bits follow from SHAKE-256, which browsers do not offer;
they are the same for everybody, so they are computed here, once.  So are the weights of the cell
score.  The same release gives the same bytes; a test compares them with what is committed.
"""

from __future__ import annotations

import argparse
import base64
import textwrap
from pathlib import Path

import numpy as np

from sottovoce.core.coding import GENERATORS_OCTAL, MEMORY, make_interleaver
from sottovoce.core.embedding import FULL_SCALE
from sottovoce.core.framing import MAX_SR_HZ, MIN_SR_HZ, band_edges_hz
from sottovoce.core.pattern import make_roles, make_scrambling_signs, make_sync_signs
from sottovoce.core.payload import FIRST_YEAR, LAST_YEAR, N_PAYLOAD_BITS
from sottovoce.core.score import load_weights
from sottovoce.core.wire_format import FORMAT_1, STRENGTHS_DB

__all__ = ["main", "make_modules"]

_FOLDER = Path(__file__).parents[1] / "src" / "signal"
_HEAD = "// {title}\n// Written by extension/tools/make_tables.py, not by hand.\n\n"
_WIDTH = 100


def make_modules() -> dict[str, str]:
    """Return the text of each generated module, by its file name."""
    return {"tables.js": _make_tables(), "weights.js": _make_weights()}


def _make_tables() -> str:
    fmt = FORMAT_1
    parts = [_HEAD.format(title="Wire format 1: its numbers, and what follows from its label.")]
    numbers = {
        "FRAME_S": fmt.frame_s,
        "N_BANDS": fmt.n_bands,
        "N_CELLS": fmt.n_cells,
        "N_PERIODS": fmt.n_periods,
        "N_SUPERFRAME_CELLS": fmt.n_periods * fmt.n_cells * fmt.n_bands,
        "N_SEAL_BITS": fmt.n_seal_cells * fmt.n_bands * fmt.n_periods,
        "N_SEAL_STARTS": fmt.n_seal_starts,
        "N_PAYLOAD_BITS": N_PAYLOAD_BITS,
        "FIRST_YEAR": FIRST_YEAR,
        "LAST_YEAR": LAST_YEAR,
        "MIN_SR_HZ": MIN_SR_HZ,
        "MAX_SR_HZ": MAX_SR_HZ,
        "FULL_SCALE": FULL_SCALE,
        "MEMORY": MEMORY,
    }
    parts += [f"export const {name} = {value!r};\n" for name, value in numbers.items()]
    lists = {
        "CHIP_SIGNS": fmt.chip_signs,
        "GENERATORS": GENERATORS_OCTAL,
        "BAND_EDGES_HZ": band_edges_hz(),
        "BAND_WEIGHTS": fmt.band_weights,
    }
    parts += [_write_list(name, values) for name, values in lists.items()]
    strengths = ", ".join(f"{name}: {value}" for name, value in STRENGTHS_DB.items())
    parts.append(f"export const STRENGTHS_DB = {{ {strengths} }};\n")
    parts.append("\n// The role of each cell of a period, a byte each: 0 sync, 1 data, 2 seal.\n")
    parts.append(_write_bytes("ROLES", make_roles().tobytes()))
    parts.append("\n// Bits of cells in the same order, the least significant first; 1 is minus.\n")
    parts.append(_write_bytes("SYNC_SIGNS", _pack(make_sync_signs())))
    parts.append(_write_bytes("SCRAMBLING_SIGNS", _pack(make_scrambling_signs())))
    parts.append("\n// The coded bit of each data or seal cell: two bytes, low one first.\n")
    parts.append(_write_bytes("CODED_BITS", _coded_bits().astype("<u2").tobytes()))
    return "".join(parts)


def _make_weights() -> str:
    weights = load_weights()
    parts = [_HEAD.format(title="The network of the cell score: float32, little end first.")]
    for name in weights.__slots__:
        values = getattr(weights, name)
        parts.append(f"\n// Shape {values.shape}.\n")
        parts.append(_write_bytes(name.upper(), values.astype("<f4").tobytes()))
    return "".join(parts)


def _coded_bits() -> np.ndarray:
    """Return which coded bit each data or seal cell carries, in C order of the cells."""
    cells = make_interleaver()
    bit_of_cell = np.full(FORMAT_1.n_periods * FORMAT_1.n_cells * FORMAT_1.n_bands, -1)
    bit_of_cell[cells] = np.arange(len(cells))[:, None]
    return bit_of_cell[bit_of_cell >= 0]


def _pack(signs: np.ndarray) -> bytes:
    return np.packbits(signs.reshape(-1) < 0, bitorder="little").tobytes()


def _write_list(name: str, values: tuple[float, ...]) -> str:
    text = ", ".join(repr(value) for value in values)
    lines = textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return f"export const {name} = [\n" + "\n".join(lines) + ",\n];\n"


def _write_bytes(name: str, data: bytes) -> str:
    """Write bytes as base64 in lines, which decoders ignore."""
    lines = textwrap.wrap(base64.b64encode(data).decode(), _WIDTH)
    return f"export const {name} = `\n" + "\n".join(lines) + "`;\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the modules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=_FOLDER)
    options = parser.parse_args(arguments)
    for name, text in make_modules().items():
        (options.out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
