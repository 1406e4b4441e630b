"""The rules of a chain of statements: who may sign what, and what is in force."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, SignatureError, StatementError
from sottovoce.rights.jws import sign_token
from sottovoce.rights.statements import (
    Declaration,
    make_statement,
    open_statement,
    verify_statements,
)
from sottovoce.rights.statements import statement as statement_module
from sottovoce.rights.statements.statement import KIND
from tests.rights.people import (
    ALL,
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
    uses,
)

RELAXED = Use.TRAIN_OTHER


def verify(*tokens: str, owner_key: str | None = None):
    return verify_statements(tokens, owner_key=owner_key, today=DAY)


def anchored(*tokens: str):
    return verify(*tokens, owner_key=thumb("owner"))


def test_a_first_statement_is_valid_and_explained():
    standing = verify(first())
    assert standing.valid
    assert standing.refused == ALL
    assert standing.current_key == standing.inception_key == thumb("owner")
    assert standing.known_to == DAY
    assert [step.signer for step in standing.steps] == ["inception"]
    assert "27 November 2026" in standing.steps[0].words
    assert not standing.is_anchored


def test_statements_may_come_in_any_order_and_twice():
    second = follow(first())
    assert verify(second, first(), second) == verify(first(), second)


def test_a_thief_of_the_current_key_cannot_lift_a_refusal():
    standing = anchored(first(), break_rules(first(), uses=uses(RELAXED)))
    assert not standing.valid
    assert "lifts a refusal" in standing.problem
    assert standing.refused == ALL


def test_the_next_key_lifts_a_refusal_for_whoever_knows_the_first_key():
    relaxed = follow(
        first(),
        by="next",
        declaration=declare(first(), refused=RELAXED),
        next_thumbprint=thumb("next 2"),
    )
    assert anchored(first(), relaxed).refused == RELAXED
    assert anchored(first(), relaxed).steps[1].signer == "next"
    assert verify(first(), relaxed).refused == ALL


@pytest.mark.parametrize("by", ["recovery", "heir"])
def test_other_announced_keys_replace_a_key_but_lift_nothing(by):
    taken = follow(first(), by=by, next_thumbprint=thumb("next 2"))
    assert anchored(first(), taken).current_key == thumb(by)
    lifted = break_rules(first(), by=by, uses=uses(RELAXED), keys={"recovery_thumbprint": None})
    lifted_standing = anchored(first(), lifted)
    assert not lifted_standing.valid


def test_a_key_that_was_not_announced_takes_nothing_over():
    standing = anchored(first(), break_rules(first(), by="thief"))
    assert "does not announce" in standing.problem


def test_a_takeover_in_two_steps_fails_at_the_first():
    """The thief announces a key of their own under the stolen one, and would rotate to it."""
    one = break_rules(first(), keys={"next_thumbprint": thumb("thief")})
    two = break_rules(one, by="thief", uses=uses(Use(0)), keys={"next_thumbprint": thumb("x")})
    for tokens in ([first(), one], [first(), one, two]):
        standing = anchored(*tokens)
        assert not standing.valid
        assert "announces other keys" in standing.problem
        assert standing.refused == ALL


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": {"recovery_thumbprint": thumb("thief")}},
        {"keys": {"recovery_thumbprint": None}},
        {"keys": {"next_thumbprint": None}},
        {"successors": [thumb("thief")]},
        {"successors": []},
    ],
)
def test_the_current_key_announces_no_other_keys(changes):
    assert "announces other keys" in anchored(first(), break_rules(first(), **changes)).problem


def test_a_key_cannot_be_announced_as_its_own_next_one():
    announced = break_rules(first(), keys={"next_thumbprint": thumb("owner")})
    assert "one key for two roles" in anchored(first(), announced).problem


def test_the_current_key_may_add_refusals_and_withdraw_grants():
    soft = make_statement(
        Declaration(refused=RELAXED), key=key("owner"), next_thumbprint=thumb("next"), issued=DAY
    )
    hard = follow(soft, declaration=declare(soft, refused=ALL), revoke=[digest("a grant")])
    standing = anchored(soft, hard)
    assert standing.refused == ALL
    assert standing.revoked_grants == {digest("a grant")}


def test_a_withdrawal_is_never_taken_back():
    second = follow(first(), revoke=[digest("a grant")])
    third = follow(first(), second)
    fourth = break_rules(third, revoked_grants=[])
    assert anchored(first(), second, third, fourth).revoked_grants == {digest("a grant")}


def test_a_key_that_was_replaced_never_comes_back():
    second = follow(first(), by="next", next_thumbprint=thumb("next 2"))
    third = break_rules(second, by="owner", keys={"next_thumbprint": thumb("x")})
    assert not anchored(first(), second, third).valid
    back = follow(first(), by="next", next_thumbprint=thumb("owner"))
    assert (
        "was replaced before"
        in anchored(
            first(), back, break_rules(back, by="owner", keys={"next_thumbprint": None})
        ).problem
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"seq": 3}, "does not follow"),
        ({"prev": digest("x")}, "missing"),
        ({"issued": "2026-11-26", "since": "2026-11-26"}, "dated before"),
        ({"issued": "2027-11-26"}, "in the future"),
        ({"since": "2026-11-28"}, "known since"),
        ({"issued": "2026-02-30"}, "not a day"),
        ({"kept_grants": [digest("x")]}, "retires no key"),
        ({"keys": {"inception": jwk("thief")}}, "does not belong to the key"),
        ({"id": "000000000001"}, "different owners"),
        ({"seq": 2.5}, "cannot be signed"),
        ({"more": 1}, "format"),
        ({"contact": "javascript:alert(1)"}, "format"),
        ({"contact": "mailto:a\n@b"}, "format"),
        ({"minor_until": "2026-11-27\n"}, "format"),
        ({"successors": [thumb("x") + "\n"]}, "format"),
        ({"marks": [{"policy": 0, "year": 2026}]}, "format"),
        ({"uses": {"clone": {"refused": True, "on_request": False}}}, "format"),
    ],
    ids=str,
)
def test_a_second_statement_that_breaks_a_rule_is_refused(changes, problem):
    try:
        token = break_rules(first(), **changes)
    except ParameterError as err:
        assert problem in str(err)  # noqa: PT017 - what cannot even be signed
        return
    standing = anchored(first(), token)
    assert not standing.valid
    assert problem in standing.problem
    assert standing.refused == ALL


def test_a_chain_without_its_first_statement_is_refused():
    second = follow(first())
    assert "missing" in verify(second).problem
    assert "no statement" in verify().problem


def test_an_impostor_cannot_begin_with_somebody_elses_key():
    fields = {**open_statement(first()).fields}
    fields["keys"] = {**fields["keys"], "current": jwk("thief")}
    forged = sign_token(fields, kind=KIND, key=key("thief"))
    assert "not signed by the key that the owner id was made from" in verify(forged).problem


def test_an_id_that_its_first_key_does_not_make_is_refused():
    one = open_statement(first())
    token = sign_token({**one.fields, "id": "000000000001"}, kind=KIND, key=key("owner"))
    assert "does not belong to the key" in verify(token).problem


def test_statements_of_two_owners_do_not_mix():
    assert "different owners" in verify(first(), first("somebody")).problem


def test_a_file_with_many_owners_costs_no_derivation_of_their_ids(monkeypatch):
    tokens = [first(), first("somebody")]
    open_statement.cache_clear()

    def derive(_):
        raise AssertionError("an owner id was derived")

    monkeypatch.setattr("sottovoce.rights.statements.statement.owner_of_key", derive)
    assert "different owners" in verify(*tokens).problem


@given(st.integers(0, len(first()) - 1), st.integers(1, 127))
def test_a_statement_with_a_changed_byte_is_never_accepted(place, change):
    token = first()
    changed = token[:place] + chr(ord(token[place]) ^ change) + token[place + 1 :]
    assert not verify(changed).valid


def test_the_contracts_key_must_be_the_first_one():
    standing = verify(first(), owner_key=thumb("thief"))
    assert not standing.valid
    assert "another key" in standing.problem
    with pytest.raises(ParameterError, match="thumbprint"):
        verify(first(), owner_key="4f2a-91c0-77de")


def test_of_two_branches_the_one_with_the_next_key_counts():
    thiefs = follow(first(), declaration=declare(first(), pseudonym="thief"))
    owners = follow(first(), by="next", next_thumbprint=thumb("next 2"))
    standing = anchored(first(), thiefs, owners)
    assert standing.valid
    assert not standing.conflict
    assert standing.current_key == thumb("next")
    assert [step.counts for step in standing.steps].count(True) == 2
    assert any("takes precedence" in step.words for step in standing.steps)


def test_the_next_key_decides_also_where_it_signs_later():
    thiefs = follow(first(), declaration=declare(first(), pseudonym="thief"))
    owners = follow(first(), declaration=declare(first(), pseudonym="owner"))
    assert anchored(first(), thiefs, owners).conflict == "two branches"
    later = follow(first(), owners, by="next", next_thumbprint=thumb("next 2"))
    standing = anchored(first(), thiefs, owners, later)
    assert not standing.conflict
    assert standing.statement.pseudonym == "owner"


def test_two_branches_by_one_key_are_a_conflict_in_which_refusals_add_up():
    soft = make_statement(
        Declaration(refused=Use.CLONE), key=key("owner"), next_thumbprint=thumb("next"), issued=DAY
    )
    one = follow(soft, declaration=declare(soft, refused=Use.CLONE | Use.MINE))
    two = follow(soft, declaration=declare(soft, refused=Use.CLONE | Use.INPUT))
    standing = anchored(soft, one, two)
    assert standing.valid
    assert standing.conflict == "two branches"
    assert standing.refused == Use.CLONE | Use.MINE | Use.INPUT
    assert standing.statement is None
    assert standing.current_key == ""


def test_a_second_first_statement_by_a_thief_of_the_first_key_lifts_nothing():
    """Before a first statement nothing was announced, so nothing decides between two of them."""
    thiefs = make_statement(
        Declaration(refused=Use.CLONE), key=key("owner"), next_thumbprint=thumb("thief"), issued=DAY
    )
    lifted = follow(
        thiefs, by="thief", declaration=declare(thiefs, refused=Use(0)), next_thumbprint=thumb("x")
    )
    standing = anchored(first(), thiefs, lifted)
    assert standing.conflict == "two branches"
    assert standing.refused == ALL


@pytest.fixture
def one_id_for_two(monkeypatch):
    """A world in which somebody has found a second key for an owner id."""
    open_statement.cache_clear()
    monkeypatch.setattr(statement_module, "owner_of_key", lambda _key: 0x4F2A91C077DE)
    yield
    open_statement.cache_clear()


def begin(by: str, refused: Use) -> str:
    fields = {
        **open_statement(first()).fields,
        **Declaration(refused=refused, notices=NOTICES).to_fields(),
        "id": "4f2a91c077de",
        "keys": {
            "current": jwk(by),
            "inception": jwk(by),
            "next_thumbprint": None,
            "recovery_thumbprint": None,
        },
        "successors": [],
    }
    return sign_token(fields, kind=KIND, key=key(by))


def test_two_keys_for_one_id_are_a_conflict_in_which_refusals_add_up(request):
    tokens = [begin("owner", Use.CLONE | Use.MINE), begin("lab", Use.INPUT)]
    request.getfixturevalue("one_id_for_two")
    for owner_key in (None, thumb("owner"), thumb("lab")):
        standing = verify(*tokens, owner_key=owner_key)
        assert standing.valid
        assert standing.conflict == "two keys"
        assert standing.refused == Use.CLONE | Use.MINE | Use.INPUT
        assert standing.statement is None


def test_a_minors_day_comes_no_earlier_by_the_current_key():
    until = date(2030, 1, 1)
    token = first(minor_until=until)
    for changed in (None, "2029-12-31"):
        standing = anchored(token, break_rules(token, minor_until=changed))
        assert "protection of a minor" in standing.problem
    later = follow(token, declaration=declare(token, minor_until=until + timedelta(days=1)))
    assert anchored(token, later).minor_until == until + timedelta(days=1)


def test_what_somebody_else_marked_is_disowned_for_good():
    second = follow(first(), declaration=declare(first(), disowned=frozenset({"ab" * 32})))
    assert anchored(first(), second).disowned == {"ab" * 32}


def test_a_claimed_day_is_a_claim_and_a_time_stamp_is_not_checked():
    anchor = {"kind": "rfc3161", "of": digest(first()), "value": "AAAA"}
    token = break_rules(first(), since="1999-01-01", anchors=[anchor])
    standing = anchored(first(), token)
    assert standing.valid
    assert standing.statement.since == date(1999, 1, 1)
    assert standing.statement.n_anchors == 1
    assert not any("1999" in step.words for step in standing.steps)


def test_a_forged_statement_is_told_in_one_message():
    with pytest.raises(SignatureError) as caught:
        open_statement("a.b.c")
    assert verify("a.b.c").problem == caught.value.message


def test_nothing_is_signed_that_no_reader_would_accept():
    with pytest.raises(StatementError, match="lifts a refusal"):
        follow(first(), declaration=declare(first(), refused=RELAXED))
    with pytest.raises(StatementError, match="does not announce"):
        follow(first(), by="thief")
    with pytest.raises(StatementError, match="announces other keys"):
        follow(first(), next_thumbprint=thumb("thief"))
    with pytest.raises(ParameterError, match="format"):
        make_statement(Declaration(contact="no address"), key=key("owner"), issued=DAY)
    with pytest.raises(StatementError, match="nothing can follow"):
        follow(follow(first()))


def test_too_many_statements_are_refused_before_any_work():
    assert "more than 256" in verify(*map(str, range(300))).problem


SEAL = "sha-256:" + 43 * "A"


def test_a_commitment_to_a_seal_is_kept_and_never_changed():
    """Whoever could change it could fit the seal to a recording that they have heard."""
    token = first()
    assert open_statement(token).seal == ""
    second = follow(token, declaration=declare(token, seal=SEAL))
    third = follow(token, second, declaration=Declaration(name="two", notices=NOTICES))
    assert [open_statement(one).seal for one in (second, third)] == [SEAL, SEAL]
    assert verify(token, second, third).valid
    other = declare(token, seal="sha-256:" + 43 * "B")
    for signer in ("owner", "next", "recovery"):
        with pytest.raises(StatementError, match="commits to another seal"):
            follow(token, second, by=signer, declaration=other)
    broken = break_rules(second, seal="sha-256:" + 43 * "B")
    assert "commits to another seal" in verify(token, second, broken).problem
