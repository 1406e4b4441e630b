"""Backups: only the words open them, every change is noticed, and nothing is replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import StatementError
from sottovoce.rights import (
    RecoveryWords,
    commit,
    keep_rotation,
    list_identities,
    load_identity,
    make_identity,
    prepare_rotation,
    signing_key,
    thumbprint,
)
from sottovoce.rights.keys import backup as backups
from sottovoce.rights.keys.backup import collect_files, open_backup, restore_files, seal_backup
from sottovoce.rights.keys.backup_notes import backup_dates, list_new_files, note_backup
from sottovoce.rights.public_keys import raw_public_key

WORDS = RecoveryWords(bytes(range(32)))
OTHER = RecoveryWords(bytes(32))
KNOWN = Path(__file__).parents[2] / "vectors" / "keys1" / "one.backup"
SEALED = seal_backup({"statements/a.jws": b"x" * 40}, WORDS, made="2026-11-28")


@pytest.fixture
def config(tmp_path):
    return tmp_path / "old" / "sottovoce"


@pytest.fixture
def machine(config):
    """A configuration with everything that there can be."""
    folder = config / "identities"
    made = [make_identity(name, folder=folder) for name in ("default", "book")]
    made.append(make_identity("page", folder=folder, self_contained=True))
    for each in made:
        commit(WORDS, each.owner_id, folder=config)
    keep_rotation(prepare_rotation(made[0], WORDS, folder=config), WORDS, folder=config)
    for name in ("statements/4f2a/1.jws", "statements/4f2a/2.jws", "grants/acme für TTS.grant"):
        path = config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return made


def carry(config, tmp_path, name="new"):
    """Seal what is there, open it, and restore it on another machine."""
    path = tmp_path / "a.backup"
    path.write_bytes(seal_backup(collect_files(folder=config), WORDS, made="2026-11-28"))
    new = tmp_path / name / "sottovoce"
    return new, restore_files(open_backup(path, WORDS).files, folder=new)


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.usefixtures("machine")
class TestRestore:
    @pytest.mark.slow
    def test_an_empty_machine_becomes_the_old_one(self, config, tmp_path, machine):
        new, restored = carry(config, tmp_path)
        assert snapshot(new) == snapshot(config)
        assert (restored.present, restored.refused) == ((), ())
        folder = new / "identities"
        assert list_identities(folder=folder) == ["book", "default", "page"]
        for old in machine:
            again = load_identity(old.name, folder=folder, verify=True)
            assert (again.owner_id, again.public_key) == (old.owner_id, old.public_key)
            assert raw_public_key(again.open_key()) == old.public_key
            assert thumbprint(signing_key(again)) == thumbprint(signing_key(old))

    def test_files_are_for_their_owner_alone(self, config, tmp_path):
        new, _ = carry(config, tmp_path)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in new.rglob("*") if path.is_file()}
        assert modes == {0o600}

    def test_a_second_time_nothing_changes(self, config, tmp_path):
        new, first = carry(config, tmp_path)
        _, second = carry(config, tmp_path)
        assert (second.added, second.refused) == ((), ())
        assert set(second.present) == set(first.added)
        assert snapshot(new) == snapshot(config)

    def test_what_is_there_is_kept_and_named_and_the_rest_comes(self, config, tmp_path, machine):
        new = tmp_path / "new" / "sottovoce"
        own = make_identity(folder=new / "identities")
        _, restored = carry(config, tmp_path)
        assert restored.refused == ("identities/default.json",)
        assert load_identity(folder=new / "identities") == own
        assert raw_public_key(own.open_key()) == own.public_key
        # The seed of the old machine lies beside the new one, so that its keys can be made.
        book = load_identity("book", folder=new / "identities")
        assert raw_public_key(book.open_key()) == machine[1].public_key
        _, again = carry(config, tmp_path)
        assert (again.added, again.refused) == ((), ("identities/default.json",))
        # And both seeds are in the next backup.
        third, _ = carry(new, tmp_path, "third")
        assert snapshot(third) == snapshot(new)

    def test_what_was_interrupted_is_completed(self, config, tmp_path, monkeypatch):
        calls = iter(range(99))
        fsync = os.fsync

        def stop(descriptor):
            if next(calls) == 4:
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", stop)
        with pytest.raises(StatementError, match="No space left"):
            carry(config, tmp_path)
        new = tmp_path / "new" / "sottovoce"
        whole = snapshot(config)
        assert snapshot(new).items() <= whole.items()
        carry(config, tmp_path)
        assert snapshot(new) == whole

    def test_where_there_are_no_links_it_is_the_same(self, config, tmp_path, monkeypatch):
        monkeypatch.delattr(os, "link")
        self.test_a_second_time_nothing_changes(config, tmp_path)

    def test_hidden_files_and_links_stay_behind(self, config, tmp_path):
        (config / "statements" / ".draft").write_text("x")
        (config / "statements" / "link.jws").symlink_to("/etc/hostname")
        assert not any("draft" in name or "link" in name for name in collect_files(folder=config))


class TestSealed:
    def test_a_known_one_can_always_be_opened(self):
        assert open_backup(KNOWN, WORDS).files == {"statements/a b.jws": b"x"}

    def test_each_has_a_nonce_of_its_own(self):
        assert seal_backup({}, WORDS, made="") != seal_backup({}, WORDS, made="")

    @given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
    def test_every_changed_byte_is_refused(self, tmp_path_factory, place, change):
        path = tmp_path_factory.getbasetemp() / f"changed-{os.getpid()}"
        data = bytearray(SEALED)
        data[place] ^= change
        path.write_bytes(data)
        with pytest.raises(StatementError):
            open_backup(path, WORDS)

    def test_every_bit_of_the_head_and_the_end_counts(self, tmp_path):
        path = tmp_path / "changed"
        for place in [*range(48), *range(len(SEALED) - 16, len(SEALED))]:
            for bit in range(8):
                data = bytearray(SEALED)
                data[place] ^= 1 << bit
                path.write_bytes(data)
                with pytest.raises(StatementError):
                    open_backup(path, WORDS)

    def test_every_length_but_its_own_is_refused(self, tmp_path):
        path = tmp_path / "cut"
        for n in range(len(SEALED)):
            path.write_bytes(SEALED[:n])
            with pytest.raises(StatementError):
                open_backup(path, WORDS)
        path.write_bytes(SEALED + b"\0")
        with pytest.raises(StatementError, match="do not open the backup"):
            open_backup(path, WORDS)

    def test_other_words_do_not_open_it(self, tmp_path):
        path = tmp_path / "a.backup"
        path.write_bytes(SEALED)
        with pytest.raises(StatementError, match="do not open the backup"):
            open_backup(path, OTHER)

    def test_a_huge_one_is_not_read(self, tmp_path, monkeypatch):
        monkeypatch.setattr(backups, "_MOST_BYTES", 1 << 16)
        path = tmp_path / "huge"
        with path.open("wb") as file:
            file.write(SEALED)
            file.truncate(1 << 40)
        with pytest.raises(StatementError, match="too large"):
            open_backup(path, WORDS)

    def test_one_of_a_newer_release_says_so(self, tmp_path):
        path = tmp_path / "new"
        path.write_bytes(b"sottovoce-backup-2\n" + bytes(99))
        with pytest.raises(StatementError, match="newer release"):
            open_backup(path, WORDS)

    def test_what_is_not_there_is_an_error_of_ours(self, tmp_path):
        with pytest.raises(StatementError, match="no such file"):
            open_backup(tmp_path / "none", WORDS)

    @pytest.mark.parametrize(
        "name",
        [
            "../seed.json", "/etc/passwd", "identities/../../x", "identities/..", "identities/",
            "identities//x", "other/x", "other.json", "identities\\x", "statements/C:x",
            "statements/\0", "", "statements/" + "a/" * 20 + "b", "statements/" + "a" * 300,
            "statements/. ", "seed",
        ],
    )  # fmt: skip
    def test_names_that_lead_elsewhere_are_refused(self, name, tmp_path):
        path = tmp_path / "a.backup"
        path.write_bytes(seal_backup({"seed.json": b"{}", name: b"x"}, WORDS, made=""))
        with pytest.raises(StatementError, match="outside its folder"):
            open_backup(path, WORDS)


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "value"), [("_MOST_FILE_BYTES", 10), ("_MOST_FILES", 1), ("_MOST_BYTES", 20)]
    )
    def test_more_than_it_holds_is_refused(self, limit, value, config, monkeypatch):
        (config / "grants").mkdir(parents=True)
        for name in ("a", "b"):
            (config / "grants" / name).write_bytes(bytes(11))
        monkeypatch.setattr(backups, limit, value)
        with pytest.raises(StatementError, match="more than a backup holds"):
            collect_files(folder=config)

    def test_a_name_that_other_systems_cannot_have_is_told(self, config):
        (config / "grants").mkdir(parents=True)
        (config / "grants" / "a:b").write_bytes(b"x")
        with pytest.raises(StatementError, match="other systems") as caught:
            collect_files(folder=config)
        assert "Rename" in caught.value.remedy

    def test_of_nothing_there_is_nothing(self, config):
        assert collect_files(folder=config) == {}


class TestNotes:
    def test_the_last_date_counts(self, tmp_path):
        assert backup_dates(folder=tmp_path) == {}
        note_backup([1, 2], made="2026-11-27", files={}, folder=tmp_path)
        note_backup([2], made="2026-11-28", files={}, folder=tmp_path)
        assert backup_dates(folder=tmp_path) == {
            "0000-0000-0001": "2026-11-27",
            "0000-0000-0002": "2026-11-28",
        }

    def test_what_was_made_since_is_named(self, config):
        (config / "statements").mkdir(parents=True)
        (config / "statements" / "1.jws").write_text("x")
        assert list_new_files(folder=config) == ["statements/1.jws"]
        note_backup([1], made="2026-11-27", files=collect_files(folder=config), folder=config)
        assert list_new_files(folder=config) == []
        (config / "statements" / "2.jws").write_text("y")
        (config / "statements" / "1.jws").write_text("z")
        assert list_new_files(folder=config) == ["statements/1.jws", "statements/2.jws"]

    @pytest.mark.parametrize(
        "content",
        ["", "[]", "{", '{"format": "sottovoce-backups-1", "owners": 3, "files": 4}', "[" * 999],
    )
    def test_one_that_cannot_be_read_says_nothing(self, content, tmp_path):
        (tmp_path / "backups.json").write_text(content)
        assert backup_dates(folder=tmp_path) == {}
