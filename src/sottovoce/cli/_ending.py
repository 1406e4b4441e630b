"""Which grants end when the key that signed them is replaced, and which are kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.cli._grant_words import describe_state
from sottovoce.cli._granting import check_own, find_grant, read_owner
from sottovoce.cli._signing import join_uses
from sottovoce.cli._words import format_path
from sottovoce.core.policy import find_uses
from sottovoce.errors import ParameterError, SottovoceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sottovoce.rights.grants import GrantFile
    from sottovoce.rights.statements import Standing

__all__ = ["Ending", "find_kept", "list_ending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A grant or delegation that ends with the present key unless it is kept.

    Attributes
    ----------
    serial : str
        As `grant list` shows it.
    digest : str
        What a statement keeps it by.
    words : str
        One line, safe to show.
    """

    serial: str
    digest: str
    words: str


def list_ending(standing: Standing, tokens: Sequence[str]) -> list[Ending]:
    """Return the user's grants and delegations that are in force under the present key."""
    from sottovoce.rights.days import present_day
    from sottovoce.rights.grants import read_grant_file
    from sottovoce.rights.own_files import list_own_grants

    found = []
    for path in list_own_grants():
        with suppress(SottovoceError):  # `grant list` names what cannot be read
            file = read_grant_file(path)
            if _is_signed(file, standing) and _is_wanted(file, tokens, standing, present_day()):
                found.append(_describe(file))
    return found


def find_kept(which: Iterable[str], standing: Standing) -> list[Ending]:
    """Return the grants and delegations that the user names."""
    found = []
    for one in which:
        _, file = find_grant(one)
        if not _is_signed(file, standing):
            raise ParameterError(
                f"{format_path(one)} is not signed by the present key of this identity",
                remedy="Leave it out.  What an earlier rotation has kept stays kept.",
            )
        found.append(_describe(file))
    return found


def _is_signed(file: GrantFile, standing: Standing) -> bool:
    from sottovoce.rights.jws import peek_kid

    token = _signed(file)
    return read_owner(token) == standing.owner_id and peek_kid(token) == standing.current_key


def _signed(file: GrantFile) -> str:
    """Return what the owner has signed: of an agent's grant, the delegation."""
    return file.delegation or file.grant


def _is_wanted(file: GrantFile, tokens: Sequence[str], standing: Standing, today: date) -> bool:
    """Return whether it is in force, or will be."""
    from sottovoce.rights.days import parse_day
    from sottovoce.rights.jws import digest_token, peek_payload

    if not file.delegation:
        return describe_state(check_own(file, tuple(tokens)), today=today) in {
            "in force",
            "not yet in force",
        }
    last_day = parse_day(str(peek_payload(file.delegation).get("to")))
    return digest_token(file.delegation) not in standing.revoked_grants and last_day >= today


def _describe(file: GrantFile) -> Ending:
    from sottovoce.rights.jws import digest_token, peek_payload

    token = _signed(file)
    fields = peek_payload(token)
    whom = fields.get("grantee") or fields.get("agent") or {}
    uses = join_uses(find_uses(fields["uses"]))
    what = f"  to {whom.get('name')}: {uses}, until {fields['to']}"
    if file.delegation:
        what += "; with all grants that this agent has signed"
    return Ending(
        serial=str(fields["serial"]),
        digest=digest_token(token),
        words=format_path(f"{fields['serial']}{what}"),
    )
