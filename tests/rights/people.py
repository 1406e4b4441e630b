"""Keys and statements of invented people, made once for all tests: an owner id takes 0.2 s."""

from __future__ import annotations

import dataclasses
import functools
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.policy import POLICIES, Use
from sottovoce.rights.jws import digest_token, sign_token
from sottovoce.rights.public_keys import public_jwk, thumbprint_of
from sottovoce.rights.statements.statement import KIND, open_statement
from sottovoce.rights.statements.writing import (
    Declaration,
    continue_statements,
    make_statement,
)

DAY = date(2026, 11, 27)
ALL = POLICIES["all"]
NOTICES = ((0x7F, 2026),)


@functools.cache
def key(name: str) -> Ed25519PrivateKey:
    """The same key for a name, in every run."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


def jwk(name: str) -> dict[str, str]:
    return public_jwk(key(name))


def thumb(name: str) -> str:
    return thumbprint_of(jwk(name))


@functools.cache
def first(owner: str = "owner", *, issued: date = DAY, minor_until: date | None = None) -> str:
    """The first statement: everything refused; next, recovery and heir announced."""
    declaration = Declaration(notices=NOTICES, name="A. Speaker", minor_until=minor_until)
    return make_statement(
        declaration,
        key=key(owner),
        next_thumbprint=thumb("next"),
        recovery_thumbprint=thumb("recovery"),
        successors=[thumb("heir")],
        issued=issued,
    )


def declare(token: str, **changes) -> Declaration:
    return dataclasses.replace(Declaration.of(open_statement(token)), **changes)


def follow(*tokens: str, by: str = "owner", **options) -> str:
    """A statement that keeps the rules."""
    return continue_statements(tokens, key=key(by), **{"issued": DAY, **options})


def break_rules(previous: str, *, by: str = "owner", **changes) -> str:
    """A statement that follows another one, signed without asking whether it may."""
    one = open_statement(previous)
    keys = {**one.fields["keys"], "current": jwk(by), **changes.pop("keys", {})}
    payload = {**one.fields, "seq": one.seq + 1, "prev": one.digest, "keys": keys, **changes}
    return sign_token(payload, kind=KIND, key=key(by))


def uses(refused: Use) -> dict[str, dict[str, bool]]:
    return Declaration(refused=refused).to_fields()["uses"]


def digest(token: str) -> str:
    return digest_token(token)
