"""A grant permits what it says, to whom it says, while it says, and nothing else."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.grants import (
    GrantFile,
    find_notices,
    make_delegation,
    make_grant,
    make_revocation,
    parse_grant_file,
    read_grant_file,
    verify_grant,
)
from sottovoce.rights.grants.grant import GRANT_KIND
from sottovoce.rights.jws import peek_payload, sign_token
from sottovoce.rights.statements import open_statement
from tests.rights.people import (
    DAY,
    NOTICES,
    break_rules,
    declare,
    digest,
    first,
    follow,
    jwk,
    key,
    thumb,
)
from tests.rights.statements import test_chain

one_id_for_two = test_chain.one_id_for_two
YEAR_LATER = date(2027, 11, 26)


def grant(*statements: str, by: str = "owner", **options) -> GrantFile:
    options = {
        "grantee": "Acme TTS GmbH",
        "grantee_key": thumb("lab"),
        "grantee_uri": "https://acme.example",
        "uses": Use.TRAIN_GENERATIVE | Use.CLONE,
        "issued": DAY,
        **options,
    }
    return make_grant(statements or [first()], key=key(by), **options)


def verify(file: GrantFile, **options):
    options = {"owner_key": thumb("owner"), "day": DAY, "today": DAY, **options}
    return verify_grant(file, **options)


def sign_anything(*, by: str = "owner", **changes) -> GrantFile:
    """A grant that `make_grant` would not sign."""
    payload = {**peek_payload(grant().grant), **changes}
    return GrantFile(statements=(first(),), grant=sign_token(payload, kind=GRANT_KIND, key=key(by)))


def test_a_grant_permits_what_it_says():
    verdict = verify(grant(), grantee=key("lab"))
    assert verdict.valid
    permission = verdict.permission
    assert permission.owner_id == open_statement(first()).owner_id
    assert permission.notices == NOTICES
    assert permission.uses == Use.TRAIN_GENERATIVE | Use.CLONE
    assert permission.is_for_whole_id
    assert permission.grantee == "Acme TTS GmbH"
    assert (permission.first_day, permission.last_day) == (DAY, YEAR_LATER)
    assert permission.revocation_known_to == DAY
    assert permission.is_grantee_proved
    assert permission.covers(Use.CLONE, day=YEAR_LATER)
    assert not permission.covers(Use.CLONE, day=YEAR_LATER + timedelta(days=1))
    assert not permission.covers(Use.MINE, day=DAY)
    assert not permission.covers(Use(0), day=DAY)
    assert len(permission.serial) == 16
    assert "27 November 2026" in verdict.revocation_words


def test_a_thumbprint_alone_proves_no_licensee():
    assert not verify(grant(), grantee=thumb("lab")).permission.is_grantee_proved
    assert not verify(grant()).permission.is_grantee_proved


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"day": YEAR_LATER + timedelta(days=1)}, "not in force"),
        ({"day": DAY - timedelta(days=1)}, "not in force"),
        ({"grantee": thumb("other lab")}, "somebody else"),
        ({"grantee": key("other lab")}, "somebody else"),
        ({"owner_key": None}, "unanchored"),
        ({"owner_key": thumb("thief")}, "unanchored"),
    ],
)
def test_a_grant_permits_nothing_else(options, reason):
    verdict = verify(grant(), **options)
    assert not verdict.valid
    assert verdict.reason == reason
    assert verdict.permission is None


def test_a_grant_by_anybody_else_is_refused():
    assert verify(sign_anything(by="thief")).reason == "signer"
    for announced in ("next", "recovery", "heir"):
        assert verify(sign_anything(by=announced)).reason == "signer"


def test_a_statement_is_no_grant():
    file = GrantFile(statements=(first(),), grant=first())
    assert verify(file).reason == "forged"


def test_a_grant_is_no_statement():
    file = GrantFile(statements=(grant().grant,), grant=grant().grant)
    assert verify(file).reason == "statements"


def test_a_grant_for_another_owner_is_refused():
    assert verify(sign_anything(id="000000000001")).reason == "other owner"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "2036-11-28"},
        {"to": "2026-11-26"},
        {"to": "2026-11-31"},
        {"transferable": True},
        {"uses": []},
        {"uses": ["all"]},
        {"uses": ["licence"]},
        {"uses": ["train_generative"]},
        {"uses": ["clone", "clone"]},
        {"scope": {"kind": "files", "sha256": [], "pcm": []}},
        {"scope": {"kind": "id", "sha256": []}},
        {"scope": {"kind": "files", "sha256": ["AB" * 32], "pcm": []}},
        {"serial": "short"},
        {"grantee": {"name": "", "key": thumb("lab"), "uri": None}},
        {"grantee": {"name": "Acme", "key": None, "uri": None}},
        {"typ": "sottovoce-statement/1"},
        {"typ": "sottovoce-grant/2"},
        {"more": 1},
    ],
    ids=str,
)
def test_a_grant_with_another_form_is_refused(changes):
    assert verify(sign_anything(**changes)).reason == "invalid"


def test_a_grant_lasts_ten_years_at_most():
    ten = date(2036, 11, 27)
    assert verify(grant(last_day=ten), day=ten).valid
    with pytest.raises(StatementError, match="longer than 10 years"):
        grant(last_day=ten + timedelta(days=1))


def test_a_grant_for_marks_that_no_statement_mentions_is_refused():
    marks = [{"policy": 5, "year": 2027}]
    assert verify(sign_anything(marks=marks)).reason == "other marks"


def test_a_revoked_grant_is_refused_by_any_statement_that_is_known():
    file = grant()
    second = follow(first(), revoke=[digest(file.grant)])
    assert verify(file).valid
    assert verify(file, newest=[second]).reason == "revoked"
    third = follow(first(), second)
    inside = GrantFile(statements=(first(), second, third), grant=file.grant)
    assert verify(inside).reason == "revoked"


def test_up_to_which_day_revocation_is_known_is_the_newest_statements():
    later = DAY + timedelta(days=9)
    second = follow(first(), issued=later)
    verdict = verify(grant(), newest=[second], today=later)
    assert verdict.permission.revocation_known_to == later


def test_a_grant_outlives_its_key_only_if_the_next_statement_keeps_it():
    file = grant()
    dropped = follow(first(), by="next", next_thumbprint=thumb("next 2"))
    kept = follow(first(), by="next", next_thumbprint=thumb("next 2"), keep=[digest(file.grant)])
    assert verify(file, newest=[dropped]).reason == "retired key"
    assert verify(file, newest=[kept]).valid
    fresh = grant(first(), dropped, by="next")
    assert verify(fresh).valid


def test_a_thief_of_a_retired_key_grants_nothing():
    rotated = follow(first(), by="next", next_thumbprint=thumb("next 2"))
    assert verify(sign_anything(), newest=[rotated]).reason == "retired key"
    thiefs = follow(first(), declaration=declare(first(), pseudonym="thief"))
    assert verify(sign_anything(), newest=[rotated, thiefs]).reason == "retired key"


def test_two_branches_permit_nothing_until_the_next_key_decides():
    one = follow(first(), declaration=declare(first(), pseudonym="one"))
    two = follow(first(), declaration=declare(first(), pseudonym="two"))
    file = grant()
    assert verify(file, newest=[one, two]).reason == "conflict"
    keep = [digest(file.grant)]
    decided = follow(first(), one, by="next", next_thumbprint=thumb("next 2"), keep=keep)
    assert verify(file, newest=[one, two, decided]).valid


def test_statements_that_break_a_rule_permit_nothing():
    broken = break_rules(first(), by="thief")
    assert verify(grant(), newest=[broken]).reason == "statements"


def test_two_keys_for_one_id_permit_nothing(request):
    owners = test_chain.begin("owner", test_chain.ALL)
    labs = test_chain.begin("lab", Use.CLONE)
    payload = {**peek_payload(grant().grant), "id": "4f2a91c077de"}
    signed = sign_token(payload, kind=GRANT_KIND, key=key("lab"))
    request.getfixturevalue("one_id_for_two")
    file = GrantFile(statements=(labs,), grant=signed)
    assert verify(file, owner_key=thumb("lab")).valid
    for owner_key in (thumb("lab"), thumb("owner"), None):
        assert verify(file, owner_key=owner_key, newest=[owners]).reason == "conflict"


def test_nothing_that_was_signed_for_a_minor_counts():
    until = DAY + timedelta(days=30)
    token = first(minor_until=until)
    payload = {**peek_payload(grant().grant), "to": "2027-12-31"}
    early = GrantFile(
        statements=(token,), grant=sign_token(payload, kind=GRANT_KIND, key=key("owner"))
    )
    assert verify(early).reason == "minor"
    assert verify(early, day=until, today=until).reason == "minor"
    payload["issued"] = until.isoformat()
    signed = sign_token(payload, kind=GRANT_KIND, key=key("owner"))
    late = GrantFile(statements=(token,), grant=signed)
    assert verify(late, day=until, today=until).valid
    assert verify(late, day=until - timedelta(days=1), today=until).reason == "minor"


def test_a_grant_for_files_covers_these_only():
    file = grant(sha256=["ab" * 32], pcm_sha256=["cd" * 32])
    permission = verify(file).permission
    assert not permission.is_for_whole_id
    assert permission.covers_file(sha256="ab" * 32)
    assert permission.covers_file(pcm_sha256="cd" * 32)
    assert not permission.covers_file(sha256="cd" * 32)
    assert not permission.covers_file()


@given(st.integers(0, len(grant().grant) - 1), st.integers(1, 127))
def test_a_grant_with_a_changed_byte_is_never_accepted(place, change):
    token = GRANT.grant
    changed = token[:place] + chr(ord(token[place]) ^ change) + token[place + 1 :]
    assert not verify(GrantFile(statements=(first(),), grant=changed)).valid


GRANT = grant()
FILE = GRANT.to_bytes()


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_grants_file_with_a_changed_byte_is_refused_or_says_the_same(place, change):
    changed = FILE[:place] + bytes([FILE[place] ^ change]) + FILE[place + 1 :]
    try:
        file = parse_grant_file(changed)
    except StatementError:
        return
    if verify(file).valid:  # a space between two fields
        assert file == GRANT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"statements":[],"statements":[]}',
        b'{"statements":"a.b.c","grant":"a.b.c"}',
        b'{"statements":[1],"grant":"a.b.c"}',
        b'{"statements":[],"grant":null}',
        b'{"statements":["\xc3\xa9"],"grant":"a"}',
        b'{"statements":[],"grant":"a","more":"b"}',
        b"{" * 100_000,
        b'{"statements":' + b"[" * 100_000,
    ],
    ids=range(11),
)
def test_a_file_that_is_no_grants_is_refused(data, tmp_path):
    with pytest.raises(StatementError, match="not the file of a grant"):
        parse_grant_file(data)
    path = tmp_path / "bad.grant"
    path.write_bytes(data)
    with pytest.raises(StatementError, match=r"bad\.grant"):
        read_grant_file(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.grant"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(StatementError, match="larger than"):
        read_grant_file(path)
    with pytest.raises(StatementError, match="does not exist"):
        read_grant_file(tmp_path)


def delegate(**options) -> GrantFile:
    options = {"agent": "Voices", "agent_jwk": jwk("agent"), "uses": Use.CLONE, **options}
    return make_delegation([first()], key=key("owner"), issued=DAY, **options)


def test_an_agent_grants_within_the_delegation():
    delegation = delegate().delegation
    file = grant(by="agent", uses=Use.CLONE, delegation=delegation)
    verdict = verify(parse_grant_file(file.to_bytes()))
    assert verdict.valid
    assert verdict.delegation.agent == "Voices"
    second = follow(first(), revoke=[digest(delegation)])
    assert verify(file, newest=[second]).reason == "revoked"


@pytest.mark.parametrize(
    ("delegated", "granted"),
    [
        ({}, {"uses": Use.MINE}),
        ({}, {"uses": Use.MINE | Use.CLONE}),
        ({"last_day": DAY + timedelta(days=30)}, {}),
        ({"may": ["revoke"]}, {}),
        ({"agent_jwk": jwk("other agent")}, {}),
    ],
    ids=str,
)
def test_an_agent_cannot_go_beyond_the_delegation(delegated, granted):
    delegation = delegate(**delegated).delegation
    with pytest.raises(StatementError, match=r"agent|delegation"):
        grant(by="agent", delegation=delegation, **{"uses": Use.CLONE, **granted})
    payload = peek_payload(grant(uses=granted.get("uses", Use.CLONE)).grant)
    signed = sign_token(payload, kind=GRANT_KIND, key=key("agent"))
    file = GrantFile(statements=(first(),), grant=signed, delegation=delegation)
    assert verify(file).reason == "delegation"


def test_a_delegation_that_has_ended_permits_nothing():
    delegation = delegate(last_day=DAY + timedelta(days=30)).delegation
    file = grant(by="agent", uses=Use.CLONE, delegation=delegation, last_day=DAY)
    later = DAY + timedelta(days=31)
    assert verify(file).valid
    assert verify(file, day=later, today=later).reason == "not in force"


def test_an_agent_cannot_pass_a_delegation_on():
    payload = {
        **peek_payload(delegate().delegation),
        "agent": {"name": "Sub-agent", "key": jwk("sub")},
    }
    passed_on = sign_token(payload, kind="sottovoce-delegation+jws", key=key("agent"))
    signed = sign_token(peek_payload(grant().grant), kind=GRANT_KIND, key=key("sub"))
    file = GrantFile(statements=(first(),), grant=signed, delegation=passed_on)
    assert verify(file).reason == "delegation"
    assert "pass it on" in verify(file).problem


def test_an_agent_revokes_what_they_have_signed_and_nothing_else():
    delegation = delegate(may=["grant", "revoke"]).delegation
    options = {"by": "agent", "uses": Use.CLONE, "delegation": delegation}
    file, other = grant(**options), grant(**options)
    made = parse_grant_file(make_revocation(file, key=key("agent"), issued=DAY).to_bytes())
    assert verify(file, revocations=[made]).reason == "revoked"
    assert verify(other, revocations=[made]).valid
    owners = GrantFile(statements=(first(),), grant=grant().grant, delegation=delegation)
    with pytest.raises(StatementError, match="only revoke grants that they have signed"):
        make_revocation(owners, key=key("agent"), issued=DAY)
    with pytest.raises(StatementError, match="signature"):
        make_revocation(file, key=key("thief"), issued=DAY)


def test_an_agent_who_may_not_revoke_cannot():
    file = grant(by="agent", uses=Use.CLONE, delegation=delegate().delegation)
    with pytest.raises(StatementError, match="may not revoke"):
        make_revocation(file, key=key("agent"), issued=DAY)


def test_a_revocation_that_does_not_hold_is_reported():
    delegation = delegate(may=["grant", "revoke"]).delegation
    file = grant(by="agent", uses=Use.CLONE, delegation=delegation)
    made = make_revocation(file, key=key("agent"), issued=DAY)
    forged = GrantFile(
        statements=made.statements,
        delegation=delegation,
        revocation=sign_token(
            peek_payload(made.revocation), kind="sottovoce-revocation+jws", key=key("thief")
        ),
    )
    assert verify(file, revocations=[forged]).reason == "forged"


def test_a_delegation_alone_is_no_grant():
    assert verify(delegate()).reason == "invalid"


def test_an_agents_grant_without_the_delegation_is_refused():
    file = grant(by="agent", uses=Use.CLONE, delegation=delegate().delegation)
    alone = GrantFile(statements=file.statements, grant=file.grant)
    assert verify(alone).reason == "signer"


def test_only_the_owners_current_key_delegates():
    with pytest.raises(StatementError, match="not the current one"):
        make_delegation([first()], key=key("thief"), agent="A", agent_jwk=jwk("a"), uses=Use.CLONE)


def test_there_is_no_word_for_all_uses():
    for uses in (Use(0), Use.LICENCE, Use.LICENCE | Use.CLONE):
        with pytest.raises(ParameterError, match="does not name uses"):
            grant(uses=uses)


def test_a_verdict_is_told_as_json():
    for verdict in (verify(grant()), verify(grant(), owner_key=None)):
        told = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
        assert told["valid"] == verdict.valid
        assert told["revocation_known_to"] == DAY.isoformat()


def test_no_serial_looks_like_an_option(monkeypatch):
    drawn = iter([b"\xf8" + bytes(11), b"\xfb" + bytes(11), bytes(12)])
    monkeypatch.setattr("secrets.token_bytes", lambda _: next(drawn))
    made = make_grant(
        [first()],
        key=key("owner"),
        grantee="Acme TTS GmbH",
        grantee_key=thumb("lab"),
        uses=Use.CLONE,
        issued=DAY,
    )
    assert peek_payload(made.grant)["serial"] == "A" * 16


def test_a_grant_beyond_the_calendar_is_explained():
    with pytest.raises(ParameterError, match="too far in the future"):
        make_grant(
            [first()],
            key=key("owner"),
            grantee="Acme TTS GmbH",
            grantee_key=thumb("lab"),
            uses=Use.CLONE,
            first_day=date(9999, 6, 1),
        )


def test_a_grant_that_names_no_marks_cannot_be_looked_for():
    token = sign_token({"id": "4f2a91c077de", "marks": []}, kind=GRANT_KIND, key=key("owner"))
    with pytest.raises(StatementError, match="does not say"):
        find_notices(GrantFile(statements=(), grant=token))
