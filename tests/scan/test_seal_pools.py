"""What a scan says of the owner's seals: recording by recording, and of one source together."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from benchmarks.attacks.adversary import cancel_sync
from sottovoce.core.seal import SealMatch
from sottovoce.errors import ParameterError
from sottovoce.scan import Finding, Ledger, Limits, Scan, detector_version, open_sources
from sottovoce.scan.outputs import write_outputs
from sottovoce.scan.seal_pools import SealPools

KEY, OTHER = bytes(range(32)), bytes(32)
OWNER, STRANGER = 0x4F2A91C077DE, 9


def make_finding(name: str, log10_p: float, *, number: int, speaker: str = "a") -> Finding:
    match = SealMatch(
        log10_p=log10_p, score=8.0, agreement=0.08, first_number=number, n_superframes=2
    )
    return Finding(
        id=name,
        status="clean",
        groups={"speaker": speaker},
        seals=({"owner_id": OWNER, "track": "", **match.to_dict()},),
    )


def pool(*findings: Finding):
    pools = SealPools()
    for one in findings:
        pools.add(one)
    return pools.finish()


def test_nothing_is_said_where_nobody_searched() -> None:
    assert pool(Finding(id="a", status="clean"), Finding(id="b", status="marked")) is None


def test_weak_recordings_of_one_speaker_add_up() -> None:
    weak = [make_finding(f"a{i}", -4.0, number=100 * i) for i in range(4)]
    others = [make_finding(f"b{i}", 0.0, number=7_000, speaker="b") for i in range(20)]
    found = pool(*weak, *others)
    assert (found.n_searched, found.n_sealed, found.owners) == (24, 0, {})
    speaker = next(one for one in found.groups if one.kind == "speaker")
    assert (speaker.name, speaker.n_recordings, speaker.n_counted) == ("a", 4, 4)
    # Two speakers and the whole data set are paid for, and the number of files of each choice.
    assert speaker.log10_p == pytest.approx(-16.0 + math.log10(4) + math.log10(3), abs=1e-6)
    assert speaker.holds
    assert found.found
    assert json.loads(json.dumps(found.to_dict()))["groups"][0]["holds"] is True


def test_copies_in_a_data_set_count_once() -> None:
    found = pool(*(make_finding(f"a{i}", -4.0, number=100) for i in range(50)))
    assert found.groups == ()
    assert not found.found


def test_the_strongest_recordings_are_kept() -> None:
    found = pool(*(make_finding(f"a{i:03}", -7.0 - i, number=10 * i) for i in range(80)))
    assert (found.n_sealed, len(found.strongest)) == (80, 50)
    assert found.strongest[0] == ("a079", OWNER, -86.0)
    assert [one[2] for one in found.strongest] == sorted(one[2] for one in found.strongest)


def test_keys_are_not_sent_to_a_cluster() -> None:
    with pytest.raises(ParameterError, match="secret"):
        Scan([], cluster="auto", seal_keys={OWNER: KEY})


def test_no_key_is_shown_or_stored() -> None:
    version = detector_version(seal_keys=[KEY])
    assert "1 seal" in version
    assert "4f2a" not in version
    assert version != detector_version(seal_keys=[OTHER])
    scan = Scan([], seal_keys={OWNER: KEY})
    assert KEY.hex() not in repr(scan._search)
    assert repr(KEY) not in repr(scan._search)


@pytest.mark.by_turns
@pytest.mark.slow
def test_a_scan_finds_the_seal_where_the_public_mark_is_gone(tmp_path, clip) -> None:
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=OWNER), phase_s=3.0, seal_key=KEY)
    removed, _ = cancel_sync()(marked, sr, np.random.default_rng(0))
    folder = tmp_path / "set"
    folder.mkdir()
    sf.write(folder / "marked.flac", marked[: 9 * sr], sr)
    sf.write(folder / "removed.flac", removed[: 9 * sr], sr)
    sf.write(folder / "plain.flac", y[: 9 * sr], sr)
    theirs = sv.protect(removed[: 9 * sr], sr=sr, notice=sv.Notice(owner_id=3))
    sf.write(folder / "overwritten.flac", theirs, sr)
    (folder / "broken.flac").write_bytes((folder / "plain.flac").read_bytes()[:90_000])
    keys = {OWNER: KEY, STRANGER: OTHER}
    path = tmp_path / "out" / "ledger.sqlite"
    path.parent.mkdir()
    with Ledger(path, detector=detector_version(seal_keys=keys.values())) as ledger:
        scan = Scan(
            open_sources([str(folder)]),
            ledger=ledger,
            workers=2,
            seal_keys=keys,
            limits=Limits(time_s=200.0),
        )
        by_name = {finding.id.rsplit("/")[-1]: finding for finding in scan.run()}
        summary = write_outputs(ledger, tmp_path / "out", kind="jsonl")
    assert {name: one.status for name, one in by_name.items()} == {
        "marked.flac": "marked",
        "removed.flac": "clean",
        "overwritten.flac": "marked",
        "plain.flac": "clean",
        "broken.flac": "partial",
    }
    # A thief's own mark on top hides nothing.
    assert [one["holds"] for one in by_name["overwritten.flac"].seals] == [False, True]
    # What names the owner, or was not read to the end, is not searched.
    assert by_name["marked.flac"].seals == by_name["broken.flac"].seals == ()
    assert [one["owner_id"] for one in by_name["removed.flac"].seals] == [STRANGER, OWNER]
    assert [one["holds"] for one in by_name["removed.flac"].seals] == [False, True]
    assert [one["holds"] for one in by_name["plain.flac"].seals] == [False, False]
    assert summary.seals.owners == {OWNER: 2}
    assert {one[0].rsplit("/")[-1] for one in summary.seals.strongest} == {
        "removed.flac",
        "overwritten.flac",
    }
    report = (tmp_path / "out" / "report.html").read_text()
    assert 'id="seals"' in report
    assert "removed.flac" in report
    everything = b"".join(one.read_bytes() for one in (tmp_path / "out").iterdir() if one.is_file())
    assert KEY not in everything
    assert KEY.hex().encode() not in everything
    # Nor is anybody named who searched in vain, but in the ledger.
    published = [one for one in (tmp_path / "out").iterdir() if one.suffix != ".sqlite"]
    words = b"".join(one.read_bytes() for one in published if one.is_file())
    assert b"0000-0000-0009" not in words
    assert b'"owner_id": 9' not in words
