"""The owner's seal: written where the key is at hand, and found where the public mark is gone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf

from benchmarks.attacks.adversary import cancel_sync


@pytest.fixture
def sealed(shell, clip):
    """A take of 31 s, sealed by anna, and 10 s of it without the public mark."""
    y, sr = clip
    sf.write(shell.folder / "take.wav", np.resize(y, 31 * sr), sr)
    shell("id", "new", "--name", "anna")
    done = shell("protect", "take.wav", "-o", "marked.wav", "--owner", "anna", "--json")
    assert json.loads(done.out)["sealed"] is True
    marked, _ = sf.read(shell.folder / "marked.wav", dtype="float32")
    removed, _ = cancel_sync()(marked, sr, np.random.default_rng(0))
    sf.write(shell.folder / "removed.wav", removed[: 10 * sr], sr)
    return shell


@pytest.mark.by_turns
@pytest.mark.slow
def test_it_is_told_of_a_marked_file_and_found_where_the_mark_is_gone(sealed) -> None:
    done = sealed("check", "marked.wav")
    assert done.code == 0
    assert "yours: anna, sealed (p ≤ 10^-" in done.out
    (line,) = sealed("check", "marked.wav", "--json").out.splitlines()
    told = json.loads(line)["seal"]
    assert (told["yours"], told["public_mark"], told["holds"]) == ("anna", True, True)

    done = sealed("check", "removed.wav")
    assert done.code == 1
    assert "--mine looks for your seal" in done.err
    done = sealed("check", "removed.wav", "--mine")
    assert done.code == 0
    assert "YOURS, the public mark is missing" in done.out
    assert "the public mark is missing here; the seal of anna is in the sound (p ≤" in done.out
    assert "with your seal, but without the public mark" not in done.out  # one file, one line

    # A name restricts the search, and nobody else's key finds it.
    sealed("id", "new", "--name", "cleo")
    done = sealed("check", "removed.wav", "--mine", "--as", "anna", "--json")
    assert done.code == 0
    fields = json.loads(done.out)
    assert (fields["found"], fields["asked_for_found"]) == (False, True)
    seal = fields["seal"]
    assert (seal["yours"], seal["public_mark"], "shown" in seal) == ("anna", False, False)
    assert seal["log10_p"] < -10
    assert set(seal) >= {"score", "first_number", "offset_s", "segments_s", "agreement", "share"}
    done = sealed("check", "removed.wav", "--mine", "--as", "cleo")
    assert done.code == 1
    assert "No seal of yours was found" in done.err
    assert sealed("check", "removed.wav", "--as", "anna").code == 2


@pytest.mark.slow
def test_who_wants_none_or_has_no_key_gets_none(shell, clip) -> None:
    y, sr = clip
    sf.write(shell.folder / "long.wav", np.resize(y, 31 * sr), sr)
    sf.write(shell.folder / "short.wav", y, sr)
    shell("id", "new", "--passphrase", "--name", "anna", typed="sesame\n")
    cases = (
        (["long.wav", "--owner", "anonymous"], ""),
        (["long.wav", "--owner", "4f2a-91c0-77de"], ""),
        (["short.wav", "--owner", "anna"], "Without a seal"),
        (["long.wav", "--owner", "anna"], "Without a seal"),
        (["long.wav", "--owner", "anna", "--no-seal"], ""),
    )
    for words, told in cases:
        done = shell("protect", *words, "-o", "out.wav", "--json")
        assert done.code == 0
        assert json.loads(done.out)["sealed"] is False
        assert ("Without a seal" in done.err) == bool(told)


@pytest.mark.slow
def test_what_cannot_be_looked_for_is_named(sealed) -> None:
    seed = sealed.config / "seed.json"
    seed.chmod(0o644)
    done = sealed("check", "removed.wav", "--mine")
    assert done.code == 1
    assert "the seal of anna was not looked for" in done.err
    (line,) = sealed("check", "removed.wav", "--mine", "--json").out.splitlines()
    assert json.loads(line)["seals_not_searched"] == ["anna"]
    assert "Without a seal" in sealed("protect", "take.wav", "-o", "x.wav", "--owner", "anna").err


def test_a_short_file_is_left_without_one(shell, clip) -> None:
    """So that its owner is read as often as before."""
    y, sr = clip
    sf.write(shell.folder / "short.wav", y, sr)
    done = shell("protect", "short.wav", "-o", "out.wav", "--json")
    assert json.loads(done.out)["sealed"] is False
