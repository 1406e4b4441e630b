"""The parts of a Matroska file that change with a track: its entry, its tags, references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import make_element, number_of, split_elements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cues", "TrackHead", "clean_tags", "merge_tracks", "read_entries", "remake_seek_head"]

_OF_THE_CODEC = (
    names.CODEC_ID,
    names.CODEC_PRIVATE,
    names.CODEC_DELAY,
    names.SEEK_PREROLL,
)
_OF_THE_OLD_SOUND = (b"BPS", b"DURATION", b"NUMBER_OF_", b"_STATISTICS_", b"ENCODER")
_POSITION_BYTES = 8


@dataclass(frozen=True, slots=True)
class TrackHead:
    """The header of a track.

    Attributes
    ----------
    number, uid : int
        Its identifiers in the blocks, and in the tags.
    delay_ns : int
        Length that a player drops at its beginning, in nanoseconds.
    """

    number: int
    uid: int
    delay_ns: int


def read_entries(tracks: bytes) -> list[TrackHead]:
    """Return the header of every track, in order."""
    keys = (names.TRACK_NUMBER, names.TRACK_UID, names.CODEC_DELAY)
    entries = [split_elements(body) for name, body in split_elements(tracks) if name == names.TRACK]
    return [TrackHead(*(number_of(entry, key) for key in keys)) for entry in entries]


def merge_tracks(tracks: bytes, new: Mapping[int, Mapping[int, bytes]]) -> bytes:
    """Return ``Tracks`` in which some tracks have the codec data of the new encoder.

    Parameters
    ----------
    tracks : bytes
        Content of the element.
    new : dict of int to dict
        Elements of the new entry, by the number of the track that it replaces.

    Returns
    -------
    element : bytes
        With its header.
    """
    parts = []
    for name, entry in split_elements(tracks):
        inner = split_elements(entry) if name == names.TRACK else []
        number = number_of(inner, names.TRACK_NUMBER)
        if number not in new:
            parts += [make_element(name, entry)] if name != names.CRC else []
            continue
        # Frames have a different length now, and their headers are not compressed.
        left_out = {*_OF_THE_CODEC, names.ENCODINGS, names.DEFAULT_DURATION, names.CRC}
        kept = [(key, data) for key, data in inner if key not in left_out]
        kept += [(key, new[number][key]) for key in _OF_THE_CODEC if key in new[number]]
        parts.append(make_element(name, b"".join(make_element(*one) for one in kept)))
    return make_element(names.TRACKS, b"".join(parts))


def clean_tags(tags: bytes, uids: Sequence[int]) -> bytes:
    """Return ``Tags`` without the statistics of the old sound of some tracks.

    Parameters
    ----------
    tags : bytes
        Content of the element.
    uids : sequence of int
        Identifiers of the tracks.

    Returns
    -------
    element : bytes
        With its header.
    """
    parts = []
    for name, tag in split_elements(tags):
        if name == names.CRC:
            continue
        inner = split_elements(tag) if name == names.TAG else []
        if _targets(inner) & set(uids):
            kept = [one for one in inner if one[0] != names.CRC and not _is_technical(*one)]
            if not any(key == names.SIMPLE_TAG for key, _ in kept):
                continue
            tag = b"".join(make_element(*one) for one in kept)
        parts.append(make_element(name, tag))
    return make_element(names.TAGS, b"".join(parts))


def remake_seek_head(data: bytes, moved: Mapping[int, int]) -> bytes:
    """Return ``SeekHead`` with new positions, in the same number of bytes.

    Parameters
    ----------
    data : bytes
        Content of the element.
    moved : dict of int to int
        New position of each outermost element by its old one; empty before they are known.

    Returns
    -------
    element : bytes
        With its header.
    """
    parts = []
    for name, entry in split_elements(data):
        inner = split_elements(entry) if name == names.SEEK else []
        if not inner:
            continue
        old = number_of(inner, names.SEEK_POSITION)
        position = moved.get(old, old).to_bytes(_POSITION_BYTES, "big")
        parts.append(
            make_element(
                names.SEEK,
                make_element(names.SEEK_ID, dict(inner).get(names.SEEK_ID, b""))
                + make_element(names.SEEK_POSITION, position),
            )
        )
    return make_element(names.SEEK_HEAD, b"".join(parts))


class Cues:
    """An index by time.

    Parameters
    ----------
    data : bytes
        Content of the element; empty if there is none.

    Attributes
    ----------
    wanted : dict of int to set of int
        By the position of a cluster: positions in it that the index lists.
    places : dict of (int, int) to int
        Their positions in the new cluster; filled while it is written.
    """

    def __init__(self, data: bytes) -> None:
        self._points = [
            [
                (key, split_elements(body)) if key == names.CUE_TRACK_POSITIONS else (key, body)
                for key, body in split_elements(point)
            ]
            for name, point in split_elements(data)
            if name == names.CUE_POINT
        ]
        self.wanted: dict[int, set[int]] = {}
        self.places: dict[tuple[int, int], int] = {}
        for point in self._points:
            for _, inner in point:
                if isinstance(inner, list):
                    cluster = number_of(inner, names.CUE_CLUSTER)
                    place = number_of(inner, names.CUE_RELATIVE)
                    self.wanted.setdefault(cluster, set()).add(place)

    def remake(
        self,
        moved: Mapping[int, int],
        places: Mapping[tuple[int, int], int],
        replaced: set[int],
    ) -> bytes:
        """Return ``Cues`` with new positions, in the same number of bytes.

        Parameters
        ----------
        moved : dict of int to int
            As in `remake_seek_head`.
        places : dict of (int, int) to int
            As `places`; empty before they are known.
        replaced : set of int
            Tracks whose blocks were replaced: only their clusters are listed.

        Returns
        -------
        element : bytes
            With its header.
        """
        points = []
        for point in self._points:
            parts = b""
            for key, body in point:
                if isinstance(body, list):
                    body = _move_cue(body, moved, places, replaced)
                parts += make_element(key, body)
            points.append(make_element(names.CUE_POINT, parts))
        return make_element(names.CUES, b"".join(points))


def _move_cue(
    cue: list[tuple[int, bytes]],
    moved: Mapping[int, int],
    places: Mapping[tuple[int, int], int],
    replaced: set[int],
) -> bytes:
    cluster = number_of(cue, names.CUE_CLUSTER)
    left_out = {names.CUE_BLOCK, names.CUE_STATE}
    if number_of(cue, names.CUE_TRACK) in replaced:
        left_out |= {names.CUE_RELATIVE, names.CUE_DURATION}
    parts = b""
    for key, data in cue:
        if key in left_out:
            continue
        if key == names.CUE_CLUSTER:
            if moved and cluster not in moved:
                raise UnsupportedFormatError("its index does not point to a cluster")
            data = moved.get(cluster, 0).to_bytes(_POSITION_BYTES, "big")
        elif key == names.CUE_RELATIVE:
            place = places.get((cluster, int.from_bytes(data, "big")), 0)
            data = place.to_bytes(_POSITION_BYTES, "big")
        parts += make_element(key, data)
    return parts


def _targets(tag: list[tuple[int, bytes]]) -> set[int]:
    return {
        int.from_bytes(value, "big")
        for name, body in tag
        if name == names.TARGETS
        for key, value in split_elements(body)
        if key == names.TAG_TRACK_UID
    }


def _is_technical(name: int, body: bytes) -> bool:
    if name != names.SIMPLE_TAG:
        return False
    title = dict(split_elements(body)).get(names.TAG_NAME, b"").upper()
    return title.startswith(_OF_THE_OLD_SOUND)
