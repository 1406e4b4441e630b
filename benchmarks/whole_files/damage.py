"""Files with a hole, or with noise over a stretch, where their structure proves it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.whole_files.formats import RECIPES as WHOLE
from benchmarks.whole_files.sound import Made, Part, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECIPES"]

_FILES = ("flac_16.flac", "vorbis.ogg", "opus.opus", "webm_opus.webm", "mka_aac.mka")
_SHARE = 10
"""A tenth of the file is damaged, in its middle; whatever is left has to be read on demand."""
_LEFT = 0.7
"""Matroska is found again at its next cluster only."""


def _damage(name: str, *, is_hole: bool) -> Callable[[Workshop], Made]:
    def make(ws: Workshop) -> Made:
        with tempfile.TemporaryDirectory() as folder:
            whole = WHOLE[name](Workshop(Path(folder), name, ws.seed, ws.marked, ws.clips))
            data = bytearray(whole.path.read_bytes())
        middle, n = len(data) // 2, len(data) // _SHARE
        data[middle : middle + n] = b"" if is_hole else ws.rng.bytes(n)
        ws.path.write_bytes(data)
        part = whole.parts[0]
        least = round(_LEFT * part.n_samples) if "flac" in name else part.n_samples // 3
        part = Part(sr=part.sr, n_channels=part.n_channels, n_samples=least)
        return Made(path=ws.path, kind="damage", form=whole.form, parts=(part,), refusal="cut")

    return make


RECIPES: dict[str, Callable[[Workshop], Made]] = {
    f"{kind}_{name}": _damage(name, is_hole=kind == "hole")
    for name in _FILES
    for kind in ("hole", "noise")
}
