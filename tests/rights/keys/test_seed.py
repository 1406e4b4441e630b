"""The seed: one secret for all keys, private, never replaced, and no link between them."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
import threading
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights import (
    load_identity,
    make_identity,
    make_seed,
    needs_passphrase,
    seed_path,
)
from sottovoce.rights.keys import key_files, secret_files
from sottovoce.rights.keys.seed import derive_identity_key, list_seeds, open_seed
from sottovoce.rights.public_keys import raw_public_key

VECTORS = Path(__file__).parents[2] / "vectors" / "keys1" / "keys.json"


@pytest.fixture
def config(tmp_path):
    return tmp_path / "sottovoce"


@pytest.fixture
def folder(config):
    return config / "identities"


@pytest.fixture
def quick_scrypt(monkeypatch):
    """A cost that a test can pay often; files say which one they have."""
    monkeypatch.setattr(secret_files, "_N", 1 << 4)


def test_the_key_of_a_known_seed_never_changes():
    known = json.loads(VECTORS.read_text())
    key = derive_identity_key(bytes.fromhex(known["seed"]), bytes.fromhex(known["info"]))
    assert raw_public_key(key).hex() == known["identity_public_key"]


def test_the_keys_come_from_the_seed_alone(config, folder):
    made = make_identity(folder=folder)
    seed = open_seed(folder=config)
    assert raw_public_key(derive_identity_key(seed, made.info)) == made.public_key
    assert open_seed(folder=config) == seed
    assert made.path.read_bytes().find(base64.b64encode(seed)) == -1


def test_two_files_share_nothing_but_their_format(folder):
    texts = []
    for name in ("a", "b", "c"):
        made = make_identity(name, folder=folder)
        fields = json.loads(made.path.read_text())
        assert sorted(fields) == [
            "format", "info", "owner", "owner_checked", "private_key", "public_key",
        ]  # fmt: skip
        del fields["format"], fields["private_key"]
        texts.append("".join(fields.values()))
    # Any 8 of some 150 characters in base 16 or 64 are the same by chance 1 time in 10^5.
    for one, other in combinations(texts, 2):
        assert not any(one[i : i + 8] in other for i in range(len(one) - 7))


def test_it_is_for_its_owner_alone(config):
    path = make_seed(folder=config)
    assert path == seed_path(folder=config)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert list(config.iterdir()) == [path]


def test_it_is_never_replaced(config):
    path = make_seed(folder=config)
    before = path.read_bytes()
    for passphrase in ("", "a"):
        with pytest.raises(ParameterError, match="never replaced"):
            make_seed(folder=config, passphrase=passphrase)
    assert path.read_bytes() == before
    assert list(config.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_one_that_others_can_read_is_refused_with_the_command(mode, config, folder):
    made = make_identity(folder=folder)
    seed_path(folder=config).chmod(mode)
    with pytest.raises(StatementError, match="other users") as caught:
        made.open_key()
    assert caught.value.remedy == f"Run: chmod 600 {seed_path(folder=config)}"
    with pytest.raises(StatementError, match="other users"):
        make_identity("other", folder=folder)
    # Marking needs the owner id only.
    assert load_identity(folder=folder).owner_id == made.owner_id


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "{}", '{"format": "sottovoce-seed-1"}',
        '{"format": "sottovoce-seed-1", "secret": "AAAA"}',
        '{"format": "sottovoce-seed-1", "secret": 7}',
        '{"format": "other", "secret": "AAAA"}', "[" * 9_999, " " * 99_999,
    ],
)  # fmt: skip
def test_a_damaged_one_is_refused(content, config, folder, monkeypatch):
    monkeypatch.setattr(secret_files, "_WAIT_S", 0)
    made = make_identity(folder=folder)
    seed_path(folder=config).write_text(content)
    with pytest.raises(StatementError, match=r"seed\.json: the secret in this file is damaged"):
        made.open_key()


def test_one_of_a_newer_release_says_so(config, folder):
    made = make_identity(folder=folder)
    seed_path(folder=config).write_text('{"format": "sottovoce-seed-2"}')
    with pytest.raises(StatementError, match="newer release"):
        made.open_key()


def test_without_it_an_identity_only_marks(config, folder):
    made = make_identity(folder=folder)
    seed_path(folder=config).unlink()
    assert load_identity(folder=folder, verify=True) == made
    with pytest.raises(StatementError, match="no seed in this folder"):
        made.open_key()
    make_seed(folder=config)
    with pytest.raises(StatementError, match="no seed in this folder"):
        made.open_key()


def test_of_many_that_need_one_at_once_all_get_the_same(config, folder):
    start = threading.Barrier(4)
    made = []

    def make(name):
        start.wait()
        made.append(make_identity(name, folder=folder))

    threads = [threading.Thread(target=make, args=(f"n{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_seeds(folder=config)) == 1
    assert [raw_public_key(each.open_key()) for each in made] == [each.public_key for each in made]


@pytest.mark.slow
def test_of_two_processes_both_use_the_same(config, folder):
    code = (
        "import sys, pathlib; from sottovoce.rights import make_identity\n"
        "sys.stdin.read()\n"
        "made = make_identity(sys.argv[1], folder=pathlib.Path(sys.argv[2]))\n"
        "made.open_key()\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, name, str(folder)], stdin=subprocess.PIPE)
        for name in ("one", "other")
    ]
    for process in started:
        process.stdin.close()
    assert [process.wait(60) for process in started] == [0, 0]
    assert [path.name for path in list_seeds(folder=config)] == ["seed.json"]


def test_a_write_that_fails_leaves_nothing(config, monkeypatch):
    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StatementError, match="No space left"):
        make_seed(folder=config)
    assert list(config.iterdir()) == []


class TestWithoutHardLinks:
    """As on Windows' FAT, and where Python has no `os.link` at all."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch):
        monkeypatch.delattr(os, "link")

    def test_it_is_made_and_never_replaced(self, config):
        test_it_is_never_replaced(config)

    def test_of_many_that_need_one_at_once_all_get_the_same(self, config, folder):
        test_of_many_that_need_one_at_once_all_get_the_same(config, folder)

    def test_a_move_that_fails_gives_the_name_back(self, config, monkeypatch):
        def fail(*_args):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(key_files.Path, "replace", fail)
        with pytest.raises(StatementError):
            make_seed(folder=config)
        assert list(config.iterdir()) == []


@pytest.mark.usefixtures("quick_scrypt")
class TestPassphrase:
    @pytest.fixture
    def sealed(self, config):
        assert not needs_passphrase(folder=config)
        path = make_seed(folder=config, passphrase="bühne 7")  # noqa: S106 - of a test
        assert needs_passphrase(folder=config)
        return path

    def test_the_right_one_opens_it(self, sealed, config, folder):
        asked = []

        def ask(path):
            asked.append(path)
            return "bühne 7"

        made = make_identity(folder=folder, ask=ask)
        assert raw_public_key(made.open_key(ask=ask)) == made.public_key
        assert asked == [sealed, sealed]

    def test_it_is_the_same_however_it_is_typed(self, sealed, config):
        seed = open_seed(folder=config, ask=lambda _: "bühne 7")
        apart = unicodedata.normalize("NFD", "bühne 7")
        assert apart != "bühne 7"
        assert open_seed(folder=config, ask=lambda _: apart) == seed

    @pytest.mark.parametrize("wrong", ["", "buhne 7", "Bühne 7", "bühne 7 "])
    def test_a_wrong_one_is_refused(self, wrong, sealed, config):
        with pytest.raises(StatementError, match="passphrase is wrong") as caught:
            open_seed(folder=config, ask=lambda _: wrong)
        assert caught.value.__cause__ is None

    def test_without_anyone_to_ask_it_stays_closed(self, sealed, folder):
        with pytest.raises(StatementError, match="sealed with a passphrase"):
            make_identity(folder=folder)

    def test_marking_never_asks(self, sealed, folder):
        made = make_identity(folder=folder, ask=lambda _: "bühne 7")
        assert load_identity(folder=folder) == made

    def test_the_secret_is_not_in_the_file(self, sealed, config):
        seed = open_seed(folder=config, ask=lambda _: "bühne 7")
        assert base64.b64encode(seed) not in sealed.read_bytes()

    @given(data=st.data())
    @settings(max_examples=40)
    def test_any_change_is_noticed(self, data):
        content = secret_files.make_content(bytes(range(32)), kind="k-1", passphrase="p")  # noqa: S106
        name = data.draw(st.sampled_from(["n", "p", "salt", "nonce", "sealed"]))
        if isinstance(content[name], int):
            changed = data.draw(st.sampled_from([-1, 0, 3, 5, 32, 1 << 21, 1 << 60, 8.0, True]))
        else:
            raw = bytearray(base64.b64decode(content[name]))
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            changed = base64.b64encode(raw).decode()
        # The temporary folder of hypothesis' examples would be shared: a file in memory is enough.
        path = _Memory(json.dumps({**content, name: changed}))
        with pytest.raises(StatementError, match=r"damaged|passphrase is wrong"):
            secret_files.read_secret(path, kind="k-1", ask=lambda _: "p")


class _Memory:
    """As much of a path as reading a secret takes."""

    def __init__(self, text):
        self.text = text

    def stat(self):
        raise OSError

    def open(self, _mode):
        return io.BytesIO(self.text.encode())


def test_marking_brings_nothing_that_only_signing_takes(folder):
    make_identity(folder=folder)
    heavy = ["mnemonic", "segno", "cryptography.hazmat.primitives.kdf.hkdf"]
    heavy += ["cryptography.hazmat.primitives.ciphers.aead", "sottovoce.rights.keys.backup"]
    code = (
        "import sys, pathlib; from sottovoce.rights import load_identity\n"
        "load_identity(folder=pathlib.Path(sys.argv[1]))\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
