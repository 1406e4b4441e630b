"""Judges rate less what is worse, or say what they would need."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from benchmarks.harness.harness import shipped_clip
from benchmarks.harness.judges import JUDGES

_PACKAGES = {
    "pesq_wb": "pesq",
    "pesq_nb": "pesq",
    "visqol_speech": "visqol",
    "visqol_audio": "visqol",
    "zimtohrli_mos": "zimtohrli",
    "stoi": "pystoi",
    "estoi": "pystoi",
    "dnsmos_ovrl": "speechmos",
    "speaker_likeness": "resemblyzer",
}


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.filterwarnings("ignore")  # of their packages
def test_more_noise_is_rated_less(name: str) -> None:
    y, sr = shipped_clip()
    y = y[: 4 * sr]
    judge = JUDGES[name]
    if importlib.util.find_spec(_PACKAGES[name]) is None:
        with pytest.raises(ImportError, match="pip install"):
            judge(y, y, sr)
        return
    noise = np.random.default_rng(0).standard_normal(len(y)).astype(np.float32)
    same, little, much = (judge(y, y + level * noise, sr) for level in (0.0, 0.003, 0.1))
    assert same > little > much
