"""What a finished scan lets through."""

from __future__ import annotations

import pytest

from sottovoce.errors import LedgerError
from sottovoce.scan import (
    Finding,
    Ledger,
    Scan,
    detector_version,
    load_allowed,
    open_sources,
    write_filtered,
)


@pytest.fixture
def scanned(dataset, tmp_path):
    """The folder of a scan, and the scanned one."""
    with Ledger(tmp_path / "ledger.sqlite", detector=detector_version()) as ledger:
        list(Scan(open_sources([str(dataset)]), ledger=ledger, workers=1).run())
    return tmp_path, dataset


@pytest.mark.slow
def test_what_is_marked_or_was_not_read_is_left_out(scanned):
    folder, data = scanned
    kept = {"bert/long.flac", "bert/part.ogg", "carl/word.wav", "carl/silence.flac"}
    assert load_allowed(folder) == {str(data / name) for name in kept}
    unread = {"odd/text.wav", "odd/empty.mp3"}
    assert load_allowed(folder, strict=False) == {str(data / name) for name in kept | unread}


@pytest.mark.slow
@pytest.mark.parametrize("strict", [True, False])
def test_it_is_what_a_filtered_copy_keeps(strict, scanned):
    folder, data = scanned
    with Ledger(folder / "ledger.sqlite", detector=detector_version()) as ledger:
        list(write_filtered(ledger, folder / "kept", strict=strict))
    copied = {
        str(data / path.relative_to(folder / "kept"))
        for path in (folder / "kept").rglob("*")
        if path.is_file() and path.suffix != ".txt"
    }
    assert load_allowed(folder, strict=strict) == copied


def test_the_ledger_itself_may_be_named(scanned):
    folder, _ = scanned
    assert load_allowed(folder / "ledger.sqlite") == load_allowed(str(folder))


@pytest.mark.slow
def test_what_was_never_scanned_is_left_out(scanned):
    folder, data = scanned
    assert str(data / "later.flac") not in load_allowed(folder)


@pytest.mark.parametrize("again", [False, True], ids=["the first scan", "a later one"])
def test_a_scan_that_has_not_ended_allows_nothing(again, tmp_path):
    job = {"inputs": [str(tmp_path)], "command": "sottovoce scan data"}
    with Ledger(tmp_path / "ledger.sqlite", detector="d") as ledger:
        if again:
            ledger.begin_run(job)
            ledger.put(Finding(id="a", status="clean"), stamp="1")
            ledger.amend_job(ended="2026-03-01T11:30:00Z")
            ledger.flush()
            assert load_allowed(tmp_path) == {"a"}
        ledger.begin_run(job)
        with pytest.raises(LedgerError, match="is not complete") as caught:
            load_allowed(tmp_path)
        assert caught.value.remedy.endswith("sottovoce scan data")
        with pytest.raises(LedgerError, match="is not complete"):
            list(write_filtered(ledger, tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_a_folder_without_a_scan_is_an_error(tmp_path):
    with pytest.raises(LedgerError, match="no ledger at"):
        load_allowed(tmp_path)
