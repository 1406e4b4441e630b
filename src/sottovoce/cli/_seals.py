"""The user's own seals: whose keys are at hand, and what was found with them, in words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._pool import Failure
from sottovoce.cli._whose import load_own
from sottovoce.cli._words import format_p, format_path
from sottovoce.errors import ParameterError, StatementError
from sottovoce.files.counts import say_count
from sottovoce.files.times import format_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.seal import PooledSeal, SealMatch
    from sottovoce.files.checked import CheckedFile
    from sottovoce.rights import Identity
    from sottovoce.rights.shown_seals import ShownRange

__all__ = [
    "find_own_seals",
    "find_shown_before",
    "find_shown_seal",
    "has_seal_key",
    "is_committed",
    "load_own_seals",
    "pool_own_seals",
    "say_pooled",
    "say_seals",
    "say_shown",
]


def find_own_seals(name: str | None, *, mine: bool) -> tuple[dict[int, bytes], list[str]]:
    """Return the seal keys to look for, by owner ids, and the identities that cannot be.

    Parameters
    ----------
    name : str or None
        The identity that the user names; None for all of which the key is at hand.
    mine : bool
        Whether the user asks for their own marks, so that a name means something.

    Raises
    ------
    ParameterError
        If there is a name and nobody asked.
    StatementError
        If the key of the named identity is not at hand.
    """
    from sottovoce.rights.seal_keys import derive_seal_key, list_seal_keys

    if name is None:
        keys, lacking = list_seal_keys()
        for each, why in lacking.items() if mine else ():
            told = f"the seal of {each} was not looked for: {why}"
            _output.explain(format_path(told), kind="note")
        return keys, list(lacking) if mine else []
    if not mine:
        raise ParameterError("--as is about your own marks", remedy="Add --mine.")
    identity = load_own(name)
    return {identity.owner_id: derive_seal_key(identity)}, []


def load_own_seals(name: str | None, *, mine: bool = True) -> dict[int, bytes]:
    """Return the seal keys to search with, as `find_own_seals` does, but at least one.

    Raises
    ------
    ParameterError, StatementError
        As by `find_own_seals`; or if no key is at hand.
    """
    keys, _ = find_own_seals(name, mine=mine)
    if not keys:
        raise ParameterError(
            "no key of a seal is on this computer",
            remedy="Run this where your identity and its key are.",
        )
    return keys


def say_seals(checked: CheckedFile, own: dict[int, str]) -> list[str]:
    """Return what is said of seals that were found without the public mark, a line each."""
    lines = []
    for one in checked.seals:
        name = format_path(own[one.owner_id])
        where = f"{format_path(one.track)}: " if one.track else ""
        p = format_p(one.match.log10_p)
        if one.match.holds and checked.detection.found:
            lines.append(
                f"{where}the seal of {name} is in the sound as well ({p}): it was protected by you,"
                " and no public mark of yours can be read in it"
            )
        elif one.match.holds:
            lines.append(
                f"{where}the public mark is missing here; the seal of {name} is in the sound ({p}):"
                " it was protected by you, and the public mark was removed or lost"
            )
        else:
            lines.append(
                f"{where}the sound agrees with the seal of {name} ({p}), but too weakly for how"
                " strong its cells are, as a guess at the seal can: it does not count"
            )
        if one.match.holds and one.match.may_be_guessed:
            lines.append(
                f"{where}its cells agree no better than a guess can that somebody has made from"
                " another recording of yours and written into this one"
            )
    if (shown := find_shown_seal(checked, own)) is not None and checked.seal is not None:
        lines.append(say_shown(shown, own[checked.seal[0]]))
    return lines


def find_shown_seal(checked: CheckedFile, own: dict[int, str]) -> ShownRange | None:
    """Return when the signs of the seal that a file counts as the user's were shown before."""
    if checked.seal is None or checked.seal[0] not in own:
        return None
    return find_shown_before(*checked.seal)


def find_shown_before(owner_id: int, match: SealMatch) -> ShownRange | None:
    """Return for which recording, and when, signs of a seal were shown to others, if they were."""
    from sottovoce.rights.shown_seals import find_shown_range

    return find_shown_range(match, _list_shown(owner_id))


def say_shown(shown: ShownRange, name: str) -> str:
    """Return what it means that signs of the seal of an identity were shown before."""
    return (
        f"the signs of the seal of {format_path(name)} were shown on {format_day(shown.day)}, with"
        f" {format_path(shown.file)}: since then others can write them into any sound, so they"
        " prove something only in a recording that existed before that day"
    )


@functools.cache
def _list_shown(owner_id: int) -> list[ShownRange]:
    """Return what was shown of an owner's seal; a note that cannot be read is told once."""
    from sottovoce.rights.shown_seals import list_shown_ranges

    try:
        return list_shown_ranges(owner_id)
    except StatementError as err:
        told = f"what was shown of this seal is not known: {err.message}.  {err.remedy}"
        _output.explain(format_path(told), kind="note")
        return []


def pool_own_seals(
    outcomes: Sequence[CheckedFile | Failure], own: dict[int, str]
) -> dict[int, PooledSeal]:
    """Return what the files say together about each seal that was looked for, by owner ids.

    Files with signs that were shown to others are searched files, and do not count.
    """
    from sottovoce.core.seal import pool_seals

    checked = [one for one in outcomes if not isinstance(one, Failure) and one.searched]
    pooled = {}
    for owner_id in own:
        # Of several tracks the likeliest, which comes first; its p-value pays for them.
        matches = [
            next((each.match for each in one.searched if each.owner_id == owner_id), None)
            for one in checked
        ]
        found = [match for match in matches if match is not None]
        if found:
            secret = [one for one in found if find_shown_before(owner_id, one) is None]
            pooled[owner_id] = pool_seals(secret, n_files=len(checked))
    return pooled


def say_pooled(pooled: dict[int, PooledSeal], own: dict[int, str]) -> list[str]:
    """Return what is said of files together, a line for each seal."""
    lines = []
    for owner_id, one in pooled.items():
        name, files = format_path(own[owner_id]), say_count(one.n_files, "file")
        p = format_p(one.log10_p)
        if one.holds:
            lines.append(
                f"together: the seal of {name} is in {files} without the public mark ({p}, from"
                f" {one.n_counted} of them): protected by you, and the public mark was removed or"
                " lost"
            )
        elif one.is_likely:
            lines.append(
                f"together: the sound of {files} without the public mark agrees with the seal of"
                f" {name} ({p}), but too weakly for how strong its cells are, as a guess at the"
                " seal can: it does not count"
            )
        else:
            lines.append(
                f"together: the seal of {name} was not found in {files} without the public mark"
                f" ({p})"
            )
    return lines


def is_committed(owner_id: int) -> bool:
    """Return whether a statement of the user's commits to the seal of an owner id."""
    from sottovoce.rights.jws import peek_payload
    from sottovoce.rights.own_files import read_own_statements

    try:
        return any(peek_payload(one).get("seal") for one in read_own_statements(owner_id))
    except StatementError:
        return False


def has_seal_key(identity: Identity) -> bool:
    """Return whether marks of an identity are sealed here: its key needs no passphrase."""
    from sottovoce.rights.seal_keys import derive_seal_key

    try:
        derive_seal_key(identity)
    except StatementError:
        return False
    return True
