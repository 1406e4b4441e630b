"""The index of segments finds the piece that is there, or the next one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sottovoce.files.films.segment_index import Pieces


@pytest.mark.parametrize(
    ("place", "begin", "shift"),
    [(0, 1, 1), (100, 1, 1), (101, 4, 2), (300, 4, 2), (301, 9, 0)],
    ids=["before", "at the first", "between", "at the last", "behind"],
)
def test_a_place_has_the_times_of_the_piece_behind_it(place: int, begin: int, shift: int) -> None:
    before, after = [Fraction(0), Fraction(2)], [Fraction(1), Fraction(4)]
    pieces = Pieces([100, 300], before, after, Fraction(9))
    assert pieces.begin_of(place) == begin
    assert pieces.shift_of(place) == shift


def test_without_pieces_there_is_only_the_end() -> None:
    pieces = Pieces(end=Fraction(9))
    assert (pieces.begin_of(5), pieces.shift_of(5)) == (9, 0)
