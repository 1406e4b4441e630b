"""`sottovoce seal`: what an owner shows of a seal convinces somebody who has no key."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from benchmarks.attacks.adversary import cancel_sync
from sottovoce.core.front_end import FrontEnd
from tests.cli.conftest import Shell
from tests.reference import seal_score_of_signs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory, clip):
    """Anna's folder for 11 s of a take whose public mark was removed."""
    y, sr = clip
    folder = tmp_path_factory.mktemp("shown")
    shell = Shell(folder, folder / "config")
    sf.write(shell.folder / "take.wav", np.resize(y, 31 * sr), sr)
    shell("id", "new", "--name", "anna")
    shell("protect", "take.wav", "-o", "marked.wav", "--owner", "anna")
    marked, _ = sf.read(shell.folder / "marked.wav", dtype="float32")
    removed, _ = cancel_sync()(marked, sr, np.random.default_rng(0))
    removed = removed[: 11 * sr]
    assert not sv.detect(removed, sr=sr).found
    sf.write(shell.folder / "removed.wav", removed, sr)
    early = shell("seal", "reveal", "--file", "removed.wav", "-o", "evidence")
    assert early.code == 2
    assert "no statement commits to this seal" in early.err
    assert shell("statement", "new", "--name", "anna", "--without-words").code == 0
    done = shell("seal", "reveal", "--file", "removed.wav", "-o", "evidence", "--as", "anna")
    assert done.code == 0, done.err
    assert "the seal of anna in removed.wav (p ≤ 10^-" in done.out
    return shell


def test_somebody_else_verifies_it_and_learns_no_key(shown, new_shell) -> None:
    folder = shown.folder / "evidence"
    assert sorted(one.name for one in folder.iterdir()) == [
        "README.txt",
        "seal.json",
        "statements.jws",
    ]
    told = shown("statement", "show", "--name", "anna", "--json").out
    thumbprint = json.loads(told)["inception_key"]
    done = new_shell(
        "seal", "verify", folder, "--file", shown.folder / "removed.wav", "--owner-key", thumbprint
    )
    assert done.code == 0, done.err
    assert "SEALED, the sound carries the seal of owner" in done.out
    assert "only if the recording is younger than the statement" in done.err
    # The original has no seal, and another file is told to be another one.
    done = new_shell("seal", "verify", folder, "--file", shown.folder / "take.wav")
    assert done.code == 1
    assert "NOT SEALED" in done.out
    done = new_shell("seal", "verify", folder, "--file", shown.folder / "marked.wav")
    assert done.code == 0
    assert "another file than the one" in done.err
    done = new_shell("seal", "verify", folder, "--file", shown.folder / "removed.wav", "--json")
    fields = json.loads(done.out)
    assert (fields["holds"], fields["same_file"], fields["statement"]) == (True, True, 1)
    assert fields["seal"]["log10_p"] < -12
    assert fields["commitment"] in (folder / "README.txt").read_text()
    other = new_shell(
        "seal", "verify", folder, "--file", shown.folder / "removed.wav", "--owner-key", 43 * "A"
    )
    assert other.code == 2
    check_by_definition(shown.folder)


@pytest.mark.by_turns
def test_what_was_shown_is_remembered_where_it_is_found_again(shown) -> None:
    done = shown("check", "removed.wav", "--mine", "--together")
    assert done.code == 0
    assert "the signs of the seal of anna were shown on " in done.out
    assert "with removed.wav: since then others can write them" in done.out
    assert "together: the seal of anna was not found in 1 file without the public mark" in done.out
    seal = json.loads(shown("check", "marked.wav", "--json").out)["seal"]
    assert (seal["public_mark"], len(seal["shown"])) == (True, len("2026-11-29"))
    again = shown("seal", "reveal", "--file", "removed.wav", "-o", "again")
    assert again.code == 0
    assert "the signs of the seal of anna were shown on " in again.err
    assert len([*(shown.config / "shown").rglob("*.json")]) == 1


def check_by_definition(folder) -> None:
    """A second implementation, with loops, from what is in the folder."""
    fields = json.loads((folder / "evidence" / "seal.json").read_text())
    y, sr = sf.read(folder / "removed.wav", dtype="float32")
    front_end = FrontEnd(sr=sr)
    front_end.push(y[None])
    front_end.finish()
    chunks = range(front_end.n_chunks(ended=True))
    fine = [front_end.fine_scores(chunk, front_end.scores(chunk)) for chunk in chunks]
    scores = np.concatenate(fine).tolist()
    best = max(
        seal_score_of_signs(scores, offset=offset, texts=fields["superframes"])
        for offset in find_offsets(folder, sr)
    )
    assert best > 8


def find_offsets(folder, sr) -> range:
    """Half frames around the place that the detector names; all 2,560 would take loops too long."""
    from sottovoce.core.seal_search import SealSearch
    from sottovoce.rights.seal_opening import read_opening

    shown = read_opening(folder / "evidence" / "seal.json").verify()
    first = shown.first_number
    search = SealSearch(sr=sr, keys=(shown,), starts=range(first, first + 1))
    y, _ = sf.read(folder / "removed.wav", dtype="float32")
    search.process(y)
    search.finish()
    (match,) = search.matches()
    place = round(match.offset_s / 0.004) + 2 - (match.first_number - first) * 2560
    return range(place - 1, place + 2)


def test_what_was_tampered_with_convinces_nobody(shown, new_shell, tmp_path) -> None:
    folder, file = tmp_path / "evidence", shown.folder / "removed.wav"
    shutil.copytree(shown.folder / "evidence", folder)
    path = folder / "seal.json"
    fields = json.loads(path.read_text())
    fields["superframes"][1]["signs"] = fields["superframes"][2]["signs"]
    path.write_text(json.dumps(fields))
    done = new_shell("seal", "verify", folder, "--file", file)
    assert done.code == 2
    assert "do not lead to the commitment" in done.err
    # Somebody else's statements do not stand behind it.
    path.write_text(json.dumps({**fields, "superframes": fields["superframes"][:1]}))
    new_shell("id", "new", "--name", "bert")
    new_shell("statement", "new", "--name", "bert", "--without-words")
    (folder / "statements.jws").unlink()
    new_shell("statement", "show", "--name", "bert", "-o", folder / "statements.jws")
    done = new_shell("seal", "verify", folder, "--file", file)
    assert done.code == 2
    assert "of another owner" in done.err


def test_nothing_is_written_where_there_is_nothing_to_show(shown) -> None:
    y, sr = sf.read(shown.folder / "take.wav", dtype="float32")
    sf.write(shown.folder / "short.wav", y[: 5 * sr], sr)
    done = shown("seal", "reveal", "--file", "short.wav", "-o", "more")
    assert done.code == 1
    assert "no seal of yours was found" in done.out
    assert not (shown.folder / "more").exists()
    done = shown("seal", "reveal", "--file", "removed.wav", "-o", "evidence")
    assert done.code == 2
    assert "already exists" in done.err
    done = shown("seal", "reveal", "--file", "absent.wav", "-o", "more")
    assert done.code == 2
    assert "absent.wav" in done.err


def test_of_two_identities_only_one_whose_seal_can_be_shown_is_searched(shell, clip) -> None:
    y, sr = clip
    sf.write(shell.folder / "short.wav", y[: 3 * sr], sr)
    shell("id", "new", "--name", "anna")
    done = shell("statement", "new", "--without-words")
    assert done.code == 2
    assert "--name anna" in done.err
    shell("statement", "new", "--name", "anna", "--without-words")
    shell("id", "new", "--name", "bert")
    done = shell("seal", "reveal", "--file", "short.wav", "-o", "evidence")
    assert done.code == 1
    assert "the seal of bert cannot be shown" in done.err
    assert "no seal of yours to which a statement commits was found" in done.out


@pytest.mark.by_turns
def test_weak_pieces_are_found_together(shell, clip) -> None:
    y, sr = clip
    shell("id", "new", "--name", "anna")
    for number in range(3):
        sf.write(
            shell.folder / f"take{number}.wav", np.resize(np.roll(y, 9_000 * number), 31 * sr), sr
        )
    shell("protect", *(f"take{i}.wav" for i in range(3)), "--owner", "anna", "--strength", "1.0")
    pieces = []
    for number in range(3):
        marked, _ = sf.read(shell.folder / f"take{number}.protected.wav", dtype="float32")
        removed, _ = cancel_sync()(marked, sr, np.random.default_rng(0))
        pieces.append(f"piece{number}.wav")
        sf.write(shell.folder / pieces[-1], removed[: 9 * sr], sr)
    done = shell("check", *pieces, "--mine", "--together", "--json")
    *alone, last = map(json.loads, done.out.splitlines())
    assert (last["file"], last["verdict"]) == (None, "together")
    seal = last["seal"]
    assert (seal["yours"], seal["n_files"]) == ("anna", 3)
    assert seal["log10_p"] < -7
    assert seal["holds"]
    assert done.code == 0
    assert [one["found"] for one in alone] == [False] * 3
    assert shell("check", pieces[0], "--together").code == 2


@pytest.mark.by_turns
def test_copies_of_one_piece_do_not_add_up(shell, clip) -> None:
    y, sr = clip
    shell("id", "new", "--name", "anna")
    for number in range(2):
        sf.write(shell.folder / f"{number}.wav", y[: 3 * sr], sr)
    done = shell("check", "0.wav", "1.wav", "--mine", "--together")
    assert done.code == 1
    assert "together: the seal of anna was not found in 2 files without the public mark" in done.out
