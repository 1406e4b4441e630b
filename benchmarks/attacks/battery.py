"""The attacks of the figures: fixed names, fixed strengths, backgrounds of the report half."""

from __future__ import annotations

from benchmarks.attacks._types import Attack
from benchmarks.attacks.beyond import (
    PIPELINE_TABLE,
    RESYNTHESIS_TABLE,
    SEVERAL_TABLE,
    TIME_PITCH_TABLE,
)
from benchmarks.attacks.everyday import EVERYDAY_TABLE

__all__ = ["ATTACKS", "EVERYDAY", "GROUPS"]

_TABLES = {
    "everyday": EVERYDAY_TABLE,
    "pipeline": PIPELINE_TABLE,
    "resynthesis": RESYNTHESIS_TABLE,
    "time_pitch": TIME_PITCH_TABLE,
    "several": SEVERAL_TABLE,
}
GROUPS = tuple(_TABLES)

# Seconds that an attack may take away, beside what a change of speed does.
_LOSES_S = {"crop_front_3.3s": 3.3, "cut_middle_1s": 1.0, "speed_+0.1": 0.05, "jitter_buffer": 0.3}
_FIRST_WORDS_OF_STRETCHES = ("speed_", "tempo_", "pitch_")
_SMALL = ("speed_+0.1", "pitch_+0.25")
# Slower than a fifth of real time.
_SLOW = ("hifigan", "deepfilternet", "vq_mel_2k", "vq_mel_4k")


def _stretches(name: str) -> bool:
    stretches = name.startswith(_FIRST_WORDS_OF_STRETCHES) and name not in _SMALL
    return stretches or name == "augmented_readme"


def _loses_s(name: str) -> float:
    if name in _LOSES_S:
        return _LOSES_S[name]
    return 0.25 + 1.2 * _stretches(name) if name.startswith(_FIRST_WORDS_OF_STRETCHES) else 0.0


ATTACKS = {
    name: Attack(
        name=name,
        group=group,
        strength=strength,
        apply=effect,
        loses_s=_loses_s(name),
        stereo=name == "downmix",
        stretches=_stretches(name),
        slow=name in _SLOW,
    )
    for group, table in _TABLES.items()
    for name, (strength, effect) in table.items()
}

# What the presence figure promises: everyday handling at its usual strengths.
EVERYDAY = (
    "none",
    "mp3_64",
    "mp3_32",
    "aac_48",
    "opus_24",
    "opus_16",
    "g711_mulaw",
    "resample_8k",
    "resample_22k",
    "crop_front_3.3s",
    "gain_-20",
    "gain_+12",
    "requant_16",
    "downmix",
)
