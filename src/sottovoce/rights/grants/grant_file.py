"""The file of a grant: the owner's statements, the grant and, of an agent, the delegation."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.payload import Notice
from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.jws import peek_payload
from sottovoce.rights.own_files import read_bounded
from sottovoce.rights.statements.bundle import read_statements
from sottovoce.rights.strict_json import parse_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GrantFile", "find_notices", "parse_grant_file", "read_grant_file", "read_newest"]

_MOST_BYTES = 1 << 22
_KEYS = {"statements", "grant", "delegation", "revocation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFile:
    """What is sent with a contract; nothing in it is verified yet.

    Attributes
    ----------
    statements : tuple of str
        The statements of the owner, the first one first.
    grant : str
        The grant; empty in a file that holds a delegation only.
    delegation : str
        The delegation of the agent who signed it; empty if the owner did.
    revocation : str
        An agent's revocation; empty in a file that holds a grant.
    """

    statements: tuple[str, ...]
    grant: str = ""
    delegation: str = ""
    revocation: str = ""

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        fields: dict[str, Any] = {"statements": list(self.statements)}
        for key in ("grant", "delegation", "revocation"):
            if getattr(self, key):
                fields[key] = getattr(self, key)
        return json.dumps(fields, indent=1).encode("ascii") + b"\n"


def parse_grant_file(data: bytes) -> GrantFile:
    """Parse the content of a grant's file.

    Parameters
    ----------
    data : bytes
        External text.

    Returns
    -------
    file : GrantFile
        Not verified.

    Raises
    ------
    StatementError
        If it is anything else.
    """
    try:
        fields = parse_json(data, most_bytes=_MOST_BYTES, canonical=False)
        statements = fields["statements"]
        tokens = [*statements, *(fields[key] for key in fields if key != "statements")]
        if not isinstance(statements, list) or not fields.keys() <= _KEYS:
            raise ValueError("other fields")  # noqa: TRY301 - one place for all refusals
        if not all(isinstance(one, str) and one and one.isascii() for one in tokens):
            raise ValueError("not a token")  # noqa: TRY301
    except (ValueError, LookupError, TypeError) as err:
        raise StatementError(
            "not the file of a grant", remedy="Ask the owner for the file again."
        ) from err
    return GrantFile(
        statements=tuple(statements),
        grant=fields.get("grant", ""),
        delegation=fields.get("delegation", ""),
        revocation=fields.get("revocation", ""),
    )


def read_grant_file(path: Path) -> GrantFile:
    """Read the file of a grant.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    file : GrantFile
        Not verified.

    Raises
    ------
    StatementError
        If it cannot be read, or is anything else.
    """
    data = read_bounded(path, most_bytes=_MOST_BYTES)
    try:
        return parse_grant_file(data)
    except StatementError as err:
        raise StatementError(f"{path}: {err.message}", remedy=err.remedy) from err


def read_newest(path: Path) -> GrantFile:
    """Read what a file says about an owner's newest statements, or an agent's revocation.

    Parameters
    ----------
    path : Path
        Lines of statements, or the file of a grant or revocation.

    Returns
    -------
    file : GrantFile
        Not verified.

    Raises
    ------
    StatementError
        If it cannot be read, or holds no statements.
    """
    statements = read_statements(path)
    with suppress(StatementError):  # lines of statements
        return read_grant_file(path)
    return GrantFile(statements=statements)


def find_notices(file: GrantFile) -> list[Notice]:
    """Return the notices that the marks of a grant's owner carry, to look for them.

    Parameters
    ----------
    file : GrantFile
        Not verified: whoever wrote it may name any owner, and looking for one permits nothing.

    Returns
    -------
    notices : list of Notice
        One for each policy and year that the grant and the owner's statements name.

    Raises
    ------
    StatementError
        If it names none.
    """
    found: dict[Notice, None] = {}
    try:
        for token in filter(None, (file.grant, *file.statements)):
            fields = peek_payload(token)
            for one in fields["marks"]:
                policy, year = Use(one["policy"]), int(one["year"])
                notice = Notice(owner_id=int(fields["id"], 16), policy=policy, year=year)
                found[notice] = None
        if not found:
            raise ValueError("no notice")  # noqa: TRY301 - one place for all refusals
    except (LookupError, TypeError, ValueError, ParameterError) as err:
        raise StatementError(
            "the grant does not say what the owner's marks carry",
            remedy="Ask the owner for the file again.",
        ) from err
    return list(found)
