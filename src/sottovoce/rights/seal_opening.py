"""Show a seal to others: the signs of one recording, and that a statement committed to them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.core.seal_fairness import MOST_REGULARITY, measure_regularity
from sottovoce.core.seal_search import USUAL_STRETCHES, find_first_number
from sottovoce.core.seal_signs import N_STARTS, SIGNS_BYTES, ShownSeal, list_signs, unpack_signs
from sottovoce.core.stretch import Stretch
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.own_files import read_bounded
from sottovoce.rights.public_keys import decode_base64url, encode_base64url
from sottovoce.rights.seal_commitment import find_root
from sottovoce.rights.strict_json import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.core.seal import SealMatch
    from sottovoce.rights.seal_commitment import SealTree

__all__ = ["SealOpening", "ShownSuperframe", "open_seal", "read_opening"]

_FORMAT = "sottovoce-seal-opening-1"
_MOST_BYTES = 1 << 24
"""Room for two days of sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSuperframe:
    """A superframe that is shown.

    Attributes
    ----------
    number : int
        Its number.
    signs : bytes
        Its packed signs.
    path : tuple of bytes
        Hashes that lead to the commitment.
    """

    number: int
    signs: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealOpening:
    """What an owner shows of a seal for one track of a recording, and nothing of its key.

    Attributes
    ----------
    owner_id : int
        Whose seal it is.
    commitment : str
        To be found in a statement of theirs that is older than the recording.
    file, sha256 : str
        Name and SHA-256 of the file that it is about.
    track : str
        As `FoundSeal.track`.
    stretch : Stretch
        Speed and pitch at which the seal was found.
    first_number : int
        Number of the superframe in which the track begins; negative if the mark begins later.
    leaves : tuple of ShownSuperframe
        The superframes in which the seal is, one after the other.
    """

    owner_id: int
    commitment: str
    file: str
    sha256: str
    track: str
    stretch: Stretch
    first_number: int
    leaves: tuple[ShownSuperframe, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the content of its file."""
        fields = {
            "format": _FORMAT,
            "owner": format_owner_id(self.owner_id),
            "commitment": self.commitment,
            "file": self.file,
            "sha256": self.sha256,
            "track": self.track,
            "stretch": USUAL_STRETCHES.index(self.stretch),
            "first_number": self.first_number,
            "superframes": [
                {
                    "number": leaf.number,
                    "signs": encode_base64url(leaf.signs),
                    "path": [encode_base64url(one) for one in leaf.path],
                }
                for leaf in self.leaves
            ],
        }
        return json.dumps(fields, indent=1).encode("ascii") + b"\n"

    def verify(self) -> ShownSeal:
        """Return the signs, if each of them leads to the commitment.

        Raises
        ------
        StatementError
            If one does not; or if the signs are too regular to be those of a seal.
        """
        for leaf in self.leaves:
            try:
                root = find_root(leaf.number, leaf.signs, leaf.path)
            except ValueError as err:
                raise _refuse(str(err)) from err
            if root != self.commitment:
                raise StatementError(
                    f"the signs of superframe {leaf.number} do not lead to the commitment",
                    remedy="They are not those of the seal that it stands for.",
                )
        packed = np.frombuffer(b"".join(leaf.signs for leaf in self.leaves), dtype=np.uint8)
        shown = ShownSeal(
            first_number=self.leaves[0].number,
            signs=unpack_signs(packed.reshape(-1, SIGNS_BYTES)),
        )
        if measure_regularity(shown.signs) > MOST_REGULARITY:
            raise StatementError(
                "the signs that are shown are regular, as those of a payload are, and not random",
                remedy="Sound that was marked without a seal agrees with such signs.",
            )
        numbers = range(self.first_number, self.leaves[-1].number + 1)
        return ShownSeal(first_number=self.first_number, signs=list_signs(shown, numbers))


def open_seal(
    tree: SealTree,
    match: SealMatch,
    *,
    owner_id: int,
    file: str,
    sha256: str,
    track: str = "",
) -> SealOpening:
    """Show the part of a seal that was found in a recording.

    Parameters
    ----------
    tree : SealTree
        Of the key.
    match : SealMatch
        Where the seal was found.
    owner_id : int
        Whose it is.
    file, sha256, track : str
        As in `SealOpening`.

    Returns
    -------
    opening : SealOpening
        Shows the superframes in which the seal is present, from the first of them to the last.
    """
    first = find_first_number(match)
    superframe_s = FORMAT_1.superframe_s / match.speed
    begin_s, end_s = match.segments_s[0][0], match.segments_s[-1][1]
    begin, end = math.floor(begin_s / superframe_s), math.ceil(end_s / superframe_s)
    numbers = range(max(first + begin, 0), min(first + end + 1, N_STARTS))
    return SealOpening(
        owner_id=owner_id,
        commitment=tree.commitment,
        file=file,
        sha256=sha256,
        track=track,
        stretch=Stretch(match.speed, match.pitch),
        first_number=first,
        leaves=tuple(
            ShownSuperframe(number=i, signs=tree.signs[i], path=tree.path(i)) for i in numbers
        ),
    )


def read_opening(path: Path) -> SealOpening:
    """Read what an owner shows of a seal.

    Parameters
    ----------
    path : Path
        A file as `SealOpening.to_bytes` makes it; may be hostile.

    Returns
    -------
    opening : SealOpening
        Not verified.

    Raises
    ------
    StatementError
        If it cannot be read, or is anything else.
    """
    data = read_bounded(path, most_bytes=_MOST_BYTES)
    try:
        return _parse(parse_json(data, most_bytes=_MOST_BYTES, canonical=False))
    except (ValueError, LookupError, TypeError, ParameterError) as err:
        raise StatementError(
            f"{path}: shows no seal", remedy="Ask the owner for the file again."
        ) from err


def _parse(fields: dict[str, Any]) -> SealOpening:
    leaves = tuple(
        ShownSuperframe(
            number=one["number"],
            signs=decode_base64url(one["signs"]),
            path=tuple(decode_base64url(each) for each in one["path"]),
        )
        for one in fields["superframes"]
    )
    first = fields["first_number"]
    texts = [fields[key] for key in ("owner", "commitment", "file", "sha256", "track")]
    if fields["format"] != _FORMAT or not all(isinstance(one, str) for one in texts):
        raise ValueError("another format")
    start = leaves[0].number if leaves else 0
    expected = range(start, start + len(leaves))
    stretch = fields["stretch"]
    if stretch not in range(len(USUAL_STRETCHES)):
        raise ValueError("no such stretch")
    is_before = not leaves or start < max(first, 0) or first < -N_STARTS
    if is_before or [leaf.number for leaf in leaves] != list(expected):
        raise ValueError("no superframes in a row")
    return SealOpening(
        owner_id=parse_owner_id(fields["owner"]),
        commitment=fields["commitment"],
        file=fields["file"],
        sha256=fields["sha256"],
        track=fields["track"],
        stretch=USUAL_STRETCHES[stretch],
        first_number=first,
        leaves=leaves,
    )


def _refuse(why: str) -> StatementError:
    return StatementError(f"shows no seal: {why}", remedy="Ask the owner for the file again.")
