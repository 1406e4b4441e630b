"""Whose a mark is: an identity on this computer, or another owner that the mark names."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._words import format_p, format_path
from sottovoce.errors import ParameterError, SottovoceError, StatementError

if TYPE_CHECKING:
    from sottovoce import Notice, Voice
    from sottovoce.rights import Identity

_LIKE_AN_ID = re.compile(r"[0-9a-fA-F]{2,}(-[0-9a-fA-F]{2,})+")

__all__ = [
    "ask_about",
    "describe_match",
    "describe_owned_voice",
    "find_key",
    "find_owner",
    "list_own",
    "load_own",
    "read_asked",
]


def list_own() -> dict[int, str]:
    """Return the names of the identities on this computer by their owner ids."""
    from sottovoce.rights import list_identities, load_identity

    own = {}
    for name in list_identities():
        with suppress(SottovoceError):  # a damaged key file is the business of `sottovoce id`
            own[load_identity(name).owner_id] = name
    return own


def find_owner(text: str) -> int:
    """Return the owner id that the user names: an id, or one of their identities."""
    from sottovoce.rights import ANONYMOUS, list_identities, parse_owner_id

    if text == ANONYMOUS:
        return 0
    with suppress(ParameterError):
        return parse_owner_id(text)
    if _LIKE_AN_ID.fullmatch(text) and text not in list_identities():
        raise ParameterError(
            f"{text!r} is neither one of your identities nor an owner id",
            remedy="An owner id has twelve characters, such as 4f2a-91c0-77de.",
        )
    return load_own(text).owner_id


def load_own(name: str, *, verify: bool = False) -> Identity:
    """Return an identity of this computer; warn if others may read its key."""
    from sottovoce.rights import explain_exposure, list_rotated_keys, load_identity

    identity = load_identity(name, verify=verify)
    later = list_rotated_keys(identity.owner_id, folder=identity.path.parent.parent)
    for path in (*identity.secret_files(), *later):
        if warning := explain_exposure(path):
            _output.explain(format_path(warning), kind="warning")
    return identity


def find_key(identity: Identity) -> str:
    """Return where the present key of an identity is, without asking for a passphrase.

    Returns
    -------
    place : str
        "here", "sealed" by a passphrase, "exposed" to other users, or "missing".
    """
    from sottovoce.rights import explain_exposure
    from sottovoce.rights.keys.secret_files import is_sealed
    from sottovoce.rights.keys_of import keys_of, secret_files_of

    places = secret_files_of(identity)
    if any(explain_exposure(path) for path in places):
        return "exposed"
    try:
        keys_of(identity)
    except StatementError:
        return "sealed" if any(is_sealed(path) for path in places) else "missing"
    return "here"


def ask_about(
    owner: str | None, *, mine: bool, own: dict[int, str]
) -> tuple[set[int] | None, list[Notice]]:
    """Return the owners that were asked about, and the notices to look for.

    The owners are None where any mark counts.
    """
    if owner is None and not mine:
        return None, []
    wanted = set(own) if mine else set()
    granted: list[Notice] = []
    if owner is not None:
        granted = _read_grant(owner)
        wanted.add(granted[0].owner_id if granted else _find_asked(owner, own))
    # A grant says what the marks carry, which may be unusual.
    return wanted, list(dict.fromkeys([*granted, *_list_known(wanted)]))


def read_asked(text: str) -> list[Notice]:
    """Return the notices to look for if this is asked about: an owner id, a name or a grant."""
    return _read_grant(text) or _list_known({find_owner(text)})


def _read_grant(text: str) -> list[Notice]:
    """Return what the marks of a grant's owner carry; nothing if the text names no grant."""
    if not text.endswith(".grant"):
        return []
    from sottovoce.rights.grants import find_notices, read_grant_file

    return find_notices(read_grant_file(Path(text)))


def _find_asked(owner: str, own: dict[int, str]) -> int:
    """Return the owner id asked about; creating an identity would not help the user."""
    from sottovoce.rights import list_identities

    try:
        return find_owner(owner)
    except ParameterError as err:
        if owner in list_identities() or _LIKE_AN_ID.fullmatch(owner):
            raise
        names = ", ".join(sorted(own.values()))
        remedy = f"Your identities: {names}." if names else "You have no identity yet."
        remedy += "  For anyone else, name the owner id, such as 4f2a-91c0-77de."
        raise ParameterError(str(err), remedy=remedy) from err


def _list_known(owner_ids: set[int]) -> list[Notice]:
    """Return the notices to test for if only these owners are asked about.

    An anonymous mark is no owner's: it has to be decoded.
    """
    from sottovoce.core.known_payload import make_usual_notices
    from sottovoce.core.payload import present_year

    last_year = present_year()
    named = sorted(owner_ids - {0})
    return [one for each in named for one in make_usual_notices(each, last_year=last_year)]


def describe_match(voice: Voice, own: dict[int, str]) -> str:
    """Return what the mark of a voice says if its notice was matched, not decoded.

    Its owner was asked for and shown; its policy and year are only those that fit best.
    """
    from sottovoce.rights import describe_policy, format_owner_id

    notice, match = voice.notice, voice.matched
    if notice is None or match is None:
        return describe_owned_voice(voice, own)
    yours = f"yours: {own[notice.owner_id]}, " if notice.owner_id in own else ""
    return (
        f"matched: the mark is that of {yours}owner {format_owner_id(notice.owner_id)}"
        f" ({format_p(match.log10_p)}; first of {match.n_ids:,} random ids); of the usual notices"
        f" it fits best: {describe_policy(notice.policy)}; since {notice.year}"
    )


def describe_owned_voice(voice: Voice, own: dict[int, str]) -> str:
    """Return what the mark of a voice says, as *yours* or as a claim.

    Anyone can write any owner id; whether it is one of this computer's identities is known here.
    """
    from sottovoce.rights import describe_policy, format_owner_id

    notice = voice.notice
    if notice is None:
        return "marked; owner not decoded yet (needs more sound)"
    policy = describe_policy(notice.policy)
    since = f"since {notice.year}"
    if notice.year > datetime.now(tz=UTC).year:
        since += ", a year in the future"
    if notice.owner_id == 0:
        return f"{policy}; anonymous; {since}"
    owner = f"owner {format_owner_id(notice.owner_id)}"
    if notice.owner_id in own:
        seal = voice.seal
        sealed = ""
        if seal and seal.holds:
            doubt = ", but a guess at it can agree as well" if seal.may_be_guessed else ""
            sealed = f", sealed ({format_p(seal.log10_p)}{doubt})"
        return f"yours: {own[notice.owner_id]}{sealed}; {policy}; {owner}; {since}"
    return f"the mark names {owner}; {policy}; {since}"
