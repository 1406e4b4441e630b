"""A permission: uses, days and files, and nothing by silence."""

from __future__ import annotations

import json
from datetime import date

import pytest

from sottovoce.core.permission import Permission
from sottovoce.core.policy import NAMED_USES, Use
from sottovoce.errors import ParameterError

FIRST, LAST = date(2026, 11, 27), date(2027, 11, 26)


def permit(**changes) -> Permission:
    fields = {
        "owner_id": 7,
        "notices": ((0x7F, 2026),),
        "uses": Use.CLONE,
        "serial": "s",
        "grantee": "Acme",
        "first_day": FIRST,
        "last_day": LAST,
        "revocation_known_to": FIRST,
    }
    return Permission(**{**fields, **changes})


@pytest.mark.parametrize("use", [*NAMED_USES, Use.LICENCE, Use(0), Use.CLONE | Use.MINE])
def test_only_the_named_use_is_covered(use):
    assert permit().covers(use, day=FIRST) == (use == Use.CLONE)


def test_the_first_and_the_last_day_count():
    permission = permit()
    for day, covered in [
        (date(2026, 11, 26), False),
        (FIRST, True),
        (LAST, True),
        (date(2027, 11, 27), False),
    ]:
        assert permission.covers(Use.CLONE, day=day) == covered


def test_a_list_of_files_is_never_the_whole_id():
    assert permit().covers_file(sha256="ab")
    for files in ({"sha256": frozenset({"ab"})}, {"pcm_sha256": frozenset({"ab"})}):
        permission = permit(**files)
        assert not permission.is_for_whole_id
        assert permission.covers_file(**{next(iter(files)): "ab"})
        assert not permission.covers_file(sha256="cd", pcm_sha256="cd")
        assert not permission.covers_file()


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_id": 0},
        {"owner_id": 1 << 48},
        {"uses": Use(0)},
        {"uses": Use.LICENCE},
        {"last_day": date(2026, 1, 1)},
    ],
)
def test_a_permission_of_nobody_for_nothing_or_never_is_refused(changes):
    with pytest.raises(ParameterError):
        permit(**changes)


def test_its_fields_are_json():
    fields = json.loads(json.dumps(permit().to_dict()))
    assert fields["uses"] == ["clone"]
    assert fields["owner"] == "0000-0000-0007"
    assert fields["last_day"] == "2027-11-26"
