"""Keys: made once, never replaced, private, and the source of the owner id."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.errors import ParameterError, SottovoceError, StatementError
from sottovoce.rights import (
    Identity,
    explain_exposure,
    identity_folder,
    list_identities,
    load_identity,
    make_identity,
    owner_id_from_public_key,
)
from sottovoce.rights import identity as keys
from sottovoce.rights.keys.key_files import write_key


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sottovoce" / "identities"


@pytest.fixture(params=[False, True], ids=["from the seed", "self-contained"])
def identity(request, folder) -> Identity:
    return make_identity(folder=folder, self_contained=request.param)


def test_a_key_comes_back_as_it_was_made(identity, folder):
    again = load_identity(folder=folder, verify=True)
    assert again == identity
    assert again.private_key.sign(b"x") == identity.private_key.sign(b"x")


def test_the_owner_id_is_the_public_keys(identity):
    assert identity.owner_id == owner_id_from_public_key(identity.public_key)
    assert 0 < identity.owner_id < 1 << 48


def test_the_secret_is_neither_shown_nor_exported(identity):
    assert "private_key" not in repr(identity)
    assert "private_key" not in json.dumps(identity.to_dict())


def test_only_the_person_can_read_the_key(identity, folder):
    assert stat.S_IMODE(identity.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_but_the_key_is_left_in_the_folder(identity, folder):
    assert list(folder.iterdir()) == [identity.path]


def test_a_key_is_never_overwritten(identity, folder):
    before = identity.path.read_bytes()
    with pytest.raises(ParameterError, match="already exists") as caught:
        make_identity(folder=folder)
    assert "load_identity(name='default')" in caught.value.remedy
    assert identity.path.read_bytes() == before


def test_of_two_that_make_a_key_at_once_one_wins(folder):
    start = threading.Barrier(4)
    made, refused = [], []

    def make():
        start.wait()
        try:
            made.append(make_identity(folder=folder))
        except ParameterError as err:
            refused.append(err)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 3)
    assert load_identity(folder=folder, verify=True) == made[0]


def test_identities_are_named_apart(identity, folder):
    other = make_identity("audiobook-2026", folder=folder)
    assert other.owner_id != identity.owner_id
    assert list_identities(folder=folder) == ["audiobook-2026", "default"]
    assert load_identity("audiobook-2026", folder=folder) == other


def test_a_missing_identity_is_told_with_the_remedy(folder):
    with pytest.raises(ParameterError, match="no identity named 'nobody'") as caught:
        load_identity("nobody", folder=folder)
    assert "make_identity(name='nobody')" in caught.value.remedy
    assert list_identities(folder=folder) == []


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a b", "-x", "x" * 65, "é", "a\n"])
def test_a_name_cannot_leave_the_folder(name, folder):
    with pytest.raises(ParameterError, match="not a valid name"):
        make_identity(name, folder=folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["anonymous", "4f2a91c077de", "4f2a-91c0-77de"])
def test_a_name_cannot_be_taken_for_an_owner_id(name, folder):
    with pytest.raises(ParameterError, match="owner id"):
        make_identity(name, folder=folder)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"private_key": 3}', b"{" * 9_999]
)
def test_a_damaged_key_file_is_refused(content, identity, folder):
    identity.path.write_bytes(content)
    with pytest.raises(StatementError, match="damaged"):
        load_identity(folder=folder)


def test_a_key_that_is_not_of_its_public_key_is_refused(folder):
    identity, other = (make_identity(n, folder=folder, self_contained=True) for n in ("a", "b"))
    stored = json.loads(identity.path.read_text())
    stored["private_key"] = json.loads(other.path.read_text())["private_key"]
    identity.path.write_text(json.dumps(stored))
    with pytest.raises(StatementError, match="damaged"):
        load_identity("a", folder=folder)


@pytest.mark.parametrize("name", ["public_key", "info"])
def test_a_part_of_another_length_is_refused(name, folder):
    identity = make_identity(folder=folder)
    stored = json.loads(identity.path.read_text())
    identity.path.write_text(json.dumps({**stored, name: "AAAA"}))
    with pytest.raises(StatementError, match="damaged"):
        load_identity(folder=folder)


def test_a_file_of_a_newer_release_says_so(identity, folder):
    stored = json.loads(identity.path.read_text())
    identity.path.write_text(json.dumps({**stored, "format": "sottovoce-identity-3"}))
    with pytest.raises(StatementError, match="newer release") as caught:
        load_identity(folder=folder)
    assert "Update" in caught.value.remedy


def test_an_owner_id_that_is_not_of_its_key_is_refused(identity, folder):
    stored = json.loads(identity.path.read_text())
    stored["owner"] = "0000-0000-0001"
    identity.path.write_text(json.dumps(stored))
    with pytest.raises(StatementError, match="damaged"):
        load_identity(folder=folder)
    with pytest.raises(StatementError, match="damaged"):
        load_identity(folder=folder, verify=True)


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SottovoceError, match="cannot be stored"):
        make_identity(folder=tmp_path / "file" / "identities")


def test_the_folder_is_the_persons_configuration(config_folder):
    assert identity_folder() == config_folder / "sottovoce" / "identities"


def test_loading_costs_no_scrypt(identity, folder, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError

    monkeypatch.setattr("hashlib.scrypt", refuse)
    assert load_identity(folder=folder).owner_id == identity.owner_id


KNOWN_OWNER_ID = 0x14C452616D22


def test_the_owner_id_of_a_known_key_never_changes():
    """Part of the format: computed once and frozen."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    assert owner_id_from_public_key(key.public_bytes_raw()) == KNOWN_OWNER_ID


class TestStoredOwnerId:
    """It is believed only after it was made from the key, once."""

    @pytest.fixture
    def counted(self, monkeypatch) -> list[bytes]:
        made = []

        def make(public_key: bytes) -> int:
            made.append(public_key)
            return owner_id_from_public_key(public_key)

        monkeypatch.setattr(keys, "owner_id_from_public_key", make)
        return made

    def test_a_new_key_costs_nothing_more(self, identity, folder, counted):
        assert load_identity(folder=folder) == identity
        assert not counted

    def test_a_wrong_one_is_noticed_before_it_is_used(self, identity, folder):
        stored = json.loads(identity.path.read_text())
        stored["owner"] = "4f2a-91c0-77de"
        identity.path.write_text(json.dumps(stored))
        for _ in range(2):
            with pytest.raises(StatementError, match="not belong to its key"):
                load_identity(folder=folder)

    def test_an_older_file_is_checked_once(self, identity, folder, counted):
        stored = json.loads(identity.path.read_text())
        del stored["owner_checked"]
        identity.path.write_text(json.dumps(stored))
        before = identity.path.read_bytes()
        for _ in range(3):
            assert load_identity(folder=folder) == identity
        assert len(counted) == 1
        assert identity.path.read_bytes() == before
        assert list_identities(folder=folder) == ["default"]

    def test_an_older_file_that_was_changed_since_is_noticed(self, identity, folder):
        stored = json.loads(identity.path.read_text())
        del stored["owner_checked"]
        identity.path.write_text(json.dumps(stored))
        load_identity(folder=folder)
        stored["owner"] = "4f2a-91c0-77de"
        identity.path.write_text(json.dumps(stored))
        with pytest.raises(StatementError, match="not belong to its key"):
            load_identity(folder=folder)


class TestExposure:
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
    def test_who_may_read_it_is_told_with_the_command(self, identity, mode):
        identity.path.chmod(mode)
        warning = explain_exposure(identity.path)
        assert "\n" not in warning
        assert f"chmod 600 {identity.path}" in warning

    def test_a_private_key_is_fine(self, identity):
        assert explain_exposure(identity.path) == ""


class TestStrayFiles:
    @pytest.mark.parametrize("name", ["._default.json", ".hidden.json", "a b.json", "é.json"])
    def test_names_that_no_identity_has_are_passed_over(self, name, identity, folder):
        (folder / name).write_bytes(b"\0\5\x16\7" * 30)
        assert list_identities(folder=folder) == ["default"]

    def test_files_of_other_programs_are_passed_over(self, identity, folder):
        (folder / "settings.json").write_text('{"theme": "dark"}')
        (folder / "notes.txt").write_text("x")
        (folder / "folder.json").mkdir()
        assert list_identities(folder=folder) == ["default"]

    def test_a_damaged_key_is_listed(self, identity, folder):
        (folder / "cut.json").write_bytes(identity.path.read_bytes()[:90])
        assert list_identities(folder=folder) == ["cut", "default"]


class TestWithoutHardLinks:
    """FAT, many network shares."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch):
        def refuse(*_args, **_options):
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)

    def test_a_key_is_made(self, folder):
        made = make_identity(folder=folder)
        assert load_identity(folder=folder, verify=True) == made
        assert list(folder.iterdir()) == [made.path]

    def test_of_two_that_make_a_key_at_once_one_wins(self, folder):
        test_of_two_that_make_a_key_at_once_one_wins(folder)

    def test_it_is_never_replaced(self, identity, folder):
        before = identity.path.read_bytes()
        with pytest.raises(FileExistsError):
            write_key(identity.path, {})
        assert identity.path.read_bytes() == before
        assert list(folder.iterdir()) == [identity.path]
