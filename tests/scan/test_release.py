"""Which marked recordings permissions release: only those whose every voice is covered."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.core.known_payload import make_usual_notices
from sottovoce.core.permission import Permission
from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError
from sottovoce.files.digests import pcm_sha256
from sottovoce.scan import (
    Finding,
    Ledger,
    Releases,
    is_refused,
    load_allowed,
    scan_paths,
    write_filtered,
    write_outputs,
)
from sottovoce.scan.naming import Naming

ANNA, BERT = 0x4F2A91C077DE, 0x0B63D85E19A4
DAY = date(2026, 11, 28)
CLONE = Use.CLONE | Use.TRAIN_GENERATIVE


def permit(owner_id=ANNA, **fields) -> Permission:
    known = {
        "notices": ((0x7F, 2026),),
        "uses": CLONE,
        "serial": f"s{owner_id:012x}",
        "grantee": "Acme TTS GmbH",
        "first_day": date(2026, 11, 1),
        "last_day": date(2027, 10, 31),
        "revocation_known_to": DAY,
    }
    return Permission(owner_id=owner_id, **{**known, **fields})


def voice(owner_id, policy=0x7F):
    notice = None if owner_id is None else {"owner_id": owner_id, "policy": policy, "year": 2026}
    return {"log10_p": -30.0, "notice": notice, "segments_s": [], "evidence": []}


def marked(*owners, **fields) -> Finding:
    voices = tuple(voice(owner) for owner in owners)
    return Finding(id="a", status="marked", log10_p=-30.0, voices=voices, **fields)


def in_tracks(*owners) -> Finding:
    """A film of marked tracks; in those of nobody, no voice could be followed."""
    voices = tuple({**voice(one), "track": f"{i}"} for i, one in enumerate(owners) if one)
    tracks = tuple({"name": f"{i}", "status": "marked"} for i, _ in enumerate(owners))
    return dataclasses.replace(marked(), voices=voices, tracks=tracks)


def decide(finding, *permissions, use=Use.CLONE, day=DAY):
    return Releases(permissions, use=use, day=day).decide(finding)


class TestDecisions:
    def test_a_recording_of_the_grantor_alone_is_released(self) -> None:
        done = decide(marked(ANNA), permit())
        assert (done.released, done.serials) == (True, ("s4f2a91c077de",))
        assert (done.owner_ids, done.is_matched, done.why_not) == ((ANNA,), False, "")

    def test_marked_tracks_whose_voices_are_all_covered_are_released(self) -> None:
        assert decide(in_tracks(ANNA, ANNA), permit()).released

    @pytest.mark.parametrize("cells", [5, None, {"a": 1}, "\xe9", "AAAA"])
    def test_damaged_cells_name_nobody(self, cells) -> None:
        finding = dataclasses.replace(marked(None), cells=(cells,))
        assert "could not be read" in decide(finding, permit()).why_not

    def test_every_voice_needs_a_permission(self) -> None:
        assert not decide(marked(ANNA, BERT), permit()).released
        both = decide(marked(ANNA, BERT), permit(), permit(BERT))
        assert both.owner_ids == (ANNA, BERT)

    @pytest.mark.parametrize(
        ("finding", "why"),
        [
            (marked(ANNA, None), "could not be read or matched"),
            (marked(), "no voice in it could be followed"),
            (marked(ANNA, n_more_voices=1), "more marked voices"),
            (in_tracks(ANNA, None), "in one of its tracks"),
            (marked(ANNA, message="cut short"), "not read to its end"),
            (marked(0), "anonymous"),
            (marked(BERT), "owner 0b63-d85e-19a4 granted nothing"),
            (marked(None, cells=("AAAA",)), "could not be read or matched"),
            (marked(None, cells=("no base64",)), "could not be read or matched"),
        ],
    )
    def test_whatever_is_not_known_keeps_it_out(self, finding, why) -> None:
        done = decide(finding, permit())
        assert not done.released
        assert why in done.why_not

    @pytest.mark.parametrize("status", ["suspected", "error", "clean", "undetermined"])
    def test_other_findings_are_not_changed(self, status) -> None:
        done = decide(dataclasses.replace(marked(ANNA), status=status), permit())
        assert (done.released, done.why_not) == (False, "")

    @pytest.mark.parametrize("use", [Use.MINE, Use.CLONE | Use.MINE, Use.TRAIN_OTHER])
    def test_another_use_is_not_released(self, use) -> None:
        assert not decide(marked(ANNA), permit(), use=use).released

    @pytest.mark.parametrize("day", [date(2026, 10, 31), date(2027, 11, 1)])
    def test_before_and_after_nothing_is_released(self, day) -> None:
        assert not decide(marked(ANNA), permit(), day=day).released

    def test_no_use_is_a_mistake(self) -> None:
        with pytest.raises(ParameterError, match="no use"):
            Releases([permit()], use=None)

    def test_listed_files_are_released_and_no_others(self) -> None:
        listed = permit(sha256=frozenset({"a" * 64}), pcm_sha256=frozenset({"b" * 64}))
        assert decide(marked(ANNA, sha256="a" * 64), listed).released
        assert decide(marked(ANNA, pcm_sha256="b" * 64), listed).released
        done = decide(marked(ANNA, sha256="b" * 64), listed)
        assert "granted other files" in done.why_not
        # Whoever lists a file cannot speak for another voice in it.
        assert not decide(marked(ANNA, BERT, sha256="a" * 64), listed).released


@pytest.fixture(scope="module")
def data(tmp_path_factory, clip):
    """Clips of 2 s, too short to be read: three of Anna, two of Bert, one unmarked."""
    folder = tmp_path_factory.mktemp("data")
    y, sr = clip
    at = [2.0, 8.0, 14.0]
    for owner, name, starts in (
        (ANNA, "anna", at),
        (BERT, "bert", at[:2]),
        (None, "plain", at[:1]),
    ):
        notice = sv.Notice(owner_id=owner or 0, year=2026)
        whole = y if owner is None else sv.protect(y, sr=sr, notice=notice, phase_s=0.5)
        for number, start in enumerate(starts):
            part = whole[round(start * sr) :][: 2 * sr]
            sf.write(folder / f"{name}-{number}.flac", part, sr)
    sf.write(
        folder / "long.flac", sv.protect(y, sr=sr, notice=sv.Notice(owner_id=ANNA, year=2026)), sr
    )
    return folder


@pytest.fixture(scope="module")
def scanned(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    found = list(scan_paths([data], ledger=out / "ledger.sqlite", workers=1))
    with Ledger(out / "ledger.sqlite") as ledger:
        ledger.begin_run({**ledger.job(), "command": "sottovoce scan"})
        for one in found:
            ledger.put(one, stamp="")
        ledger.amend_job(ended="2026-11-28T00:00:00+00:00")
    return out, found


def names(found) -> list[str]:
    return sorted(one.rpartition("/")[2] for one in found)


@pytest.mark.slow
def test_short_clips_are_matched_from_the_ledger_alone(scanned) -> None:
    out, found = scanned
    unread = [one for one in found if one.marked and not one.owner_ids]
    assert len(unread) == 5
    assert all(len(one.cells) == len(one.voices) for one in unread)
    allowed = load_allowed(out, permissions=[permit()], use=Use.CLONE)
    assert names(allowed) == [
        "anna-0.flac",
        "anna-1.flac",
        "anna-2.flac",
        "long.flac",
        "plain-0.flac",
    ]
    assert names(load_allowed(out)) == ["plain-0.flac"]
    assert names(load_allowed(out, permissions=[permit()], use=Use.MINE)) == ["plain-0.flac"]
    with pytest.raises(ParameterError, match="no use"):
        load_allowed(out, permissions=[permit()])


@pytest.mark.slow
def test_outputs_say_who_released_what(scanned, tmp_path) -> None:
    out, _ = scanned
    releases = Releases([permit(last_day=datetime.now(UTC).date())], use=Use.CLONE)
    with Ledger(out / "ledger.sqlite", read_only=True) as ledger:
        summary = write_outputs(ledger, tmp_path, kind="jsonl", releases=releases)
        assert (summary.n_marked, summary.n_refused) == (6, 2)
        excluded = (tmp_path / "exclude.txt").read_text().splitlines()
        assert names(excluded) == ["bert-0.flac", "bert-1.flac"]
        lines = (tmp_path / "released.txt").read_text().splitlines()
        assert len(lines) == 4
        assert all(line.endswith("\ts4f2a91c077de\t4f2a-91c0-77de") for line in lines)
        page = (tmp_path / "report.html").read_text()
        for words in ("Licensed", "Acme TTS GmbH", "ends today", "grantee not proved", "matched"):
            assert words in page
        card = (tmp_path / "card.md").read_text()
        for words in (
            "released for cloning the voice",
            "### Licensed",
            "Acme TTS GmbH",
            "ends today",
        ):
            assert words in card
        # Without grants nothing of it is left.
        write_outputs(ledger, tmp_path, kind="jsonl")
    assert not (tmp_path / "released.txt").exists()
    assert "Licensed" not in (tmp_path / "report.html").read_text()
    assert len((tmp_path / "exclude.txt").read_text().splitlines()) == 6


def test_owners_of_short_clips_are_named(scanned, tmp_path) -> None:
    out, _ = scanned
    naming = Naming(make_usual_notices(BERT, last_year=2026))
    with Ledger(out / "ledger.sqlite", read_only=True) as ledger:
        before = write_outputs(ledger, tmp_path / "before", kind="jsonl")
        after = write_outputs(ledger, tmp_path / "after", kind="jsonl", naming=naming)
    assert before.owners.get(BERT, 0) < after.owners[BERT] == 2
    assert after.n_unread_owner == before.n_unread_owner - 2 + before.owners.get(BERT, 0)
    rows = [
        json.loads(line) for line in (tmp_path / "after" / "results.jsonl").read_text().splitlines()
    ]
    matched = [voice for row in rows for voice in row["voices"] if "matched" in voice]
    assert {voice["notice"]["owner_id"] for voice in matched} == {BERT}
    assert all(voice["matched"]["rank"] == 1 for voice in matched)
    assert not any("cells" in row for row in rows)


def test_a_filtered_copy_holds_what_is_released(scanned, tmp_path) -> None:
    out, _ = scanned
    releases = Releases([permit()], use=Use.CLONE)
    with Ledger(out / "ledger.sqlite", read_only=True) as ledger:
        kept = list(write_filtered(ledger, tmp_path / "kept", releases=releases))
    assert kept[0].n_kept == 5
    there = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert there == ["anna-0.flac", "anna-1.flac", "anna-2.flac", "long.flac", "plain-0.flac"]


def test_an_example_of_a_pipeline_is_released_by_its_bytes(data) -> None:
    example = {"audio": (data / "anna-0.flac").read_bytes()}
    assert is_refused(example)
    assert not is_refused(example, permissions=[permit()], use=Use.CLONE)
    assert is_refused(example, permissions=[permit(BERT)], use=Use.CLONE)
    batch = {"audio": [example["audio"], (data / "bert-0.flac").read_bytes()]}
    assert is_refused(batch, permissions=[permit()], use=Use.CLONE) == [False, True]


def test_sound_has_the_same_digest_in_another_container(data, tmp_path) -> None:
    y, sr = sf.read(data / "long.flac", dtype="int16")
    sf.write(tmp_path / "a.wav", y, sr, "PCM_16")
    assert pcm_sha256(tmp_path / "a.wav") == pcm_sha256(data / "long.flac")
    y[-1] ^= 1
    sf.write(tmp_path / "b.wav", y, sr, "PCM_16")
    assert pcm_sha256(tmp_path / "b.wav") != pcm_sha256(data / "long.flac")
    sf.write(tmp_path / "c.wav", np.stack([y, y], axis=1), sr, "PCM_16")
    assert pcm_sha256(tmp_path / "c.wav") != pcm_sha256(tmp_path / "b.wav")
