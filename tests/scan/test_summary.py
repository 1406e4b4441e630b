"""Counts, controlled errors, and what many short clips prove together."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.core.evidence import pool_mixture
from sottovoce.scan.finding import STATUSES, Finding
from sottovoce.scan.reports.summary import summarise


def finding(name, status="clean", *, log10_p=0.0, log10_e=-1.0, owner=None, **groups):
    payload = None if owner is None else {"owner_id": owner, "policy": 127, "year": 2026}
    voices = ({"payload": payload},) if status == "marked" else ()
    return Finding(
        id=name,
        status=status,
        log10_p=log10_p,
        log10_e=log10_e,
        seconds=2.0,
        voices=voices,
        format="FLAC PCM_16",
        groups=groups,
    )


class TestCounts:
    def test_nothing(self):
        summary = summarise([])
        assert summary.n_recordings == summary.n_marked == summary.n_unread == 0
        assert summary.expected_false == 0
        assert set(summary.statuses) == set(STATUSES)

    def test_statuses_owners_and_policies(self):
        findings = [
            finding("a", "marked", log10_p=-20, owner=7),
            finding("b", "marked", log10_p=-20, owner=7),
            finding("c", "marked", log10_p=-9),
            finding("d"),
            Finding(id="e", status="crashed"),
            Finding(id="f", status="partial", log10_p=-0.5, log10_e=-1.0, seconds=2.0),
        ]
        summary = summarise(findings)
        assert summary.n_recordings == 6
        assert summary.n_marked == 3
        assert summary.n_unread == 2
        assert summary.n_unread_owner == 1
        assert summary.owners == {7: 2}
        assert summary.policies == {127: 2}
        assert sum(summary.training.values()) == 3
        assert summary.training["refused"] == 2
        assert summary.training["not readable"] == 1
        assert summary.n_tested == 5
        assert summary.seconds == 10.0
        assert sum(n for _, n in summary.histogram) == 5

    def test_false_discoveries_are_controlled_with_and_without_an_assumption(self):
        findings = [finding(str(n)) for n in range(999)]
        # 0.01 / 1000 is enough for one under independence, 7.5 times less without it.
        findings.append(finding("x", "suspected", log10_p=-5.1))
        summary = summarise(findings)
        assert (summary.n_reported_bh, summary.n_reported_by) == (1, 0)
        assert summary.to_dict()["q"] == 0.01
        # The level that is told is the one that was used.
        strict = summarise(findings, q=0.001)
        assert (strict.q, strict.n_reported_bh) == (0.001, 0)


class TestGroups:
    def test_short_clips_prove_together_what_none_proves_alone(self):
        clips = [finding(f"m{n}", log10_p=-3.5, log10_e=3.0, speaker="anna") for n in range(30)]
        clips += [finding(f"u{n}", log10_e=-1.0, speaker="bert") for n in range(30)]
        summary = summarise(clips)
        assert [group.name for group in summary.groups] == ["anna"]
        assert summary.groups[0].log10_p_mixture(summary.n_groups) < -6
        # The proved mean does not grow with the number of clips.
        assert summary.groups[0].log10_p(summary.n_groups) == pytest.approx(-2.7, abs=0.1)

    def test_marked_clips_among_many_unmarked_are_noticed(self):
        clips = [finding(f"m{n}", log10_e=4.0, folder="x") for n in range(20)]
        clips += [finding(f"u{n}", log10_e=-1.5, folder="x") for n in range(180)]
        assert [group.name for group in summarise(clips).groups] == ["x"]

    def test_a_thousand_unmarked_clips_prove_nothing(self, rng):
        clips = [
            finding(str(n), log10_e=float(e), folder="x")
            for n, e in enumerate(rng.normal(-1.2, 0.8, size=1000))
        ]
        assert summarise(clips).groups == ()

    def test_real_clips_of_half_a_second(self, clip):
        """Pieces of half a second, of which those that are found alone are left out."""
        y, sr = clip
        marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=0.0)
        n = round(0.5 * sr)
        pooled = {}
        for name, sound in (("marked", marked), ("unmarked", y)):
            pieces = [sound[i : i + n] for i in range(0, len(sound) - n, n)]
            detections = sv.detect_batch(np.stack(pieces), sr=sr)
            short = [d.log10_e for d in detections if not d.found]
            pooled[name] = pool_mixture(short)
            assert len(short) >= 20
        assert pooled["marked"] > 6
        assert pooled["unmarked"] < 1
