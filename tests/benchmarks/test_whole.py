"""Files of known length: their makers count right, verdicts say what happened, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile as sf

from benchmarks.files import whole
from benchmarks.whole_files import RECIPES, Workshop, make, scan
from benchmarks.whole_files.sound import SECONDS
from benchmarks.whole_files.verdicts import BAD, GOOD, judge_marked, judge_protect, judge_read

if TYPE_CHECKING:
    from pathlib import Path

# One of each way to lose sound, quick to make and to read.
QUICK = (
    "wav_16.wav",
    "size_half_8_khz.wav",
    "rf64_ds64_zero.wav",
    "aiff_count_half.aiff",
    "flac_total_half.flac",
    "xing_half.mp3",
    "joined_opus.opus",
    "joined_rates_flac.flac",
    "tracks_two.mkv",
    "cut_half_mp3_cbr_no_xing.mp3",
)


def make_row(**more: Any) -> dict[str, Any]:
    """A trial in which all went well, but for what a test says."""
    made = {
        "parts": [{"sr": 48_000, "n_channels": 1, "n_samples": 1000}],
        "tolerance": 10,
        "refusal": "never",
        "is_more": False,
        "is_tracks": False,
        "n_marks": 1,
        **more.pop("made", {}),
    }
    out = {"n": 1000, "tracks": None, "look": {"found": [True]}, **more.pop("out", {})}
    protect = {"status": "marked", "warnings": [], "out": out}
    read = {"n": 1000, "sr": 48_000, "parts": [1000], "seconds": 1000 / 48_000}
    return {"made": made, "read": read, "protect": protect, "take0": {"found": [True]}, **more}


REFUSED = {"refused": "is cut short", "remedy": "Ask for the part."}


def test_what_is_whole_is_good() -> None:
    assert judge_read(make_row()) == judge_protect(make_row()) == "whole"
    assert judge_marked(make_row()) == ["found"]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (make_row(out={"n": 989}), "shortened"),
        (make_row(out={"look": {"found": [False]}}), "not marked"),
        (make_row(made={"is_more": True}), "not reported"),
        (make_row(made={"refusal": "cut"}), "not reported"),
        (make_row(protect=REFUSED), "wrongly refused"),
        (make_row(protect=REFUSED, made={"refusal": "less"}), "wrongly refused"),
        (make_row(protect={"escaped": "KeyError"}), "crashed"),
        (
            make_row(protect={**REFUSED, "partial": REFUSED}, made={"refusal": "cut"}),
            "wrongly refused",
        ),
    ],
)
def test_every_way_to_lose_sound_has_its_name(row: dict[str, Any], verdict: str) -> None:
    assert judge_protect(row) == verdict
    assert verdict in BAD


def test_a_lost_track_is_no_whole_file() -> None:
    part = {"sr": 48_000, "n_channels": 1, "n_samples": 10_000}
    made = {"parts": [part, part], "is_tracks": True}
    lost = {"n": 10_000, "tracks": [10_000, 0], "look": {"found": [True]}}
    assert judge_protect(make_row(made=made, out=lost)) == "silently lost"
    unmarked = {"n": 10_000, "tracks": [10_000, 10_000], "look": {"found": [True, False]}}
    assert judge_protect(make_row(made=made, out=unmarked)) == "not marked"


def test_a_process_that_died_crashed_from_where_it_was() -> None:
    row = make_row()
    del row["protect"], row["take0"]
    assert judge_read(row) == "whole"
    assert judge_protect(row) == "crashed"
    assert judge_marked(row) == ["crashed"]


def test_a_refusal_is_right_where_its_remedy_works() -> None:
    out = {"n": 1000, "tracks": None, "look": {"found": [True]}}
    rest = {"status": "marked", "warnings": [], "out": out}
    cut = make_row(protect={**REFUSED, "partial": rest}, made={"refusal": "cut"})
    assert judge_protect(cut) == "refused with a remedy"
    assert judge_protect(cut) in GOOD


def test_there_are_more_than_two_hundred_kinds_of_files() -> None:
    assert len(RECIPES) >= 200
    assert set(QUICK) <= RECIPES.keys()
    assert set(whole._TIMED.values()) <= RECIPES.keys()


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    made = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        made.append(make(Workshop(tmp_path / folder, "size_half_8_khz.wav", 3, 0)))
    assert made[0].path.read_bytes() == made[1].path.read_bytes()


def test_a_walk_over_flac_counts_what_went_in(tmp_path: Path) -> None:
    y = np.random.default_rng(0).standard_normal(50_000).astype(np.float32) * 0.1
    sf.write(tmp_path / "a.flac", y, 16_000)
    assert sum(n for _, n in scan.flac_frames((tmp_path / "a.flac").read_bytes())) == len(y)


def test_a_walk_over_mpeg_counts_what_went_in(tmp_path: Path) -> None:
    y = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * 0.1
    sf.write(tmp_path / "a.mp3", y, 48_000)
    n = sum(frame[2] for frame in scan.mpeg_frames((tmp_path / "a.mp3").read_bytes()))
    # The delay of the encoder, the header's own frame, and the end filled up.
    assert 0 < n - len(y) <= 4 * 1152


def test_pages_of_ogg_can_be_written_again_unchanged(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.ogg", np.zeros(20_000, dtype=np.float32), 16_000)
    data = (tmp_path / "a.ogg").read_bytes()
    assert scan.rewrite_ogg(data, lambda number, granule, flags: (granule, flags)) == data
    assert scan.ogg_pages(data)[-1][2] == 20_000


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.codec
def test_no_sound_of_a_quick_choice_is_lost() -> None:
    rows, missing = whole.try_files(QUICK, seed=0, clips=(), jobs=2)
    assert not missing
    bad = {
        row["name"]: (row["read"], row["protect"], row["takes"])
        for row in rows
        if whole._is_bad(row)
    }
    assert not bad
    lengths = {row["name"]: row["samples"][0] for row in rows}
    assert lengths["wav_16.wav"] == 44_100 * SECONDS
