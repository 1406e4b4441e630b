"""`sottovoce id rotate` and `revoke`, and the words that the first statement asks for."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from sottovoce.rights import RecoveryWords
from tests.cli.conftest import Shell
from tests.cli.typing_people import Terminal, make_words, read_rows

WORDS = " ".join(RecoveryWords(bytes(range(32))).words)
OTHER = " ".join(RecoveryWords(bytes(32)).words)
TYPED = ("--words-from", "-")


def read(done) -> dict:
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Shell, str]:
    """An owner with words and a statement, and a licensee; and the owner's thumbprint."""
    folder = tmp_path_factory.mktemp("owner")
    (folder / "work").mkdir()
    shell = Shell(folder / "work", folder / "config")
    for name in ("default", "lab"):
        assert shell("id", "new", "--name", name).code == 0
    done = shell("statement", "new", *TYPED, "-o", "first.jws", typed=WORDS)
    assert done.code == 0, done.err
    return shell, read(shell("grant", "key", "--json"))["thumbprint"]


@pytest.fixture
def owner(shell, prepared) -> str:
    """The owner's thumbprint; both are here."""
    other, thumbprint = prepared
    shell.take_over(other)
    return thumbprint


def grant(shell, out: str, *options) -> str:
    """Sign a grant for the licensee; return its serial."""
    lab = read(shell("grant", "key", "--name", "lab", "--json"))["thumbprint"]
    words = ("--grantee", "Acme", "--grantee-key", lab, "--uses", "clone", "-o", out)
    return read(shell("grant", "new", *words, *options, "--json"))["serial"]


def verify(shell, file: str, owner: str, *options) -> int:
    return shell("grant", "verify", file, "--owner-key", owner, *options).code


class TestFirstStatement:
    def test_without_words_it_is_refused_with_the_ways_out(self, shell):
        shell("id", "new")
        done = shell("statement", "new")
        assert done.code == 2
        for way in ("sottovoce id words", "--words-from", "--without-words"):
            assert way in done.err
        assert "never be replaced" in done.err
        assert shell("statement", "show").code == 2

    @pytest.mark.slow
    def test_words_from_a_file_are_named_in_it(self, shell):
        shell("id", "new")
        (shell.folder / "words.txt").write_text(WORDS)
        (shell.folder / "words.txt").chmod(0o600)
        done = shell("statement", "new", "--words-from", "words.txt")
        assert (done.code, "never be replaced" in done.err) == (0, False)
        shown = read(shell("statement", "show", "--json"))["statement"]["keys"]
        assert shown["next_thumbprint"]
        assert shown["recovery_thumbprint"]
        again = shell("statement", "new", *TYPED, typed=WORDS)
        assert "for the first statement" in again.err

    @pytest.mark.slow
    def test_words_made_before_need_not_be_typed_again(self, shell):
        shell("id", "new")
        make_words(shell)
        done = shell("statement", "new", "--without-words")
        assert (done.code, "has recovery words" in done.err) == (2, True)
        assert shell("statement", "new").code == 0
        assert read(shell("id", "list", "--json"))["recovery_words"] is True

    def test_other_words_are_refused(self, shell):
        shell("id", "new")
        make_words(shell)
        assert shell("statement", "new", *TYPED, typed=OTHER).code == 2
        assert shell("statement", "show").code == 2

    @pytest.mark.slow
    def test_words_that_come_too_late_say_so(self, shell):
        shell("id", "new")
        assert shell("statement", "new", "--without-words").code == 0
        done = shell("id", "words", *TYPED, typed=WORDS)
        assert "can never replace this key" in done.err
        assert read(shell("id", "list", "--json"))["recovery_words"] is None
        assert "never" in shell("id", "list").out
        done = shell("id", "rotate", *TYPED, typed=WORDS)
        assert (done.code, "never be replaced" in done.err) == (2, True)

    @pytest.mark.slow
    def test_in_a_terminal_they_are_made_and_typed(self, shell):
        shell("id", "new")
        terminal = Terminal(shell, "statement", "new")
        shown = terminal.wait_for(r"\x1b\[\?1049h([\s\S]*?)then press Enter[^\n]*?:").group(1)
        words = read_rows(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)).split()
        terminal.type("")
        for _ in range(4):
            terminal.type(words[int(terminal.wait_for(r"Word (\d+):").group(1)) - 1])
        assert terminal.end() == 0, terminal.text
        assert read(shell("id", "list", "--json"))["recovery_words"] is True


class TestRotate:
    @pytest.mark.slow
    def test_grants_that_are_kept_stay_and_the_others_end(self, shell, owner):
        kept, ended = grant(shell, "kept.grant"), grant(shell, "ended.grant")
        refused = shell("id", "rotate", *TYPED, "--keep", kept, typed=WORDS)
        assert refused.code == 2
        assert f"will end: {ended}  to Acme: clone, until" in refused.err
        assert kept not in refused.err
        assert "--drop-others" in refused.err

        words = ("--keep", "kept.grant", "--drop-others", "-o", "second.jws")
        done = shell("id", "rotate", *TYPED, *words, typed=WORDS)
        assert done.code == 0, done.err
        assert "default: statement 2 replaces the key" in done.out
        assert f"kept: {kept}" in done.out
        assert f"ended: {ended}" in done.out
        assert "sottovoce id backup" in done.err

        newest = ("--newest", "second.jws")
        assert verify(shell, "kept.grant", owner, *newest) == 0
        assert verify(shell, "ended.grant", owner, *newest) == 1
        # Contracts go on to name the first key, and the new one signs.
        key = shell("grant", "key")
        assert owner in key.out
        grant(shell, "new.grant")
        assert verify(shell, "new.grant", owner, *newest) == 0
        assert shell("grant", "revoke", "new.grant", "-o", "third.jws").code == 0
        assert verify(shell, "new.grant", owner, "--newest", "third.jws") == 1
        # What a rotation has kept needs no second time.
        assert shell("id", "rotate", *TYPED, "-o", "fourth.jws", typed=WORDS).code == 0
        assert verify(shell, "kept.grant", owner, "--newest", "fourth.jws") == 0
        again = shell("id", "rotate", *TYPED, "--keep", kept, typed=WORDS)
        assert (again.code, "not signed by the present key" in again.err) == (2, True)

    @pytest.mark.slow
    def test_a_delegation_is_kept_with_what_its_agent_signs(self, shell, owner):
        assert shell("id", "new", "--name", "agent").code == 0
        agent = read(shell("grant", "key", "--name", "agent", "--json"))["public_key"]
        words = ("--agent", "Voices", "--agent-key", agent, "--uses", "clone")
        made = read(shell("grant", "delegate", *words, "-o", "a.delegation", "--json"))
        grant(shell, "b.grant", "--name", "agent", "--delegation", "a.delegation")
        done = shell("id", "rotate", *TYPED, typed=WORDS)
        assert f"will end: {made['serial']}  to Voices" in done.err
        done = shell("id", "rotate", *TYPED, "--keep", "a.delegation", "-o", "2.jws", typed=WORDS)
        assert done.code == 0, done.err
        assert verify(shell, "b.grant", owner, "--newest", "2.jws") == 0

    def test_a_refusal_is_lifted_by_it(self, shell, owner):
        assert shell("statement", "new", "--policy", "cloning").code == 2
        done = shell("id", "rotate", *TYPED, "--policy", "cloning", typed=WORDS)
        assert done.code == 0, done.err
        shown = read(shell("statement", "show", "--json"))["statement"]["uses"]
        assert not shown["mine"]["refused"]
        assert shown["clone"]["refused"]

    def test_other_words_and_none_change_nothing(self, shell, owner):
        before = {path: path.read_bytes() for path in shell.config.rglob("*") if path.is_file()}
        for options in ({"typed": OTHER}, {"typed": WORDS.replace(" ", "x", 1)}, {}):
            done = shell("id", "rotate", *TYPED, **options)
            assert done.code == 2
        assert shell("id", "rotate", *TYPED, "-o", "first.jws", typed=WORDS).code == 2
        after = {path: path.read_bytes() for path in shell.config.rglob("*") if path.is_file()}
        assert after == before

    def test_without_a_statement_there_is_nothing_to_replace(self, shell):
        shell("id", "new")
        done = shell("id", "rotate", *TYPED, typed=WORDS)
        assert done.code == 2
        assert "sottovoce statement new --name default" in done.err

    @pytest.mark.slow
    def test_a_licensee_proves_themselves_after_their_own_rotation(self, shell, owner):
        grant(shell, "a.grant")
        assert shell("statement", "new", "--name", "lab", *TYPED, typed=WORDS).code == 0
        assert shell("id", "rotate", "--name", "lab", *TYPED, typed=WORDS).code == 0
        assert verify(shell, "a.grant", owner, "--as", "lab") == 0
        assert verify(shell, "a.grant", owner, "--as", "default") == 1

    @pytest.mark.slow
    def test_in_a_terminal_it_asks_before_grants_end(self, shell, owner):
        serial = grant(shell, "a.grant")
        terminal = Terminal(shell, "id", "rotate")
        terminal.wait_for(rf"will end: {serial}")
        terminal.wait_for(r"Let them end\?")
        terminal.type("n")
        assert terminal.end() == 130
        terminal = Terminal(shell, "id", "rotate")
        terminal.wait_for(r"Let them end\?")
        terminal.type("y")
        terminal.wait_for("24 recovery words")
        terminal.type(WORDS)
        assert terminal.end() == 0, terminal.text


class TestPassphrase:
    @pytest.mark.slow
    def test_the_new_key_gets_the_one_of_the_seed(self, shell):
        assert shell("id", "new", "--passphrase", typed="sesame\n").code == 0
        done = shell("statement", "new", "--without-words", typed="sesame\n")
        assert done.code == 0, done.err
        assert shell("id", "new", "--name", "b", typed="sesame\n").code == 0
        (shell.folder / "words.txt").write_text(WORDS)
        (shell.folder / "words.txt").chmod(0o600)
        words = ("--name", "b", "--words-from", "words.txt")
        assert shell("statement", "new", *words, typed="sesame\n").code == 0
        assert shell("id", "rotate", *words, typed="wrong\n").code == 2
        assert shell("id", "rotate", *words, typed="sesame\n").code == 0
        rows = [json.loads(row) for row in shell("id", "list", "--json").out.splitlines()]
        assert [row["key"] for row in rows] == ["sealed", "sealed"]
        for path in (shell.config / "keys").iterdir():
            assert "sealed" in json.loads(path.read_text())
        assert shell("statement", "new", "--name", "b", typed="sesame\n").code == 0
        # Nothing to read asks for none.
        for command in (["statement", "show"], ["grant", "key"], ["statement", "texts"]):
            assert shell(*command, "--name", "b").code == 0

    @pytest.mark.slow
    def test_a_forgotten_one_is_replaced_with_the_key(self, shell):
        assert shell("id", "new", "--passphrase", typed="sesame\n").code == 0
        (shell.folder / "words.txt").write_text(WORDS)
        (shell.folder / "words.txt").chmod(0o600)
        words = ("--words-from", "words.txt")
        assert shell("statement", "new", *words, typed="sesame\n").code == 0
        assert shell("id", "rotate", *words, "--passphrase", typed="another\n").code == 0
        assert shell("statement", "new", typed="sesame\n").code == 2
        assert shell("statement", "new", typed="another\n").code == 0


class TestRevoke:
    def test_no_grant_of_the_former_key_counts(self, shell, owner):
        serial = grant(shell, "a.grant")
        # Whoever has copied the key signs, too, and the owner does not know what.
        shutil.copytree(shell.config, shell.folder / "stolen")
        done = shell("id", "revoke", *TYPED, "-o", "second.jws", "--json", typed=WORDS)
        assert read(done)["ended"] == [serial]
        assert read(done)["kept"] == []
        assert verify(shell, "a.grant", owner, "--newest", "second.jws") == 1
        shutil.rmtree(shell.config)
        shutil.move(shell.folder / "stolen", shell.config)
        grant(shell, "thief.grant")
        assert verify(shell, "thief.grant", owner) == 0
        assert verify(shell, "thief.grant", owner, "--newest", "second.jws") == 1
        refused = read(shell("statement", "verify", "second.jws", "--json"))["refused"]
        assert len(refused) == 7

    def test_it_says_what_it_did(self, shell, owner):
        done = shell("id", "revoke", *TYPED, typed=WORDS)
        assert "default: statement 2 revokes the former key" in done.out
        assert "send them to your licensees: sottovoce statement show" in done.err


class TestEmptyComputer:
    def test_words_and_statements_are_enough(self, shell, new_shell, owner):
        grant(shell, "a.grant")
        for name in ("first.jws", "a.grant"):
            shutil.copy(shell.folder / name, new_shell.folder)
        assert new_shell("id", "rotate", *TYPED, typed=WORDS).code == 2
        words = ("--statements", "first.jws", "--keep", "a.grant", "-o", "second.jws")
        wrong = new_shell("id", "rotate", *TYPED, *words, typed=OTHER)
        assert (wrong.code, new_shell("id", "list").out) == (2, "")
        done = new_shell("id", "rotate", *TYPED, *words, "--json", typed=WORDS)
        made = read(done)
        assert made["owner_id"] == read(shell("statement", "show", "--json"))["owner_id"]
        row = read(new_shell("id", "list", "--json"))
        assert (row["key"], row["recovery_words"]) == ("here", True)
        assert verify(new_shell, "a.grant", owner, "--newest", "second.jws") == 0
        assert new_shell("statement", "new", "--contact", "mailto:a@b.example").code == 0
        assert read(new_shell("grant", "key", "--json"))["thumbprint"] == owner
        again = new_shell("id", "rotate", *TYPED, "--statements", "first.jws", typed=WORDS)
        assert again.code == 0, again.err

    def test_a_name_that_is_taken_is_not_given_twice(self, shell, new_shell, owner):
        shutil.copy(shell.folder / "first.jws", new_shell.folder)
        before = new_shell("id", "new").out
        words = ("--statements", "first.jws")
        done = new_shell("id", "rotate", *TYPED, *words, typed=WORDS)
        assert (done.code, "already exists" in done.err) == (2, True)
        assert new_shell("id", "rotate", *TYPED, *words, "--name", "b", typed=WORDS).code == 0
        assert before.strip() in new_shell("id", "show").out
        done = new_shell("id", "rotate", *TYPED, *words, "--name", "c", typed=WORDS)
        assert (done.code, "--name b" in done.err) == (2, True)
