"""The key of an identity's seal: made from its private key, and from nothing else.

The page has it wherever it has the private key, the command wherever it can sign without asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sottovoce.errors import StatementError
from sottovoce.rights.identity import list_identities, load_identity
from sottovoce.rights.keys.derivation import derive

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.identity import Identity
    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = ["derive_seal_key", "list_seal_keys"]

_SALT = b"sottovoce-seal-v1"


def derive_seal_key(identity: Identity, *, ask: AskPassphrase | None = None) -> bytes:
    """Return the key of an identity's seal.

    Parameters
    ----------
    identity : Identity
        Whose.  One identity for each licensee keeps their keys apart.
    ask : callable or None
        As for `Identity.open_key`.

    Returns
    -------
    key : bytes, length 32
        Part of the format: always the same for the same identity, also after a rotation.  Whoever
        has it can forge the seal; it does not give the private key away.

    Raises
    ------
    StatementError
        If the private key is not on this computer, cannot be opened, or others may read it.
    """
    private = identity.open_key(ask=ask).private_bytes(
        Encoding.Raw, PrivateFormat.Raw, NoEncryption()
    )
    return derive(private, salt=_SALT, info=b"seal")


def list_seal_keys(*, folder: Path | None = None) -> tuple[dict[int, bytes], dict[str, str]]:
    """Return the seal keys of all identities whose private key is at hand, and why others lack one.

    Parameters
    ----------
    folder : Path or None
        Folder of the identities; None is the user's.

    Returns
    -------
    keys : dict of int to bytes
        By owner ids.
    lacking : dict of str to str
        Names of the other identities, and why: a passphrase, a key elsewhere, a damaged file.
    """
    keys: dict[int, bytes] = {}
    lacking: dict[str, str] = {}
    for name in list_identities(folder=folder):
        try:
            identity = load_identity(name, folder=folder)
            keys[identity.owner_id] = derive_seal_key(identity)
        except StatementError as err:
            lacking[name] = err.message
    return keys, lacking
