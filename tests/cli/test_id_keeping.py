"""`sottovoce id words`, `backup`, `restore` and `list`: from the first key to a new computer."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import pytest
from mnemonic import Mnemonic

from sottovoce.rights import RecoveryWords, load_identity
from tests.cli.typing_people import ROWS, Terminal, make_words, read_rows

OTHER = " ".join(RecoveryWords(bytes(32)).words)


def list_own(shell):
    return [json.loads(line) for line in shell("id", "list", "--json").out.splitlines()]


@pytest.mark.slow
def test_from_the_first_key_to_a_new_computer(shell, new_shell, config_folder):
    assert shell("id", "new").code == 0
    (row,) = list_own(shell)
    assert (row["key"], row["backed_up"], row["recovery_words"]) == ("here", False, False)
    words = make_words(shell)
    assert shell("id", "new", "--name", "book").code == 0
    (config_folder / "sottovoce" / "statements").mkdir()
    (config_folder / "sottovoce" / "statements" / "1.jws").write_text("x")
    # The words that are there are given to the new identity, not made again.
    again = shell("id", "words", "--words-from", "-", typed=words.upper())
    assert (again.code, again.out) == (0, "book: has recovery words\n")
    done = shell("id", "backup", "-o", "b.backup", "--words-from", "-", typed=words)
    assert (done.code, done.out) == (0, "b.backup: 2 identities, 6 files\n")
    assert all(row["backed_up"] and row["recovery_words"] for row in list_own(shell))
    assert all(row["backup_current"] for row in list_own(shell))
    (config_folder / "sottovoce" / "statements" / "2.jws").write_text("y")
    assert not any(row["backup_current"] for row in list_own(shell))
    assert "The last backup lacks 1 file" in shell("id", "list").err

    shutil.copy(shell.folder / "b.backup", new_shell.folder)
    (new_shell.folder / "words.txt").write_text(words)
    (new_shell.folder / "words.txt").chmod(0o600)
    done = new_shell("id", "restore", "b.backup", "--words-from", "words.txt")
    assert done.code == 0
    assert "6 files restored, 0 were here already.\nnote: The backup was made on" in done.err
    assert (
        new_shell("id", "show", "--json").out.replace("another config", "config")
        == shell("id", "show", "--json").out
    )
    assert [row["key"] for row in list_own(new_shell)] == ["here", "here"]
    again = new_shell("id", "restore", "b.backup", "--words-from", "words.txt", "--json")
    assert json.loads(again.out)["added"] == []
    # The words are on paper alone.
    entropy = Mnemonic("english").to_entropy(words)
    for path in config_folder.rglob("*"):
        kept = path.read_bytes() if path.is_file() else b""
        assert sum(word.encode() in kept for word in words.split()) < 8, path
        assert entropy not in kept
        assert entropy.hex().encode() not in kept
        assert base64.b64encode(entropy) not in kept


@pytest.mark.slow
def test_what_is_there_is_named_and_the_rest_is_restored(shell, new_shell):
    for name in ("default", "book"):
        shell("id", "new", "--name", name)
    words = make_words(shell)
    shell("id", "backup", "-o", "b.backup", "--words-from", "-", typed=words)
    before = new_shell("id", "new").out
    done = new_shell("id", "restore", shell.folder / "b.backup", "--words-from", "-", typed=words)
    assert done.code == 2
    assert "error: identities/default.json: another file has this name" in done.err
    assert done.out.startswith("book: owner id")
    assert before.strip() in new_shell("id", "show").out
    assert [row["key"] for row in list_own(new_shell)] == ["here", "here"]


def test_mistyped_words_leave_nothing(shell, config_folder):
    shell("id", "new")
    for arguments in ((), ("-o", "words.pdf")):
        done = shell("id", "words", *arguments, typed=OTHER)
        assert done.code == 2
        assert "nothing was stored" in done.err
    assert list_own(shell)[0]["recovery_words"] is False
    assert shell.files() == set()
    assert not (config_folder / "sottovoce" / "recovery").exists()


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_the_page_is_for_its_owner_alone_and_replaces_nothing(suffix, shell):
    shell("id", "new")
    words = make_words(shell)
    out = f"words.{suffix}"
    done = shell("id", "words", "-o", out, "--words-from", "-", typed=words)
    assert done.code == 0, done.err
    assert "delete it" in done.err
    path = shell.folder / out
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(word.encode() in path.read_bytes() for word in words.split())
    before = path.read_bytes()
    done = shell("id", "words", "-o", out, "--words-from", "-", typed=words)
    assert (done.code, path.read_bytes()) == (2, before)
    assert "already exists" in done.err
    assert shell("id", "words", "-o", "words.txt", "--words-from", "-", typed=words).code == 2


def test_wrong_words_are_refused_without_being_told(shell, new_shell):
    shell("id", "new")
    words = make_words(shell)
    wrong = words.split()
    wrong[3] = "sesame"
    for typed, told in ((" ".join(wrong), "number 4"), (OTHER, "not the recovery words")):
        for command in (["words", "-o", "a.pdf"], ["backup"]):
            done = shell("id", *command, "--words-from", "-", typed=typed)
            assert done.code != 0
            assert told in done.err
            said = done.out + done.err
            assert not any(f" {word} " in said or f"'{word}'" in said for word in typed.split())
    shell("id", "backup", "-o", "b.backup", "--words-from", "-", typed=words)
    done = new_shell("id", "restore", shell.folder / "b.backup", "--words-from", "-", typed=OTHER)
    assert done.code == 2
    assert "do not open the backup" in done.err
    assert list_own(new_shell) == []


def test_a_backup_needs_words_first_and_replaces_nothing(shell):
    shell("id", "new")
    done = shell("id", "backup", "--words-from", "-", typed=OTHER)
    assert done.code == 2
    assert "sottovoce id words" in done.err
    words = make_words(shell)
    (shell.folder / "b.backup").write_text("mine")
    done = shell("id", "backup", "-o", "b.backup", "--words-from", "-", typed=words)
    assert done.code == 2
    assert (shell.folder / "b.backup").read_text() == "mine"
    done = shell("id", "backup", "-o", "none/b.backup", "--words-from", "-", typed=words)
    assert "Create the folder first" in done.err


@pytest.mark.slow
def test_lost_words_are_replaced_for_new_identities_only(shell):
    shell("id", "new")
    first = make_words(shell)
    done = shell("id", "words", "--new")
    assert done.code == 2
    assert "keeps them" in done.err
    shell("id", "new", "--name", "book")
    assert make_words(shell, "--new") != first


def test_without_an_identity_the_way_to_one_is_told(shell):
    assert "sottovoce id new" in shell("id", "list").err
    done = shell("id", "words")
    assert done.code == 2
    assert "sottovoce id new" in done.err


@pytest.mark.by_turns
@pytest.mark.slow
def test_an_identity_file_alone_marks_and_the_list_says_so(shell, new_shell, tmp_path, take):
    shell("id", "new")
    source = tmp_path / "config" / "sottovoce" / "identities"
    shutil.copytree(source, tmp_path / "another config" / "sottovoce" / "identities")
    (row,) = list_own(new_shell)
    assert row["key"] == "missing"
    assert "sottovoce id restore" in new_shell("id", "list").err
    words = make_words(new_shell)
    done = new_shell("id", "backup", "--words-from", "-", typed=words)
    assert done.code == 0
    assert "not in the backup" in done.err
    assert list_own(new_shell)[0]["backed_up"] is False
    shutil.copy(take, new_shell.folder)
    assert new_shell("protect", "take.wav").code == 0
    assert shell("check", new_shell.folder / "take.protected.wav", "--mine").code == 0


class TestPassphrase:
    @pytest.mark.slow
    def test_new_keys_ask_and_marking_does_not(self, shell, config_folder, take):
        assert shell("id", "new", "--passphrase", typed="open sesame\n").code == 0
        seed = config_folder / "sottovoce" / "seed.json"
        assert "sealed" in json.loads(seed.read_text())
        assert list_own(shell)[0]["key"] == "sealed"
        assert shell("protect", "take.wav").code == 0  # nothing to read from
        done = shell("id", "new", "--name", "b", typed="wrong\n")
        assert done.code == 2
        assert "passphrase is wrong" in done.err
        assert shell("id", "new", "--name", "b", typed="open sesame\n").code == 0
        assert shell("id", "new", "--name", "c").code == 2

    def test_it_is_for_the_first_identity(self, shell):
        assert shell("id", "new").code == 0
        done = shell("id", "new", "--name", "b", "--passphrase", typed="a\n")
        assert done.code == 2
        assert "never replaced" in done.err

    def test_protect_makes_no_key_that_would_need_it(self, shell, take):
        assert shell("id", "new", "--name", "b", "--passphrase", typed="a\n").code == 0
        done = shell("protect", "take.wav")
        assert done.code == 2
        assert "sottovoce id new --name default" in done.err


def test_a_seed_that_others_can_read_makes_no_keys(shell, config_folder):
    shell("id", "new")
    seed = config_folder / "sottovoce" / "seed.json"
    seed.chmod(0o640)
    done = shell("id", "new", "--name", "b")
    assert done.code == 2
    assert f"chmod 600 {seed}" in done.err
    assert list_own(shell)[0]["key"] == "exposed"


def test_of_two_that_make_words_at_once_one_wins(shell):
    shell("id", "new")
    started = [shell.start("id", "words", stdin=subprocess.PIPE) for _ in range(2)]
    shown = [
        read_rows("".join(process.stdout.readline() for _ in range(ROWS))) for process in started
    ]
    for process, words in zip(started, shown, strict=True):
        process.communicate(words, timeout=60)
    codes = [process.returncode for process in started]
    assert sorted(codes) == [0, 2]
    winner = shown[codes.index(0)]
    assert shell("id", "backup", "--words-from", "-", typed=winner).code == 0


@pytest.mark.slow
class TestTerminal:
    def test_four_words_are_asked_for_and_the_screen_forgets_them(self, shell):
        shell("id", "new")
        terminal = Terminal(shell, "id", "words")
        # What is between the two is on a screen of its own.
        shown = terminal.wait_for(r"\x1b\[\?1049h([\s\S]*?)then press Enter[^\n]*?:").group(1)
        words = read_rows(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)).split()
        terminal.type("")
        terminal.wait_for(r"\x1b\[\?1049l")
        asked = []
        for _ in range(4):
            n = int(terminal.wait_for(r"Word (\d+):").group(1))
            asked.append(n)
            if not asked[1:]:
                terminal.type("wrong")  # one slip is forgiven
                terminal.wait_for(rf"Word {n}:")
            terminal.type(words[n - 1])
        rest = terminal
        assert rest.end() == 0, rest.text
        assert asked == sorted(set(asked))
        assert list_own(shell)[0]["recovery_words"]

    def test_words_are_not_written_into_a_file_unasked(self, shell):
        shell("id", "new")
        terminal = Terminal(shell, "id", "words", out="words.txt")
        assert terminal.end() == 2
        assert (shell.folder / "words.txt").read_bytes() == b""

    def test_a_passphrase_is_not_shown(self, shell):
        terminal = Terminal(shell, "id", "new", "--passphrase")
        terminal.wait_for("New passphrase:")
        terminal.type("sesame")
        terminal.wait_for("Repeat for confirmation:")
        terminal.type("sesame")
        code = terminal.end()
        assert (code, "sesame" in terminal.text) == (0, False)

    def test_ctrl_c_leaves_nothing(self, shell, config_folder):
        shell("id", "new")
        terminal = Terminal(shell, "id", "words", "-o", "words.pdf")
        terminal.wait_for(r"Word \d+:")
        assert terminal.press_ctrl_c() == 130
        assert shell.files() == set()
        assert not (config_folder / "sottovoce" / "recovery").exists()


@pytest.mark.slow
def test_words_made_in_the_browser_page_are_typed_for_the_first_statement(
    shell, new_shell, config_folder
):
    from sottovoce.rights import RecoveryWords, load_commitment, make_identity

    folder = config_folder / "sottovoce" / "identities"
    made = make_identity("book", folder=folder, self_contained=True)
    words = RecoveryWords.generate()
    terminal = Terminal(shell, "statement", "new", "--name", "book")
    terminal.wait_for("from the browser page\\?")
    terminal.type("y")
    terminal.wait_for("24 recovery words")
    terminal.type(" ".join(words.words))
    assert terminal.end() == 0, terminal.text
    named = load_commitment(made.owner_id, folder=config_folder / "sottovoce")
    assert named.words == words.check


@pytest.mark.slow
def test_what_was_made_before_goes_on(shell, config_folder, take):
    """A file with its private key inside, as earlier releases and the page make it."""
    from sottovoce.rights import make_identity

    folder = config_folder / "sottovoce" / "identities"
    old = make_identity(folder=folder, self_contained=True)
    assert not (config_folder / "sottovoce" / "seed.json").exists()
    assert shell("protect", "take.wav").code == 0
    assert not (config_folder / "sottovoce" / "seed.json").exists()
    words = make_words(shell)
    shell("id", "backup", "-o", "b.backup", "--words-from", "-", typed=words)
    old.path.unlink()
    assert shell("id", "restore", "b.backup", "--words-from", "-", typed=words).code == 0
    again = load_identity(folder=folder)
    assert again.private_key.sign(b"x") == old.private_key.sign(b"x")
