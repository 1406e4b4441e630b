"""What was shown of a seal is noted, and found again."""

from __future__ import annotations

from datetime import date

import pytest

from sottovoce.core.seal import SealMatch
from sottovoce.core.stretch import Stretch
from sottovoce.errors import StatementError
from sottovoce.rights.keys.backup import collect_files, restore_files
from sottovoce.rights.seal_opening import SealOpening, ShownSuperframe
from sottovoce.rights.shown_seals import find_shown_range, list_shown_ranges, note_shown

OWNER = 0x4F2A91C077DE
DAY = date(2026, 11, 28)


def make_opening(first: int, n: int, *, sha256: str = "0" * 64, file: str = "a.wav") -> SealOpening:
    return SealOpening(
        owner_id=OWNER,
        commitment="sha-256:x",
        file=file,
        sha256=sha256,
        track="",
        stretch=Stretch(),
        first_number=first,
        leaves=tuple(
            ShownSuperframe(number=number, signs=b"", path=()) for number in range(first, first + n)
        ),
    )


def make_match(first: int, n: int) -> SealMatch:
    return SealMatch(log10_p=-20.0, score=12.0, agreement=0.1, first_number=first, n_superframes=n)


def test_what_overlaps_with_something_shown_is_found_with_its_first_day(tmp_path) -> None:
    note_shown(make_opening(100, 3), day=DAY, folder=tmp_path)
    note_shown(
        make_opening(102, 4, sha256="1" * 64, file="ü.wav"),
        day=date(2026, 1, 2),
        folder=tmp_path,
    )
    ranges = list_shown_ranges(OWNER, folder=tmp_path)
    assert [(one.first, one.last, one.file) for one in ranges] == [
        (102, 105, "ü.wav"),
        (100, 102, "a.wav"),
    ]
    for first, n, day in [(90, 8, None), (90, 10, DAY), (102, 1, date(2026, 1, 2)), (107, 9, None)]:
        found = find_shown_range(make_match(first, n), ranges)
        assert (found and found.day) == day, first
    assert list_shown_ranges(OWNER + 1, folder=tmp_path) == []


def test_the_day_on_which_a_file_was_shown_first_stays(tmp_path) -> None:
    note_shown(make_opening(100, 3), day=DAY, folder=tmp_path)
    again = note_shown(make_opening(100, 3), day=date(2027, 1, 1), folder=tmp_path)
    assert again.day == DAY
    assert len(list_shown_ranges(OWNER, folder=tmp_path)) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":"sottovoce-shown-1","first":"1","last":2}', "\0"]
)
def test_a_damaged_note_is_named(tmp_path, text) -> None:
    note_shown(make_opening(100, 3), day=DAY, folder=tmp_path)
    (path,) = tmp_path.rglob("*.json")
    path.write_text(text)
    with pytest.raises(StatementError, match="does not say which signs") as caught:
        list_shown_ranges(OWNER, folder=tmp_path)
    assert str(path) in str(caught.value)


def test_a_backup_brings_it_back(tmp_path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    note_shown(make_opening(100, 3), day=DAY, folder=old)
    restore_files(collect_files(folder=old), folder=new)
    assert list_shown_ranges(OWNER, folder=new) == list_shown_ranges(OWNER, folder=old)
