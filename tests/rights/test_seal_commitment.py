"""A statement commits to a seal: the tree, its paths, and what is shown of it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.embedding import SignSource
from sottovoce.core.pattern import seal_cells
from sottovoce.core.seal import SealMatch
from sottovoce.core.seal_fairness import MOST_REGULARITY, measure_regularity
from sottovoce.core.seal_search import find_first_number
from sottovoce.core.seal_signs import N_STARTS, list_signs
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights import seal_commitment
from sottovoce.rights.public_keys import encode_base64url
from sottovoce.rights.seal_commitment import SealTree, find_root
from sottovoce.rights.seal_opening import open_seal, read_opening
from tests import reference

KEY = bytes(range(32))
OWNER = 0x4F2A91C077DE


@pytest.fixture(scope="module")
def tree():
    return SealTree.of(KEY)


def make_match(**changes) -> SealMatch:
    known = {"log10_p": -20.0, "score": 12.0, "agreement": 0.1, "offset_s": -0.008}
    return SealMatch(**{**known, "first_number": 500, "segments_s": ((0.0, 31.0),), **changes})


@pytest.fixture
def opening(tree):
    return open_seal(tree, make_match(), owner_id=OWNER, file="a.wav", sha256="0" * 64)


def test_the_root_is_that_of_the_definition(tree) -> None:
    """A second implementation, recursive as in RFC 9162, with HMAC bit by bit for some."""
    leaves = [number.to_bytes(8, "big") + one for number, one in enumerate(tree.signs)]
    assert tree.commitment == "sha-256:" + encode_base64url(reference.seal_commitment(leaves))
    for number in (0, 500, N_STARTS - 1):
        bits = np.unpackbits(np.frombuffer(tree.signs[number], np.uint8), bitorder="little")
        assert [1 - 2 * int(bit) for bit in bits] == [
            reference.seal_sign(KEY, number, i) for i in range(800)
        ]


@given(st.one_of(st.integers(0, N_STARTS - 1), st.sampled_from([0, 65_535, 65_536, N_STARTS - 1])))
@settings(max_examples=50)
def test_every_leaf_leads_to_the_root(tree, number) -> None:
    assert find_root(number, tree.signs[number], tree.path(number)) == tree.commitment


@given(st.integers(0, N_STARTS - 1), st.data())
@settings(max_examples=50)
def test_another_leaf_or_path_leads_elsewhere(tree, number, data) -> None:
    path = list(tree.path(number))
    place = data.draw(st.integers(0, len(path) - 1))
    path[place] = bytes(32)
    assert find_root(number, tree.signs[number], path) != tree.commitment
    changed = bytes([tree.signs[number][0] ^ 1]) + tree.signs[number][1:]
    assert find_root(number, changed, tree.path(number)) != tree.commitment
    with pytest.raises(ValueError, match="wrong length"):
        find_root(number, tree.signs[number], path[:-1])


@pytest.mark.parametrize("number", [-1, N_STARTS])
def test_there_are_no_other_superframes(tree, number) -> None:
    with pytest.raises(ValueError, match="no superframe"):
        find_root(number, tree.signs[0], tree.path(0))


def test_what_is_shown_is_read_again_and_holds_the_signs_of_the_file(opening, tmp_path) -> None:
    path = tmp_path / "seal.json"
    path.write_bytes(opening.to_bytes())
    assert read_opening(path) == opening
    shown = read_opening(path).verify()
    # 31 s begin in one superframe and end in the fourth, or the fifth.
    assert (shown.first_number, len(shown.signs)) == (500, 5)
    assert (shown.signs == list_signs(KEY, range(500, 505))).all()
    assert KEY.hex() not in path.read_text()


def test_it_begins_where_the_recording_does() -> None:
    """Also if the evidence begins later, and if the mark itself does."""
    for offset_s, first in ((-0.008, 500), (-9.0, 500), (0.5, 499), (20.0, 498)):
        assert find_first_number(make_match(offset_s=offset_s)) == first
    assert find_first_number(make_match(first_number=1, offset_s=50.0)) == -4


def test_a_mark_that_begins_late_shows_what_there_is(tree, tmp_path) -> None:
    match = make_match(first_number=1, offset_s=25.0, segments_s=((25.0, 60.0),))
    late = open_seal(tree, match, owner_id=OWNER, file="a", sha256="0" * 64)
    path = tmp_path / "seal.json"
    path.write_bytes(late.to_bytes())
    shown = read_opening(path).verify()
    assert shown.first_number == -2
    assert (shown.signs[:2] == 0).all()
    assert (shown.signs[2:] == list_signs(KEY, range(shown.signs.shape[0] - 2))).all()


def test_no_more_is_shown_than_where_the_seal_is(tree) -> None:
    match = make_match(segments_s=((205.0, 230.0),))
    shown = open_seal(tree, match, owner_id=OWNER, file="a", sha256="0" * 64)
    assert [leaf.number for leaf in shown.leaves] == [520, 521, 522, 523]
    signs = shown.verify()
    assert (signs.first_number, len(signs.signs)) == (500, 24)
    assert (signs.signs[:20] == 0).all()


def make_tree(signs: np.ndarray) -> SealTree:
    """A tree over signs that somebody has chosen, the same for every superframe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal_commitment, "list_signs", lambda key, numbers: signs[: len(numbers)])
        return SealTree.of(KEY)


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("alignment", [0, 3])
def test_whoever_commits_to_the_signs_of_a_payload_is_refused(share, alignment, rng) -> None:
    """Without a seal these cells carry the payload, whose signs are public."""
    notice = sv.Notice(owner_id=0xBAD)
    payload = np.roll(SignSource(notice).superframe(0), alignment, axis=0)[seal_cells()]
    chosen = np.where(
        rng.random((N_STARTS, 800), dtype=np.float32) < share,
        payload,
        rng.choice(np.array([-1, 1], dtype=np.int8), size=(N_STARTS, 800)),
    ).astype(np.int8)
    shown = open_seal(make_tree(chosen), make_match(), owner_id=OWNER, file="a", sha256="0" * 64)
    with pytest.raises(StatementError, match="regular"):
        shown.verify()


def test_the_signs_of_a_seal_are_not_regular() -> None:
    assert measure_regularity(list_signs(KEY, range(2_000))) < 6
    for number in range(0, 4_000, 100):
        assert measure_regularity(list_signs(KEY, range(number, number + 3))) < MOST_REGULARITY


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"stretch": -1},
        {"stretch": 25},
        {"stretch": "0"},
        {"first_number": -N_STARTS - 1},
        {"first_number": "500"},
        {"superframes": []},
        {"superframes": [1]},
        {"owner": "somebody"},
        {"commitment": 7},
        {"file": None},
    ],
)
def test_anything_else_is_refused(opening, tmp_path, change) -> None:
    path = tmp_path / "seal.json"
    path.write_text(json.dumps({**json.loads(opening.to_bytes()), **change}))
    with pytest.raises(StatementError, match="shows no seal"):
        read_opening(path).verify()


def test_a_gap_is_refused(opening, tmp_path) -> None:
    fields = json.loads(opening.to_bytes())
    del fields["superframes"][2]
    path = tmp_path / "seal.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(StatementError, match="shows no seal"):
        read_opening(path)


def test_signs_that_were_fitted_to_a_sound_lead_nowhere(opening) -> None:
    leaf = opening.leaves[2]
    fitted = dataclasses.replace(leaf, signs=bytes(len(leaf.signs)))
    leaves = (*opening.leaves[:2], fitted, *opening.leaves[3:])
    with pytest.raises(StatementError, match="superframe 502 do not lead"):
        dataclasses.replace(opening, leaves=leaves).verify()


def test_a_tree_takes_a_key() -> None:
    with pytest.raises(ParameterError):
        SealTree.of(b"short")
