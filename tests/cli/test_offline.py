"""From the first key to another computer, and never a network."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from sottovoce.rights import RecoveryWords

WORDS = " ".join(RecoveryWords(bytes(range(32))).words)
TYPED = ("--words-from", "-")
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")
NO_SOCKETS = """
import socket

class Forbidden(socket.socket):
    def __init__(self, *_, **__):
        raise RuntimeError("a socket was opened")

socket.socket = Forbidden
"""


def can_unshare() -> bool:
    """Return whether this system gives a process a network without interfaces."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def offline(shell, new_shell):
    """Take the network away from both computers; return how."""
    if can_unshare():
        shell.wrapper = new_shell.wrapper = NAMESPACE
        return "namespace"
    for each in (shell, new_shell):
        place = each.folder.parent / "no sockets"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(NO_SOCKETS)
        each.environment["PYTHONPATH"] = str(place)
    return "sockets"


def read(done) -> dict:
    assert done.code == 0, done.err
    return json.loads(done.out)


def probe(shell) -> str:
    """What becomes of a connection in the place of the program."""
    code = "import socket; socket.socket().connect(('192.0.2.1', 80))"
    done = subprocess.run(
        [*shell.wrapper, "python3", "-c", code],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stderr


@pytest.mark.slow
@pytest.mark.by_turns
def test_everything_works_without_a_network_and_comes_back(shell, new_shell, offline):
    expected = "unreachable" if offline == "namespace" else "a socket was opened"
    assert expected in probe(shell)

    # The first key, the words, a statement and a grant.
    for name in ("acme", "lab", "book"):
        assert shell("id", "new", "--name", name).code == 0
    words = shell.start("id", "words", "-o", "words.pdf", stdin=subprocess.PIPE)
    words.communicate(WORDS, timeout=60)
    assert words.returncode == 2  # those are not the new ones
    done = shell("id", "words", *TYPED, typed=WORDS)
    assert done.out.count("has recovery words") == 3
    assert shell("statement", "new", "--name", "acme", "-o", "first.jws").code == 0
    owner = read(shell("grant", "key", "--name", "acme", "--json"))["thumbprint"]
    lab = read(shell("grant", "key", "--name", "lab", "--json"))["thumbprint"]
    grant = ("grant", "new", "--name", "acme", "--grantee", "Acme", "--grantee-key", lab)
    grant += ("--uses", "clone", "-o")
    assert shell(*grant, "kept.grant").code == 0
    assert shell(*grant, "ended.grant").code == 0
    verify = ("grant", "verify", "--owner-key", owner, "--as", "lab")
    assert shell(*verify, "kept.grant").code == 0

    # The key is replaced.
    rotate = ("id", "rotate", "--name", "acme", "--keep", "kept.grant", "--drop-others")
    done = shell(*rotate, "-o", "second.jws", *TYPED, typed=WORDS)
    assert done.code == 0, done.err
    assert shell(*verify, "kept.grant", "--newest", "second.jws").code == 0
    assert shell(*verify, "ended.grant", "--newest", "second.jws").code == 1

    # Everything comes back elsewhere.
    done = shell("id", "backup", "-o", "b.backup", *TYPED, typed=WORDS)
    assert done.code == 0, done.err
    for name in ("b.backup", "kept.grant", "second.jws"):
        shutil.copy(shell.folder / name, new_shell.folder)
    assert new_shell("id", "restore", "b.backup", *TYPED, typed=WORDS).code == 0
    kept = {path.relative_to(shell.config) for path in shell.config.rglob("*") if path.is_file()}
    assert {path.parts[0] for path in kept} == {
        "backups.json", "grants", "identities", "keys", "recovery", "seed.json", "statements",
    }  # fmt: skip
    for path in (path for path in kept if path.name != "backups.json"):
        assert (new_shell.config / path).read_bytes() == (shell.config / path).read_bytes()
    rows = [json.loads(row) for row in new_shell("id", "list", "--json").out.splitlines()]
    assert {row["key"] for row in rows} == {"here"}
    assert all(row["recovery_words"] for row in rows)
    assert new_shell(*verify, "kept.grant", "--newest", "second.jws").code == 0
    assert "in force" in new_shell("grant", "list").out
    assert new_shell(*grant, "new.grant").code == 0
    assert new_shell(*verify, "new.grant", "--newest", "second.jws").code == 0
    assert new_shell("statement", "new", "--name", "acme", "--pseudonym", "A").code == 0
    assert new_shell("id", "revoke", "--name", "acme", *TYPED, typed=WORDS).code == 0
