"""Owners of short clips, matched over all unread recordings of a group."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.core.known_payload import make_usual_notices
from sottovoce.scan import Finding, Ledger, scan_paths, write_outputs
from sottovoce.scan.naming import Naming
from sottovoce.scan.owner_pools import OwnerPools
from tests.scan.test_release import ANNA, BERT


@pytest.fixture(scope="module")
def ledger(tmp_path_factory, clip):
    """A scan of 2 s clips in noise: those of one speaker marked by Anna, those of another not."""
    folder = tmp_path_factory.mktemp("pools")
    y, sr = clip
    rng = np.random.default_rng(1)
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=ANNA), phase_s=0.5)
    lines = []
    for speaker, x in (("s1", marked), ("s2", y)):
        for i in range(12):
            noise = 0.02 * rng.standard_normal(2 * sr)
            sf.write(
                folder / f"{speaker}-{i:02}.flac", x[2 * i * sr : 2 * (i + 1) * sr] + noise, sr
            )
            lines.append({"audio_filepath": f"{speaker}-{i:02}.flac", "speaker": speaker})
    (folder / "data.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    list(scan_paths([folder / "data.jsonl"], ledger=folder / "ledger.sqlite", workers=1))
    with Ledger(folder / "ledger.sqlite", read_only=True) as opened:
        yield opened


def look_for(*owner_ids) -> Naming:
    notices = (one for owner in owner_ids for one in make_usual_notices(owner, last_year=2026))
    return Naming(notices, n_looks=2)


@pytest.mark.slow
def test_clips_that_each_say_too_little_match_together(ledger, tmp_path) -> None:
    naming = look_for(BERT, ANNA)
    unread = [finding for finding in ledger.marked() if not finding.owner_ids]
    alone = [one for one in unread if naming.name(one).owner_ids]
    assert len(unread) >= 4
    assert len(alone) < len(unread)
    summary = write_outputs(ledger, tmp_path, kind="jsonl", naming=naming)
    (pooled,) = summary.pooled_owners
    assert (pooled.kind, pooled.name, pooled.owner_id) == ("speaker", "s1", ANNA)
    assert (pooled.n_recordings, pooled.rank) == (len(unread), 1)
    assert pooled.log10_p < -10
    (told,) = json.loads((tmp_path / "summary.json").read_text())["pooled_owners"]
    assert told["owner_id"] == ANNA
    page = (tmp_path / "report.html").read_text()
    assert "matched over all unread recordings of a group" in page
    assert "no recording is released on this" in page


def test_nobody_else_matches(ledger, tmp_path) -> None:
    for naming in (look_for(BERT), look_for(ANNA ^ 1), None):
        summary = write_outputs(ledger, tmp_path, kind="jsonl", naming=naming)
        assert summary.pooled_owners == ()
        assert "matched over" not in (tmp_path / "report.html").read_text()


def test_what_cannot_be_pooled_is_passed(ledger) -> None:
    pools = OwnerPools(look_for(ANNA))
    unread = next(finding for finding in ledger.marked() if not finding.owner_ids)
    for finding in (
        Finding(id="clean", status="clean", groups={"speaker": "s"}),
        Finding(id="gone", status="marked", voices=({},), cells=("AAAA",), groups={"speaker": "s"}),
        Finding(id="bad", status="marked", voices=({},), cells=("?",), groups={"speaker": "s"}),
        unread,  # alone in its group
    ):
        pools.add(finding)
    assert pools.match(lambda name: unread if name == unread.id else None) == ()
