"""Who refuses what: policies in words, keys, and the owner ids made from them."""

from __future__ import annotations

from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.core.policy import POLICIES, Use, describe_policy, parse_policy
from sottovoce.rights.identity import (
    ANONYMOUS,
    DEFAULT_IDENTITY,
    Identity,
    explain_exposure,
    identity_folder,
    list_identities,
    load_identity,
    make_identity,
)
from sottovoce.rights.key_id import owner_id_from_public_key

__all__ = [
    "ANONYMOUS",
    "DEFAULT_IDENTITY",
    "POLICIES",
    "Identity",
    "Use",
    "describe_policy",
    "explain_exposure",
    "format_owner_id",
    "identity_folder",
    "list_identities",
    "load_identity",
    "make_identity",
    "owner_id_from_public_key",
    "parse_owner_id",
    "parse_policy",
]
