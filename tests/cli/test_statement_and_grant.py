"""`sottovoce statement` and `sottovoce grant`, from a key to a permission and its end."""

from __future__ import annotations

import hashlib
import json

import pytest
import soundfile as sf

from sottovoce.files.digests import pcm_sha256
from sottovoce.rights.days import present_day
from tests.cli.conftest import Shell

HOSTILE = "Acme\u202e\x1b[2J <b>"


def is_plain(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An owner with a statement, and a licensee; and their thumbprints."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "work").mkdir()
    shell = Shell(folder / "work", folder / "config")
    for name in ("default", "lab", "agent"):
        assert shell("id", "new", "--name", name).code == 0
    words = ("--declared-name", HOSTILE, "--without-words", "-o", "first.jws")
    done = shell("statement", "new", *words)
    assert done.code == 0, done.err
    shown = [shell("grant", "key", "--name", name, "--json") for name in ("default", "lab")]
    return shell, [json.loads(done.out)["thumbprint"] for done in shown]


@pytest.fixture
def people(shell, prepared):
    """The thumbprints of the two, who are here."""
    other, thumbprints = prepared
    shell.take_over(other)
    return thumbprints


def grant(shell, key, *options):
    words = ("--grantee", HOSTILE, "--grantee-key", key, "--uses", "train-generative,clone")
    return shell("grant", "new", *words, *options)


def test_a_grant_from_the_first_key_to_its_revocation(shell, people):
    owner, lab = people
    (shell.folder / "contract.pdf").write_bytes(b"%PDF")
    made = grant(shell, lab, "-o", "acme.grant", "--contract", "contract.pdf")
    assert made.code == 0, made.err
    assert "one identity for each licensee" in made.err

    unanchored = shell("grant", "verify", "acme.grant")
    assert unanchored.code == 1
    assert "--owner-key" in unanchored.err

    done = shell("grant", "verify", "acme.grant", "--owner-key", owner, "--as", "lab")
    assert done.code == 0, done.err
    assert "allows train-generative, clone until" in done.out
    assert "Revocation is known up to" in done.out
    assert "not proved" not in done.out
    named = shell("grant", "verify", "acme.grant", "--owner-key", owner, "--grantee-key", lab)
    assert "is not proved" in named.out
    other = shell("grant", "verify", "acme.grant", "--owner-key", owner, "--as", "agent")
    assert other.code == 1
    late = shell("grant", "verify", "acme.grant", "--owner-key", owner, "--on", "2099-01-01")
    assert late.code == 1

    assert "in force" in shell("grant", "list").out
    assert shell("grant", "revoke", "acme.grant", "-o", "second.jws").code == 0
    assert "revoked" in shell("grant", "list").out
    words = ("grant", "verify", "acme.grant", "--owner-key", owner)
    assert shell(*words).code == 0
    newest = shell(*words, "--newest", "second.jws", "--json")
    assert newest.code == 1
    assert json.loads(newest.out)["reason"] == "revoked"
    for done in (made, unanchored, named, other, shell("grant", "show", "acme.grant")):
        assert is_plain(done.out + done.err)


def test_a_grant_is_never_overwritten_and_can_be_revoked_by_its_serial(shell, people):
    _, lab = people
    made = grant(shell, lab, "--json")
    serial = json.loads(made.out)["serial"]
    assert (shell.folder / "default.grant").is_file()
    again = grant(shell, lab)
    assert again.code == 2
    assert "never replaced" in again.err
    assert shell("grant", "revoke", serial).code == 0
    assert shell("grant", "revoke", "no-such-serial").code == 2


def test_files_are_granted_one_by_one(shell, people, take):
    owner, lab = people
    assert grant(shell, lab, "--file", take.name, "-o", "a.grant").code == 0
    shown = shell("grant", "show", "a.grant").out
    done = shell("grant", "verify", "a.grant", "--owner-key", owner, "--json")
    permission = json.loads(done.out)["permission"]
    assert permission["sha256"] == [hashlib.sha256(take.read_bytes()).hexdigest()]
    assert permission["pcm_sha256"] == [pcm_sha256(take)]
    assert "1 file and 1 sound, by SHA-256" in shown
    for name in ("missing.wav", "a.grant"):
        assert grant(shell, lab, "--file", name, "-o", "b.grant").code == 2
    # The same sound in another file, with another name.
    sf.write(shell.folder / "again.flac", *sf.read(take, dtype="int16"))
    assert pcm_sha256(shell.folder / "again.flac") in permission["pcm_sha256"]


def test_sound_of_somebody_else_is_disowned_by_its_file(shell, people, take):
    sound = pcm_sha256(take)
    done = shell("statement", "new", "--disown", take.name, "--disown", "AB" * 32, "--json")
    assert json.loads(done.out)["disowned"] == sorted([sound, "ab" * 32])
    done = shell("statement", "new", "--disown", "missing.wav")
    assert done.code == 2
    assert "neither a file nor a SHA-256" in done.err


@pytest.mark.slow
def test_one_identity_for_each_licensee_is_advised_where_it_is_none(shell, people):
    _, lab = people
    assert shell("id", "new", "--name", "acme").code == 0
    assert shell("statement", "new", "--name", "acme", "--without-words").code == 0
    first = grant(shell, lab, "--name", "acme", "-o", "a.grant")
    assert (first.code, "one identity" in first.err) == (0, False)
    again = grant(shell, lab, "--name", "acme", "-o", "b.grant")
    assert "one identity" not in again.err
    other = grant(shell, people[0], "--name", "acme", "-o", "c.grant")
    assert other.code == 0
    assert "may use already" in other.err
    assert f"sottovoce id new --name acme-2j-b-{present_day().year}, " in other.err
    assert is_plain(other.err)


def test_an_agent_grants_with_a_key_of_their_own(shell, people):
    owner, lab = people
    agent = json.loads(shell("grant", "key", "--name", "agent", "--json").out)
    words = ("grant", "delegate", "--agent", "Voices", "--uses", "clone", "-o", "a.delegation")
    assert shell(*words, "--agent-key", agent["thumbprint"]).code == 2
    done = shell(*words, "--agent-key", agent["public_key"], "--may-revoke")
    assert done.code == 0, done.err
    words = ("grant", "new", "--name", "agent", "--delegation", "a.delegation", "-o", "b.grant")
    last_day = json.loads(shell("grant", "list", "--json").out)["to"]
    made = shell(
        *words, "--grantee", "Acme", "--grantee-key", lab, "--uses", "clone", "--to", last_day
    )
    assert made.code == 0, made.err
    done = shell("grant", "verify", "b.grant", "--owner-key", owner)
    assert done.code == 0
    assert "Voices" in done.out
    assert shell("grant", "verify", "a.delegation", "--owner-key", owner).code == 1
    # The agent's own computer does not have the owner's key.
    key = shell.folder.parent / "config" / "sottovoce" / "identities" / "default.json"
    key.rename(shell.folder / "default.json")
    assert shell("grant", "revoke", "b.grant").code == 0
    done = shell("grant", "verify", "b.grant", "--owner-key", owner, "--newest", "b.revocation")
    assert done.code == 1
    assert "has revoked it" in done.out


def test_uses_are_named_one_by_one(shell, people):
    _, lab = people
    for uses in ("all", "training", "licence", "0x7F", ""):
        done = shell("grant", "new", "--grantee", "A", "--grantee-key", lab, "--uses", uses)
        assert done.code == 2
        assert "train-generative" in done.err


def test_statements_are_continued_shown_verified_and_published(shell, people):
    owner, _ = people
    words = ("--pseudonym", "Speaker", "--contact", "mailto:a@b.example", "-o", "both.jws")
    done = shell("statement", "new", *words)
    assert done.code == 0, done.err
    assert "statement 2" in done.out
    assert "never be lifted" in done.err
    verified = shell("statement", "verify", "both.jws", "--owner-key", owner)
    assert verified.code == 0
    assert "follows statement 1 and is signed by the same key" in verified.out
    assert shell("statement", "verify", "both.jws", "--owner-key", "A" * 43).code == 1
    shown = shell("statement", "show", "both.jws", "--json")
    assert json.loads(shown.out)["statement"]["seq"] == 2
    html = shell("statement", "html", "-o", "refusal.html")
    assert html.code == 0
    page = (shell.folder / "refusal.html").read_text()
    assert "<b>" not in page
    assert is_plain(page)
    for done in (verified, shell("statement", "show"), shell("statement", "texts")):
        assert is_plain(done.out + done.err)
    german = shell("statement", "texts", "--language", "de")
    assert "keine Rechtsberatung" in german.out


def test_a_refusal_cannot_be_lifted_without_a_next_key(shell, people):
    done = shell("statement", "new", "--policy", "cloning")
    assert done.code == 2
    assert "lifts a refusal" in done.err
    assert len(shell("statement", "verify", "first.jws").out.splitlines()) > 3


def test_a_forged_statement_is_not_valid_and_another_file_an_error(shell, people):
    token = (shell.folder / "first.jws").read_text().strip()
    (shell.folder / "forged.jws").write_text(token[:-9] + "A" * 9)
    done = shell("statement", "verify", "forged.jws")
    assert done.code == 1
    assert "NOT VALID" in done.out
    (shell.folder / "binary").write_bytes(b"\xff\0")
    for name in ("binary", "missing"):
        for group in ("statement", "grant"):
            done = shell(group, "verify", name)
            assert done.code == 2
            assert done.out == ""


def test_without_a_statement_nothing_is_granted(shell):
    assert shell("id", "new").code == 0
    done = grant(shell, "A" * 43)
    assert done.code == 2
    assert "sottovoce statement new --name default" in done.err
    assert shell("statement", "show").code == 2
    assert "no grant yet" in shell("grant", "list").err


def test_signed_texts_are_private(shell, people, config_folder):
    _, lab = people
    assert grant(shell, lab).code == 0
    stored = [
        path
        for room in ("statements", "grants")
        for path in (config_folder / "sottovoce" / room).rglob("*")
        if path.is_file()
    ]
    assert len(stored) == 2
    assert {path.stat().st_mode & 0o777 for path in stored} == {0o600}
