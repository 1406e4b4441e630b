"""What is known survives; what changed is examined again."""

from __future__ import annotations

import json
import sqlite3

import pytest

from sottovoce.errors import LedgerError
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.recording import File, Recording

VOICE = {"log10_p": -30.0, "payload": {"owner_id": 7, "policy": 127}, "segments_s": [[0, 5]]}


def recording(name, *, stamp="1", **groups):
    return Recording(id=name, place=File(name), stamp=stamp, groups=groups)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan" / "ledger.sqlite"


def open_ledger(path, detector="d1"):
    return Ledger(path, detector=detector)


class TestMemory:
    def test_a_finding_comes_back_as_it_was(self, path):
        finding = Finding(
            id="a",
            status="marked",
            log10_p=-30.0,
            voices=(VOICE,),
            n_more_voices=2,
            tracks=({"name": "track 1", "status": "marked"},),
            cause="too much",
            groups={"speaker": "s1"},
        )
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(finding, stamp="1")
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            assert ledger.find(recording("a", speaker="s1")) == finding

    def test_one_of_a_release_that_knew_less_is_read_and_goes_on(self, path):
        old = Finding(id="a", status="marked", log10_p=-30.0, voices=(VOICE,))
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(old, stamp="1")
        with sqlite3.connect(path) as db:
            for name in ("tracks", "n_more_voices", "cause"):
                db.execute(f"ALTER TABLE findings DROP COLUMN {name}")
        db.close()
        reader = Ledger(path, read_only=True)
        assert list(reader.findings()) == [old]
        assert reader.status("a") == "marked"
        reader.close()
        new = Finding(id="b", status="error", cause="too much")
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            assert ledger.find(recording("a")) == old
            ledger.put(new, stamp="1")
            assert list(ledger.findings()) == [old, new]

    def test_an_old_one_is_merged_with_a_new_one(self, path):
        for name in ("old", "new"):
            with open_ledger(path.with_name(name)) as ledger:
                ledger.begin_run({})
                ledger.put(Finding(id=name, status="clean", n_more_voices=0), stamp="1")
        with sqlite3.connect(path.with_name("old")) as db:
            db.execute("ALTER TABLE findings DROP COLUMN tracks")
        db.close()
        parts = [Ledger(path.with_name(name), read_only=True) for name in ("old", "new")]
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.adopt(parts)
            assert [one.id for one in ledger.findings()] == ["new", "old"]
        for part in parts:
            part.close()

    def test_another_stamp_or_detector_is_not_known(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(Finding(id="a", status="clean"), stamp="1")
            ledger.flush()
            assert ledger.find(recording("a", stamp="2")) is None
        with open_ledger(path, "d2") as ledger:
            ledger.begin_run({})
            assert ledger.find(recording("a")) is None

    def test_the_last_finding_counts(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(Finding(id="a", status="error"), stamp="1")
            ledger.put(Finding(id="a", status="clean"), stamp="2")
            assert [f.status for f in ledger.findings()] == ["clean"]

    def test_findings_stand_in_the_order_of_their_ids(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            for name in ("b", "a", "ä", "a/b", "Z"):
                ledger.put(Finding(id=name, status="clean"), stamp="1")
            assert [f.id for f in ledger.findings()] == sorted(["b", "a", "ä", "a/b", "Z"])

    def test_groups_are_those_of_today(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(Finding(id="a", status="clean", groups={"speaker": "old"}), stamp="1")
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            assert ledger.find(recording("a", speaker="new")).groups == {"speaker": "new"}
            assert [f.groups for f in ledger.findings()] == [{"speaker": "new"}]

    def test_what_is_no_longer_listed_is_left_out(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(Finding(id="gone", status="marked"), stamp="1")
            ledger.put(Finding(id="here", status="clean"), stamp="1")
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.find(recording("here"))
            assert [f.id for f in ledger.findings()] == ["here"]
            assert ledger.status("gone") == ""

    def test_names_that_are_no_unicode_are_kept(self, path):
        name = "take-\udcff.wav"
        with open_ledger(path) as ledger:
            ledger.begin_run({})
            ledger.put(Finding(id=name, status="clean", message=name), stamp="1")
            ledger.flush()
            assert ledger.find(recording(name)) is not None
            assert ledger.status(name) == "clean"


class TestMerging:
    def test_what_several_know_counts_once_and_as_read_if_one_read_it(self, tmp_path):
        parts = []
        for name, statuses in (("1", "error clean clean"), ("2", "marked error suspected")):
            with Ledger(tmp_path / name, detector="d") as part:
                part.begin_run({})
                for finding_id, status in zip("abc", statuses.split(), strict=True):
                    part.put(Finding(id=finding_id, status=status), stamp=name)
            parts.append(Ledger(tmp_path / name, read_only=True))
        with open_ledger(tmp_path / "all", "") as ledger:
            ledger.begin_run({})
            ledger.adopt(parts)
            statuses = [finding.status for finding in ledger.findings()]
            assert ledger.detector() == "d"
        for part in parts:
            part.close()
        # Who scans on into the same folder finds what is known.
        with open_ledger(tmp_path / "all", "d") as ledger:
            ledger.begin_run({})
            assert ledger.find(recording("a", stamp="2")).status == "marked"
        assert statuses == ["marked", "clean", "clean"]

    def test_what_was_there_before_gives_way(self, tmp_path):
        with Ledger(tmp_path / "1", detector="d") as part:
            part.begin_run({})
            part.put(Finding(id="a", status="marked"), stamp="1")
        with (
            open_ledger(tmp_path / "all", "d") as ledger,
            Ledger(tmp_path / "1", read_only=True) as part,
        ):
            ledger.begin_run({})
            ledger.put(Finding(id="a", status="clean"), stamp="1")
            ledger.put(Finding(id="b", status="clean"), stamp="1")
            ledger.flush()
            ledger.begin_run({})
            ledger.adopt([part])
            assert [(one.id, one.status) for one in ledger.findings()] == [("a", "marked")]


class TestFaults:
    def test_two_scans_do_not_write_to_one_ledger(self, path):
        with open_ledger(path), pytest.raises(LedgerError, match="another scan"):
            open_ledger(path)

    def test_a_running_scan_can_be_read(self, path):
        with open_ledger(path) as ledger:
            ledger.begin_run({"inputs": ["x"]})
            ledger.put(Finding(id="a", status="marked", seconds=2.0), stamp="1")
            ledger.flush()
            with Ledger(path, read_only=True) as reader:
                assert reader.count() == ({"marked": 1}, 2.0)
                assert reader.job() == {"inputs": ["x"]}

    def test_a_file_that_is_no_ledger_is_refused(self, path):
        path.parent.mkdir()
        path.write_text("no ledger" * 1000)
        with pytest.raises(LedgerError, match="not a ledger") as err:
            open_ledger(path)
        assert "`out`" in err.value.remedy
        with pytest.raises(LedgerError, match="not a ledger") as err:
            Ledger(path, read_only=True)
        assert "`out`" not in err.value.remedy  # which reading commands do not have

    def test_a_ledger_of_another_release_is_refused(self, path):
        path.parent.mkdir()
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(LedgerError, match="another release"):
            open_ledger(path)

    def test_a_missing_one_is_not_made_by_reading(self, path):
        with pytest.raises(LedgerError, match="no ledger"):
            Ledger(path, read_only=True)
        assert not path.exists()


def test_a_run_that_was_cut_short_loses_nothing_of_the_same_data(path):
    def run(ledger, *names, **job):
        ledger.begin_run({"command": "scan", "inputs": ["x"], **job})
        for name in names:
            ledger.put(Finding(id=name, status="clean"), stamp="1")
        return [finding.id for finding in ledger.findings()]

    with open_ledger(path) as ledger:
        assert run(ledger, "gone", "a", "b") == ["a", "b", "gone"]
        ledger.amend_job(ended="now")
        assert run(ledger, "a", "b", ended="now") == ["a", "b"]
        assert run(ledger, "a") == ["a", "b"]
        assert run(ledger) == ["a", "b"]
        assert ledger.count()[0] == {"clean": 2}
        assert run(ledger, "c", inputs=["y"]) == ["c"]


def test_the_job_can_be_amended(path):
    with open_ledger(path) as ledger:
        ledger.begin_run({"command": "scan x"})
        ledger.amend_job(ended="now")
        assert ledger.job() == {"command": "scan x", "ended": "now"}
        json.dumps(ledger.job())
