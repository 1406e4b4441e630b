"""Follow the edits of an MP4 or QuickTime track: pieces of its sound, in any order, and pauses.

FFmpeg follows them by whole packets, so that each edit within a packet shifts everything after it.
Here the sound is decoded as if there were no edits, and cut at the exact sample; for an edit that
goes back, the decoder starts over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sottovoce.files.decoding.boxes import Movie
    from sottovoce.files.decoding.decoder import Audio

__all__ = ["Piece", "find_pieces", "play_pieces"]

_MOST_AGAIN = 50
"""How many times the whole sound may be decoded or played again because of edits."""
_MOST_PAUSE_S = 3600
"""Total of pauses; a hostile file must not cause hours of silence."""
_BLOCK = 1 << 19


@dataclass(frozen=True, slots=True)
class Piece:
    """The part that one edit plays.

    Attributes
    ----------
    first : int
        Number of its first sample in the track; -1 for a pause.
    n : int
        Its samples.
    """

    first: int
    n: int


def find_pieces(movie: Movie, track_id: int, sr: int) -> list[Piece]:
    """Return the pieces that the edits of a track play, if they are more than one stretch.

    Parameters
    ----------
    movie : Movie
        Content of the boxes.
    track_id : int
        Number of the track.
    sr : int
        Its sampling rate, in Hz.

    Returns
    -------
    pieces : list of Piece
        Without the pause before the first and after the last; empty if one stretch or nothing is
        played, if the speed changes, or if the jumps would take too long to follow.
    """
    track = movie.tracks.get(track_id)
    if not movie.is_walked or track is None or not (track.timescale and track.n_units):
        return []
    edits = list(track.edits or [])
    while edits and edits[0][1] < 0:
        edits.pop(0)
    while edits and edits[-1][1] < 0:
        edits.pop()
    if len(edits) < 2 or track.changes_speed or movie.is_fragmented or not movie.timescale:
        return []
    pieces, end, done = [], 0, 0
    n_all = round(track.n_units * sr / track.timescale)
    for duration, begin in edits:
        end += duration
        # From the sum, so that rounding does not add up.
        stop = round(end * sr / movie.timescale)
        first = round(begin * sr / track.timescale) if begin >= 0 else -1
        n = stop - done if duration else max(n_all - max(first, 0), 0)
        pieces.append(Piece(first, n))
        done = stop
    again = sum(piece.first + piece.n for piece in pieces if piece.first >= 0)
    pauses = sum(piece.n for piece in pieces if piece.first < 0)
    is_bounded = again <= _MOST_AGAIN * n_all and pauses <= _MOST_PAUSE_S * sr
    return pieces if is_bounded else []


def play_pieces(
    pieces: Sequence[Piece], decode: Callable[[], Iterator[Audio]], silence: Audio
) -> Iterator[Audio]:
    """Yield the sound of pieces, one after the other.

    Parameters
    ----------
    pieces : sequence of Piece
        In the order in which they play.
    decode : callable
        Decodes the track from its beginning, block by block.
    silence : np.ndarray, shape=(channels, 0)
        An empty array of the type of the sound; used for pauses, and for edits that play past
        the end.
    """
    blocks: Iterator[Audio] = iter(())
    block, at, is_begun = silence, 0, False
    for piece in pieces:
        n_left = piece.n
        if piece.first >= 0 and (not is_begun or piece.first < at):
            blocks, block, at, is_begun = decode(), silence, 0, True
        while piece.first >= 0 and n_left:
            skip = piece.first + piece.n - n_left - at
            kept = block[:, skip : skip + n_left]
            if kept.shape[1]:
                yield kept
                n_left -= kept.shape[1]
            if n_left:
                at += block.shape[1]
                following = next(blocks, None)
                if following is None:
                    block = silence
                    break
                block = following
        for begin in range(0, n_left, _BLOCK):
            n = min(n_left - begin, _BLOCK)
            yield np.zeros((silence.shape[0], n), silence.dtype)
