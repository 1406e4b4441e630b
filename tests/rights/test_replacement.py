"""A key is replaced: nothing is lost by a crash, and words with a statement are enough."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

from sottovoce.core.policy import POLICIES
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights import RecoveryWords, commit, load_identity, make_identity, thumbprint
from sottovoce.rights.keys import key_files
from sottovoce.rights.keys_of import keys_of
from sottovoce.rights.own_files import read_own_statements, write_own_statement
from sottovoce.rights.replacement import check_replaceable, join_statements, replace_key
from sottovoce.rights.statements import (
    Declaration,
    continue_statements,
    make_statement,
    verify_statements,
)

WORDS = RecoveryWords(bytes(range(32)))
OTHER = RecoveryWords(bytes(32))


class CrashError(Exception):
    pass


def declare(identity) -> str:
    """Sign and store the first statement."""
    keys = keys_of(identity)
    token = make_statement(
        Declaration(notices=((0x7F, 2026),)),
        key=keys.private_key,
        next_thumbprint=keys.next_thumbprint,
        recovery_thumbprint=keys.recovery_thumbprint,
    )
    folder = identity.path.parent.parent
    write_own_statement(token, owner_id=identity.owner_id, seq=1, folder=folder)
    return token


@pytest.fixture
def config(tmp_path):
    return tmp_path / "sottovoce"


@pytest.fixture
def identity(config):
    """With words and a first statement that names the key from them."""
    made = make_identity(folder=config / "identities")
    commit(WORDS, made.owner_id, folder=config)
    declare(made)
    return made


def load(folder):
    return load_identity(folder=folder / "identities")


def own(identity, folder) -> list[str]:
    return read_own_statements(identity.owner_id, folder=folder)


def sign_another(folder) -> str:
    """The role of the key by which whatever is there now signs a statement."""
    one = load(folder)
    tokens = own(one, folder)
    tokens.append(continue_statements(tokens, key=keys_of(one).private_key))
    standing = verify_statements(tokens, owner_key=thumbprint(one.public_key))
    assert standing.valid
    return standing.steps[-1].signer


def test_the_next_key_takes_over_and_signs_from_then_on(identity, config):
    for n in (1, 2, 3):
        made = replace_key(own(identity, config), WORDS, identity=identity, folder=config)
        assert list(made.statements) == own(identity, config)
        keys = keys_of(identity)
        assert (
            keys.thumbprint == made.thumbprint == thumbprint(WORDS.next_key(identity.owner_id, n))
        )
        assert keys.first_thumbprint == thumbprint(identity.public_key)
        standing = verify_statements(made.statements, owner_key=keys.first_thumbprint)
        assert [one.signer for one in standing.steps] == ["inception", *["next"] * n]
        assert standing.statement.next_key == keys.next_thumbprint
        assert standing.statement.recovery_key == keys.recovery_thumbprint
        assert standing.refused == POLICIES["all"]
    assert sign_another(config) == "current"


def test_only_a_rotation_lifts_a_refusal(identity, config):
    tokens = own(identity, config)
    less = Declaration(refused=POLICIES["cloning"], notices=((0x7F, 2026),))
    with pytest.raises(StatementError, match="lifts a refusal"):
        continue_statements(tokens, key=keys_of(identity).private_key, declaration=less)
    made = replace_key(tokens, WORDS, identity=identity, declaration=less, folder=config)
    standing = verify_statements(made.statements, owner_key=thumbprint(identity.public_key))
    assert standing.refused == POLICIES["cloning"]


@contextmanager
def crash(*, after: int):
    """Files are written until there are so many; then, everything ends."""
    written, write = [], key_files.write_once

    def write_or_end(path, data) -> None:
        if len(written) == after:
            raise CrashError
        write(path, data)
        written.append(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(key_files, "write_once", write_or_end)
        yield


# A key, the thumbprint of the one after it, the statement.
@pytest.mark.parametrize("n_written", range(3))
def test_after_a_crash_something_signs_and_the_same_again_completes_it(
    identity, config, n_written, tmp_path
):
    before = own(identity, config)
    with crash(after=n_written), pytest.raises(CrashError):
        replace_key(before, WORDS, identity=identity, folder=config)
    assert own(identity, config) == before
    shutil.copytree(config, tmp_path / "copy")
    assert sign_another(tmp_path / "copy") == "current"
    made = replace_key(before, WORDS, identity=identity, folder=config)
    assert made.thumbprint == thumbprint(WORDS.next_key(identity.owner_id, 1))
    assert sign_another(config) == "current"
    assert keys_of(load(config)).thumbprint == made.thumbprint


# The identity, two statements, a key, the thumbprint of the one after it, the new statement.
@pytest.mark.parametrize("n_written", range(7))
def test_words_and_statements_are_enough_on_an_empty_machine(identity, config, tmp_path, n_written):
    first = replace_key(own(identity, config), WORDS, identity=identity, folder=config)
    empty = tmp_path / "empty"
    owner = identity.owner_id

    def take_over():
        known = load(empty) if (empty / "identities").is_dir() else None
        tokens = join_statements(owner, first.statements, folder=empty)
        return replace_key(tokens, WORDS, identity=known, folder=empty)

    if n_written < 6:
        with crash(after=n_written), pytest.raises(CrashError):
            take_over()
    made = take_over()
    assert made.identity.owner_id == owner
    assert made.thumbprint == thumbprint(WORDS.next_key(owner, 2))
    assert sign_another(empty) == "current"
    assert own(identity, empty)[:2] == list(first.statements)
    with pytest.raises(StatementError, match="no seed"):
        load(empty).open_key()


def test_other_words_store_nothing(identity, config):
    before = sorted(config.rglob("*"))
    with pytest.raises(ParameterError, match="not the recovery words of"):
        replace_key(own(identity, config), OTHER, identity=identity, folder=config)
    assert sorted(config.rglob("*")) == before


def test_a_key_without_a_next_one_stays(config):
    made = make_identity(folder=config / "identities")
    token = declare(made)
    # Words that come too late are named by no statement.
    commit(WORDS, made.owner_id, folder=config)
    with pytest.raises(StatementError, match="never be replaced"):
        replace_key([token], WORDS, identity=made, folder=config)
    with pytest.raises(StatementError, match="there is no statement"):
        check_replaceable([])


@pytest.mark.slow
def test_a_sealed_key_asks_for_its_passphrase(identity, config):
    sealed = {"passphrase": "sesame"}
    replace_key(own(identity, config), WORDS, identity=identity, folder=config, **sealed)
    with pytest.raises(StatementError, match="sealed"):
        keys_of(identity)
    assert keys_of(identity, ask=lambda _: "sesame").private_key


@pytest.mark.slow
@pytest.mark.parametrize("first_try", [b"", "sesame"])
def test_a_file_of_an_earlier_attempt_that_does_not_open_is_told_before_anything_is_signed(
    identity, config, first_try
):
    """Or the statement would name a key that its owner cannot open."""
    before, sealed = own(identity, config), {"passphrase": "another"}
    path = config / "keys" / f"{identity.owner_id:012x}-1.json"
    if first_try:
        with crash(after=1), pytest.raises(CrashError):
            replace_key(before, WORDS, identity=identity, folder=config, passphrase=first_try)
    else:
        key_files.write_once(path, first_try)
    with pytest.raises(StatementError, match="earlier attempt"):
        replace_key(before, WORDS, identity=identity, folder=config, **sealed)
    assert own(identity, config) == before
    path.rename(path.with_suffix(".away"))
    replace_key(before, WORDS, identity=identity, folder=config, **sealed)
    assert keys_of(identity, ask=lambda _: "another").private_key


class TestJoining:
    def test_later_statements_are_added_and_earlier_ones_change_nothing(self, identity, config):
        first = own(identity, config)
        later = [*first, continue_statements(first, key=keys_of(identity).private_key)]
        owner = identity.owner_id
        assert join_statements(owner, later, folder=config) == later
        assert join_statements(owner, (), folder=config) == first
        write_own_statement(later[1], owner_id=owner, seq=2, folder=config)
        assert join_statements(owner, first, folder=config) == later

    def test_a_branch_of_a_thief_is_not_taken(self, identity, config):
        first, key = own(identity, config), keys_of(identity).private_key
        mine = continue_statements(first, key=key)
        stolen = continue_statements(first, key=key, declaration=Declaration(name="Thief"))
        write_own_statement(mine, owner_id=identity.owner_id, seq=2, folder=config)
        with pytest.raises(StatementError, match="in conflict"):
            join_statements(identity.owner_id, [*first, stolen], folder=config)
        # The key on paper settles it.
        made = replace_key([*first, mine], WORDS, identity=identity, folder=config)
        standing = verify_statements([*made.statements, stolen])
        assert standing.conflict == ""
        assert standing.current_key == made.thumbprint

    def test_where_the_key_was_replaced_elsewhere_it_is_told(self, identity, config, tmp_path):
        shutil.copytree(config, tmp_path / "b")
        first = own(identity, config)
        made = replace_key(first, WORDS, identity=load(tmp_path / "b"), folder=tmp_path / "b")
        mine = continue_statements(first, key=keys_of(identity).private_key)
        write_own_statement(mine, owner_id=identity.owner_id, seq=2, folder=config)
        with pytest.raises(StatementError, match="take precedence") as caught:
            join_statements(identity.owner_id, made.statements, folder=config)
        assert "Move" in caught.value.remedy

    def test_forged_ones_and_those_of_others_are_refused(self, identity, config, tmp_path):
        token = own(identity, config)[0]
        with pytest.raises(StatementError):
            join_statements(identity.owner_id, [token[:-9] + "A" * 9], folder=config)
        with pytest.raises(StatementError, match="another owner"):
            join_statements(1, [token], folder=tmp_path / "empty")
