"""`scan report` with grants and owners: what the command says, and what it refuses."""

from __future__ import annotations

import json

import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.core.policy import Use
from sottovoce.rights.grants import make_grant
from tests.rights.people import DAY, first, key, thumb
from tests.test_recipes import owner_of


@pytest.fixture
def folder(shell, clip):
    """A scan of one clip of 2 s, which is too short to be read, and a grant for it."""
    y, sr = clip
    notice = sv.Notice(owner_id=owner_of("owner"), year=2026)
    marked = sv.protect(y, sr=sr, notice=notice, phase_s=0.5)
    (shell.folder / "data").mkdir()
    sf.write(shell.folder / "data" / "a.flac", marked[2 * sr : 4 * sr], sr)
    made = make_grant(
        [first()],
        key=key("owner"),
        grantee="Acme\nTTS \x1b[31mGmbH",
        grantee_key=thumb("lab"),
        uses=Use.CLONE,
        issued=DAY,
    )
    (shell.folder / "a.grant").write_bytes(made.to_bytes())
    assert shell("scan", "data", "-o", "out", "--jobs", 1, "--format", "jsonl").code == 1
    return shell.folder


@pytest.mark.slow
def test_a_grant_releases_and_the_exit_code_says_what_remains(shell, folder) -> None:
    (folder / "keys.txt").write_text(f"# from the contract\n{thumb('owner')}\n")
    words = ("--grant", "a.grant", "--owner-key", "keys.txt", "--format", "jsonl")
    done = shell("scan", "report", "out", "--for", "clone", *words)
    assert done.code == 0, done.err
    assert "1 marked recording is released for cloning the voice" in done.out
    assert "grantee not proved" in done.err
    assert "\x1b[31m" not in done.err
    (row,) = map(json.loads, (folder / "out" / "results.jsonl").read_text().splitlines())
    assert row["released_by"]
    other = shell("scan", "report", "out", "--for", "mine", *words)
    assert other.code == 1
    assert "granted nothing for this use and day" in other.out
    unknown = shell("scan", "report", "out", "--for", "clone", "--grant", "a.grant")
    assert unknown.code == 1
    assert "a.grant: nothing outside of the file says whose key" in unknown.err
    assert "--owner-key" in unknown.err
    copied = shell("scan", "filter", "out", "--to", "kept", "--for", "clone", *words[:4])
    assert copied.code == 0
    assert (folder / "kept" / "a.flac").exists()


@pytest.mark.slow
def test_a_file_with_the_name_of_a_thumbprint_does_not_replace_it(shell, folder) -> None:
    """Whoever sends a data set names its files."""
    (folder / thumb("owner")).write_text(f"{thumb('thief')}\n")
    words = ("--grant", "a.grant", "--for", "clone", "--owner-key", thumb("owner"))
    assert shell("scan", "report", "out", *words).code == 0


@pytest.mark.slow
def test_files_of_windows_editor_are_read(shell, folder) -> None:
    (folder / "keys.txt").write_text(f"{thumb('owner')}\r\n", encoding="utf-8-sig")
    words = ("--grant", "a.grant", "--for", "clone", "--owner-key", "keys.txt")
    (folder / "owners.txt").write_text(f"{owner_of('owner'):012x}\r\n", encoding="utf-8-sig")
    done = shell("scan", "report", "out", "--owners", "owners.txt", *words)
    assert done.code == 0, done.err


@pytest.mark.slow
def test_owners_that_are_asked_for_are_named(shell, folder) -> None:
    """By owner id, and by a grant, which says what the marks carry."""
    owner = f"{owner_of('owner'):012x}"
    for number, asked in enumerate((owner, "a.grant")):
        (folder / "owners.txt").write_text(f"{asked}\n0000-0000-0007\n")
        out = f"out-{number}"
        done = shell("scan", "data", "-o", out, "--jobs", 1, "--owners", "owners.txt")
        assert done.code == 1
        assert "1 by owner" in done.out
        assert "not readable" not in done.out
        checked = shell("check", "data/a.flac", "--owner", asked)
        assert checked.code == 0
        assert "matched" in checked.out
    (folder / "owners.txt").write_text("# nobody\n")
    empty = shell("scan", "report", "out", "--owners", "owners.txt")
    assert empty.code == 2
    assert "names no owner" in empty.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--for", "clone"), "are about grants"),
        (("--grant", "a.grant"), "for named uses"),
        (("--grant", "a.grant", "--for", "all"), "not a use"),
        (("--grant", "a.grant", "--for", "clone", "--as", "nobody"), "nobody"),
        (("--grant", "a.grant", "--for", "clone", "--owner-key", "short"), "short"),
        (("--grant", "a.grant", "--for", "clone", "--owner-key", "keys.txt"), "not a thumbprint"),
    ],
)
def test_a_slip_changes_nothing_and_is_explained(shell, folder, words, told) -> None:
    before = (folder / "out" / "exclude.txt").read_text()
    done = shell("scan", "report", "out", *words)
    assert done.code == 2
    assert told in done.err
    assert (folder / "out" / "exclude.txt").read_text() == before
