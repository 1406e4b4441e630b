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
from sottovoce.rights.keys.commitments import Commitment, commit, known_words, load_commitment
from sottovoce.rights.keys.recovery import RecoveryWords
from sottovoce.rights.keys.seed import make_seed, needs_passphrase, seed_path
from sottovoce.rights.public_keys import thumbprint
from sottovoce.rights.rotation import (
    Rotation,
    keep_rotation,
    list_rotated_keys,
    prepare_rotation,
    signing_key,
)

__all__ = [
    "ANONYMOUS",
    "DEFAULT_IDENTITY",
    "POLICIES",
    "Commitment",
    "Identity",
    "RecoveryWords",
    "Rotation",
    "Use",
    "commit",
    "describe_policy",
    "explain_exposure",
    "format_owner_id",
    "identity_folder",
    "keep_rotation",
    "known_words",
    "list_identities",
    "list_rotated_keys",
    "load_commitment",
    "load_identity",
    "make_identity",
    "make_seed",
    "needs_passphrase",
    "owner_id_from_public_key",
    "parse_owner_id",
    "parse_policy",
    "prepare_rotation",
    "seed_path",
    "signing_key",
    "thumbprint",
]
