"""Whatever a thief of the current key signs, in any order: no refusal is lifted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.policy import Use
from sottovoce.rights.jws import sign_token
from sottovoce.rights.statements import open_statement, verify_statements
from sottovoce.rights.statements.statement import KIND
from tests.rights.people import ALL, DAY, break_rules, first, follow, jwk, key, thumb, uses

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "uses": st.sampled_from([uses(ALL), uses(Use.CLONE), uses(Use(0))]),
        "successors": st.sampled_from([[], [thumb("thief")], [thumb("heir")]]),
        "kept_grants": st.just([]),
        "minor_until": st.sampled_from([None, "2030-01-01"]),
        "keys": st.fixed_dictionaries(
            {},
            optional={
                "next_thumbprint": st.sampled_from([None, thumb("thief"), thumb("next")]),
                "recovery_thumbprint": st.sampled_from([None, thumb("thief 2")]),
            },
        ),
    },
)
MOVES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["owner", "thief", "thief 2"]), CHANGES),
    min_size=1,
    max_size=5,
)


def begin_again(changes) -> str:
    """Another first statement by the stolen first key."""
    fields = open_statement(first()).fields
    keys = {**fields["keys"], **changes.get("keys", {}), "current": jwk("owner")}
    return sign_token({**fields, **changes, "keys": keys}, kind=KIND, key=key("owner"))


@given(MOVES, st.booleans(), st.booleans())
def test_a_thief_of_the_current_key_lifts_nothing(moves, begins, rotates):
    tokens = [first()]

    def publish(token: str) -> None:
        # What everybody would reject cannot be built upon.
        if verify_statements([*tokens, token], today=DAY).valid:
            tokens.append(token)

    if begins:
        publish(begin_again(moves[0][2]))
    for place, by, changes in moves:
        publish(break_rules(tokens[place % len(tokens)], by=by, **changes))
    if rotates:
        tokens.append(follow(first(), by="next", next_thumbprint=thumb("next 2")))
    for owner_key in (None, thumb("owner")):
        standing = verify_statements(tokens, owner_key=owner_key, today=DAY)
        assert standing.valid
        assert standing.refused == ALL
        if rotates and not begins:
            assert standing.current_key == thumb("next")
