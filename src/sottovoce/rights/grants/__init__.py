"""Grants: what lifts a refusal for one licensee, named uses and a time, verified offline."""

from __future__ import annotations

from sottovoce.rights.grants.grant import Delegation, Grant
from sottovoce.rights.grants.grant_file import (
    GrantFile,
    find_notices,
    parse_grant_file,
    read_grant_file,
    read_newest,
)
from sottovoce.rights.grants.revocation import make_revocation
from sottovoce.rights.grants.verifying import GrantVerdict, verify_grant
from sottovoce.rights.grants.writing import make_delegation, make_grant

__all__ = [
    "Delegation",
    "Grant",
    "GrantFile",
    "GrantVerdict",
    "find_notices",
    "make_delegation",
    "make_grant",
    "make_revocation",
    "parse_grant_file",
    "read_grant_file",
    "read_newest",
    "verify_grant",
]
