"""Which key signs for an identity, and what its first statement names."""

from __future__ import annotations

import pytest

from sottovoce.errors import StatementError
from sottovoce.rights import RecoveryWords, commit, make_identity, thumbprint
from sottovoce.rights.keys_of import keys_of, present_thumbprint, secret_files_of
from sottovoce.rights.own_files import write_own_statement
from sottovoce.rights.statements import Declaration, make_statement
from tests.rights.people import DAY, key

WORDS = RecoveryWords(bytes(range(32)))


@pytest.fixture
def config(tmp_path):
    return tmp_path / "sottovoce"


@pytest.fixture
def identity(config):
    return make_identity(folder=config / "identities")


def test_without_words_the_first_key_signs_and_nothing_takes_over(identity):
    keys = keys_of(identity)
    assert keys.private_key.sign(b"x") == identity.private_key.sign(b"x")
    assert keys.thumbprint == keys.first_thumbprint == thumbprint(identity.public_key)
    assert (keys.next_thumbprint, keys.recovery_thumbprint) == (None, None)
    assert "private_key" not in repr(keys)
    assert secret_files_of(identity) == identity.secret_files()


def test_the_words_are_what_may_take_over(identity, config):
    named = commit(WORDS, identity.owner_id, folder=config)
    keys = keys_of(identity)
    assert keys.next_thumbprint == named.next_thumbprint
    assert keys.recovery_thumbprint == named.recovery_thumbprint


def test_a_statement_by_a_key_that_is_elsewhere_is_told(identity, config):
    token = make_statement(Declaration(), key=key("elsewhere"), issued=DAY)
    write_own_statement(token, owner_id=identity.owner_id, seq=1, folder=config)
    assert present_thumbprint(identity) == thumbprint(key("elsewhere"))
    assert secret_files_of(identity) == []
    with pytest.raises(StatementError, match="not on this machine"):
        keys_of(identity)


def test_a_damaged_statement_signs_nothing(identity, config):
    write_own_statement("x", owner_id=identity.owner_id, seq=1, folder=config)
    with pytest.raises(StatementError, match="signature is not valid"):
        keys_of(identity)
