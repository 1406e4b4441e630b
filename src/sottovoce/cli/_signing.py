"""What the commands for statements and grants share: own keys, days, uses and where to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli._options import OutPath
from sottovoce.cli._secrets import ask_passphrase
from sottovoce.cli._whose import list_own, load_own
from sottovoce.core.policy import Use, find_uses, name_uses
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.identity import Identity
    from sottovoce.rights.keys_of import SigningKeys
    from sottovoce.rights.statements import Standing

__all__ = [
    "IDENTITY",
    "OUT",
    "OWNER_KEY",
    "find_identity",
    "join_uses",
    "load_key",
    "load_named",
    "load_signer",
    "parse_option_day",
    "parse_uses",
    "read_own",
    "refuse_unsigned",
]

IDENTITY = click.option(
    "--name",
    default=None,
    metavar="NAME",
    help="The identity that signs, or that it is about.  [default: default]",
)
OWNER_KEY = click.option(
    "--owner-key",
    default=None,
    metavar="THUMBPRINT",
    help="Thumbprint of the owner's first key, typed from the contract.",
)
OUT = click.option(
    "-o",
    "--out",
    type=OutPath(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="File to write; an existing one is never replaced.",
)


def load_named(name: str | None) -> Identity:
    """Return the identity that `IDENTITY` names; ask for no passphrase."""
    from sottovoce.rights import list_identities
    from sottovoce.rights.identity import DEFAULT_IDENTITY

    own = list_identities()
    if name is None and own and DEFAULT_IDENTITY not in own:
        raise ParameterError(
            f"there is no identity named {DEFAULT_IDENTITY!r}; yours are {', '.join(own)}",
            remedy=f"Name one: --name {own[0]}.",
        )
    return load_own(name or DEFAULT_IDENTITY)


def load_signer(name: str | None) -> tuple[Identity, SigningKeys]:
    """Return an identity of this computer and the keys that sign for it."""
    from sottovoce.rights.keys_of import keys_of

    identity = load_named(name)
    return identity, keys_of(identity, ask=ask_passphrase)


def load_key(identity: Identity, named: str) -> Ed25519PrivateKey:
    """Return the key of a licensee or agent that a text of an owner names.

    That is their first key, as `grant key` shows it, or the present one; if it is neither, the
    present one.
    """
    from sottovoce.rights import thumbprint
    from sottovoce.rights.keys_of import keys_of

    if named == thumbprint(identity.public_key):
        return identity.open_key(ask=ask_passphrase)
    return keys_of(identity, ask=ask_passphrase).private_key


def find_identity(owner_id: int) -> str:
    """Return the name of the identity on this computer that has an owner id."""
    from sottovoce.rights import format_owner_id

    name = list_own().get(owner_id)
    if name is None:
        raise ParameterError(
            f"no identity on this computer has owner id {format_owner_id(owner_id)}",
            remedy="Run this where the key is.",
        )
    return name


def read_own(owner_id: int) -> tuple[list[str], Standing]:
    """Return the statements that the user has signed for an owner id, and what they add up to."""
    from sottovoce.rights.own_files import read_own_statements
    from sottovoce.rights.statements import verify_statements

    tokens = read_own_statements(owner_id)
    standing = verify_statements(tokens)
    if standing.statement is not None:
        # The user's own chain needs no contract.
        standing = verify_statements(tokens, owner_key=standing.inception_key)
    return tokens, standing


def refuse_unsigned(tokens: Iterable[str], name: str) -> None:
    """Refuse to go on without a statement."""
    if not list(tokens):
        raise ParameterError(
            f"the identity {name!r} has signed no statement yet",
            remedy=f"Sign one with: sottovoce statement new --name {name}",
        )


def parse_option_day(text: str | None) -> date | None:
    """Return the day that an option names."""
    from sottovoce.rights.days import parse_day

    return None if text is None else parse_day(text)


def parse_uses(text: str) -> Use:
    """Return uses named one by one; there is no word for all of them."""
    return find_uses(text.split(","))


def join_uses(uses: Use) -> str:
    """Return uses as `parse_uses` takes them; "none" for none."""
    return ", ".join(name_uses(uses)) or "none"
