"""What the file of an identity says, in both of its formats.

The first format holds the private key itself.  The second holds 16 random bytes instead, from which
the seed of the machine makes the key: the file alone is enough to mark, and no secret.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.owner_id import parse_owner_id
from sottovoce.errors import StatementError
from sottovoce.rights.keys.key_files import seal_owner
from sottovoce.rights.keys.seed import INFO_BYTES
from sottovoce.rights.public_keys import raw_public_key

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StoredIdentity", "make_content", "parse"]

_FAMILY = "sottovoce-identity-"
_WITH_KEY = "sottovoce-identity-1"
_FROM_SEED = "sottovoce-identity-2"
_PUBLIC_BYTES = 32
# Earlier releases list a file by this field, and then report it by its path; people read the text.
_ELSEWHERE = "made from seed.json in the folder above; needs a newer release of sottovoce"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIdentity:
    """What the file of an identity says.

    Attributes
    ----------
    owner : str
        The owner id as written.
    owner_checked : str
        The checksum that records its derivation; empty in older files.
    public_key : bytes
        32 bytes.
    info : bytes
        What makes the private key from the seed; empty if the file holds the key.
    key : Ed25519PrivateKey or None
        The private key, if the file holds it.
    """

    owner: str
    owner_checked: str
    public_key: bytes
    info: bytes = b""
    key: Ed25519PrivateKey | None = field(default=None, repr=False)


def make_content(
    public_key: bytes, owner: str, *, key: Ed25519PrivateKey | None, info: bytes
) -> dict[str, str]:
    """Return the fields of an identity's file.

    Parameters
    ----------
    public_key : bytes, length 32
        The identity's.
    owner : str
        Its owner id as written.
    key : Ed25519PrivateKey or None
        Its private key, for the first format.
    info : bytes
        What makes it from the seed, for the second.

    Returns
    -------
    content : dict
        For `sottovoce.rights.keys.key_files.write_key`.
    """
    content = {
        "format": _FROM_SEED if key is None else _WITH_KEY,
        "owner": owner,
        "owner_checked": seal_owner(public_key, owner),
        "public_key": base64.b64encode(public_key).decode("ascii"),
    }
    if key is None:
        return content | {
            "info": base64.b64encode(info).decode("ascii"),
            "private_key": _ELSEWHERE,
        }
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return content | {"private_key": pem.decode("ascii")}


def parse(data: bytes, path: Path) -> StoredIdentity:
    """Return what the file of an identity says.

    Parameters
    ----------
    data : bytes
        Its content.
    path : Path
        Its name, for errors.

    Returns
    -------
    stored : StoredIdentity
        In a file of the first format, both keys belong together.

    Raises
    ------
    StatementError
        If it is not such a file, damaged, or of a newer release.
    """
    try:
        fields = json.loads(data)
        kind = fields["format"]
        if kind in {_WITH_KEY, _FROM_SEED}:
            return _read_fields(fields, kind)
        is_newer = isinstance(kind, str) and kind.startswith(_FAMILY)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        UnsupportedAlgorithm,
    ) as err:
        raise _damaged(path) from err
    if is_newer:
        raise StatementError(
            f"{path}: the file was made by a newer release", remedy="Update sottovoce."
        )
    raise _damaged(path)


def _read_fields(fields: dict[str, Any], kind: str) -> StoredIdentity:
    owner, checked = fields["owner"], fields.get("owner_checked", "")
    parse_owner_id(owner)
    public_key = base64.b64decode(fields["public_key"])
    if kind == _FROM_SEED:
        info = base64.b64decode(fields["info"], validate=True)
        if len(info) != INFO_BYTES or len(public_key) != _PUBLIC_BYTES:
            raise ValueError("a part has another length")
        return StoredIdentity(owner=owner, owner_checked=checked, public_key=public_key, info=info)
    key = serialization.load_pem_private_key(fields["private_key"].encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey) or raw_public_key(key) != public_key:
        raise ValueError("the keys do not belong together")
    return StoredIdentity(owner=owner, owner_checked=checked, public_key=public_key, key=key)


def _damaged(path: Path) -> StatementError:
    return StatementError(
        f"{path}: not a sottovoce key file, or damaged",
        remedy="Restore a copy of it, or create another identity with `make_identity(name=…)`.",
    )
