"""The comparison with others: the rules are fair, and the tables say what was measured."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest

from benchmarks.attacks import ATTACKS
from benchmarks.harness.harness import shipped_clip
from benchmarks.peers import Sottovoce, missing_peers
from benchmarks.peers.footprint import footprint_mib
from benchmarks.peers.perth import Perth
from benchmarks.robustness import quality, side_by_side


def make_trials(name: str, *, n_quiet: int, level: float) -> list[dict]:
    """Scores 0, 1, 2 … of unmarked pieces of both halves; marked pieces lie at `level`."""
    common = {"peer": name, "attack": "none"}
    trials = []
    for seconds in (10.0, 5.0):
        own = {**common, "seconds": seconds}
        for half in ("tune", "report"):
            trials += [
                {**own, "marked": False, "half": half, "score": float(i)} for i in range(n_quiet)
            ]
        trials += [{**own, "marked": True, "half": "report", "score": level + i} for i in range(10)]
    return trials


@pytest.mark.parametrize(("n_quiet", "n_allowed"), [(50, 0), (100, 1), (250, 2)])
def test_at_most_one_percent_of_unmarked_pieces_are_found(n_quiet: int, n_allowed: int) -> None:
    trials = make_trials("perth", n_quiet=n_quiet, level=0.0)
    rule = side_by_side._rule(trials, "perth", "one_percent")
    scores = np.arange(n_quiet)
    for seconds in ("10", "5"):
        assert np.sum(scores >= rule["least"][seconds]) == n_allowed
        # one step lower would be too many
        below = np.nextafter(rule["least"][seconds], -np.inf)
        assert np.sum(scores >= below) == n_allowed + 1
        assert rule["false"][seconds] == [n_allowed, n_quiet]


def test_the_proved_rule_does_not_look_at_the_data() -> None:
    rule = side_by_side._rule(
        make_trials("sottovoce", n_quiet=10, level=0.0), "sottovoce", "proved"
    )
    assert set(rule["least"].values()) == {6.0}
    assert rule["false"]["10"] == [4, 10]


def test_found_is_counted_from_the_threshold_on() -> None:
    trials = make_trials("perth", n_quiet=50, level=45.0)
    rule = side_by_side._rule(trials, "perth", "one_percent")
    rows = side_by_side._rows(trials, rule)
    assert [(row["attack"], row["seconds"], row["n"]) for row in rows] == [
        ("none", 10.0, 10),
        ("none", 5.0, 10),
    ]
    # 45 to 54, and found over 49
    assert {row["n_found"] for row in rows} == {5}


def test_the_tables_hold_each_rule_and_what_did_not_run() -> None:
    trials = [
        *make_trials("sottovoce", n_quiet=100, level=200.0),
        *make_trials("perth", n_quiet=100, level=0.0),
    ]
    rules = [
        side_by_side._rule(trials, name, how)
        for name, how in (
            ("sottovoce", "proved"),
            ("sottovoce", "one_percent"),
            ("perth", "one_percent"),
        )
    ]
    results = {
        "rows": [row for rule in rules for row in side_by_side._rows(trials, rule)],
        "rules": rules,
        "peers": [
            {
                "key": peer.key,
                "name": peer.name,
                "installed_mib": 1.0,
                "to_flac": {"mark": 1.0, "find": 2.0},
                "judges": {"pesq_wb": [4.5, 4.1]},
            }
            for peer in (Sottovoce, Perth)
        ],
        "calibration_attacks": ["none", "mp3_32"],
        "missing": {"hifigan": "not installed: torch"},
    }
    text = side_by_side.describe(json.loads(json.dumps(results)))
    what = ATTACKS["none"].strength
    assert f"| `none` | {what} | 10/10 (72 to 100) | 10/10 (72 to 100) | 0/10 (0 to 28) |" in text
    assert "Not run: `hifigan`, not installed: torch." in text
    assert "4.50 (4.10)" in text


class TestAdapters:
    def test_sottovoce_finds_its_own_mark_alone(self) -> None:
        y, sr = shipped_clip()
        y = y[: 8 * sr]
        peer = Sottovoce()
        marked = peer.mark(y, sr, np.random.default_rng(0))
        assert (marked.shape, marked.dtype) == (y.shape, y.dtype)
        assert peer.score(marked, sr) > 6
        # true for all but one seed of a thousand, by the bound that is proved
        assert peer.score(y, sr) < 3

    def test_perth_works_or_says_what_it_needs(self) -> None:
        missing = missing_peers([Perth])
        if missing:
            assert missing["perth"].startswith("not installed: ")
            return
        y, sr = shipped_clip()
        y = y[: 6 * sr]
        marked = Perth().mark(y, sr, np.random.default_rng(0))
        assert marked.shape == y.shape
        assert Perth().score(marked, sr) > 0.9 > Perth().score(y, sr)

    def test_what_is_missing_is_named(self) -> None:
        class Absent(Perth):
            needs: ClassVar[dict[str, str]] = {"numpy": "numpy", "no_such_module": "its-package"}

        assert missing_peers([Absent]) == {"perth": "not installed: its-package"}

    def test_sizes_follow_requirements(self) -> None:
        alone = footprint_mib(["numpy"])
        assert alone > 10
        assert footprint_mib(["scipy"]) > alone
        assert footprint_mib(["no-such-package"]) == 0


class TestQuality:
    def test_the_worst_are_named_worst_first(self) -> None:
        values = [4.0, 3.0, float("nan"), 4.5, 2.0]
        row = quality._row("all", "standard", "pesq_wb", values, list("abcde"))
        assert row["worst_clips"] == ["e", "b", "a", "d"]
        assert (row["n"], row["worst_5_percent"]) == (4, 2.0)
        assert row["mean"] == pytest.approx(13.5 / 4)

    def test_nothing_heard_is_an_empty_cell(self) -> None:
        row = quality._row("quiet", "standard", "pesq_wb", [float("nan")], ["a"])
        assert row["n"] == 0
        assert quality._cells({"pesq_wb": row}, ["pesq_wb", "estoi"]) == ["", ""]

    def test_sixteen_bits_are_sixteen(self) -> None:
        y = np.linspace(-1, 0.9, 1_000, dtype=np.float32)
        steps = quality._in_16_bits(y) * 32_768
        np.testing.assert_array_equal(steps, np.round(steps))
        assert np.abs(steps - y * 32_768).max() <= 0.5
