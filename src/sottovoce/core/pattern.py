"""Signs and roles of the cells, from a hash: exact integers, equal on every machine.

Nothing here is random, and nothing can have been chosen to anybody's advantage: the public
signs are the bits of SHAKE-256 over a fixed ASCII label, and the roles are a sort of its
words.  Only the seal needs a secret: its signs are HMAC-SHA-256 under the owner's key.

Axes: a period has `n_cells` cells in time and `n_bands` bands, so its arrays are
``(n_cells, n_bands)``; a superframe's arrays are ``(n_periods, n_cells, n_bands)``.
"""

from __future__ import annotations

import functools
import hashlib
import hmac

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_bytes
from sottovoce.core.wire_format import FORMAT_1

__all__ = [
    "DATA",
    "SEAL",
    "SEAL_KEY_BYTES",
    "SYNC",
    "derive_seal_bits",
    "derive_signs",
    "make_roles",
    "make_scrambling_signs",
    "make_seal_signs",
    "make_sync_signs",
    "seal_cells",
]

SYNC, DATA, SEAL = 0, 1, 2
SEAL_KEY_BYTES = 32

Signs = npt.NDArray[np.int8]


def derive_signs(label: str, shape: tuple[int, ...]) -> Signs:
    """Derive signs from the bits of SHAKE-256 over an ASCII label.

    Bit 0 is the least significant bit of the first byte; a 0 bit is +1 and a 1 bit is -1.

    Parameters
    ----------
    label : str
        ASCII text; another text gives unrelated signs.
    shape : tuple of int
        Shape of the result, filled in C order.

    Returns
    -------
    signs : np.ndarray, shape=`shape`, dtype=int8
        +1 and -1.

    Examples
    --------
    >>> derive_signs("sottovoce 1 sync", (2, 4))
    array([[-1, -1, -1,  1],
           [-1,  1, -1, -1]], dtype=int8)
    """
    n = int(np.prod(shape))
    digest = hashlib.shake_256(label.encode("ascii")).digest((n + 7) // 8)
    return _signs_of_bytes(digest, n).reshape(shape)


@functools.cache
def make_roles() -> npt.NDArray[np.uint8]:
    """Return which cells of a period are sync, data and seal.

    In every band the 80 cells are ranked by the 32-bit big-endian words of SHAKE-256 over
    ``"<format> roles band <b>"`` (ties by position): the first 48 are sync, the last 10 are
    seal, the rest data.  Without a key the seal cells carry data.

    Returns
    -------
    roles : np.ndarray, shape=(n_cells, n_bands), dtype=uint8
        `SYNC`, `DATA` or `SEAL`; the same in every period.  Read-only.
    """
    fmt = FORMAT_1
    roles = np.full((fmt.n_cells, fmt.n_bands), DATA, dtype=np.uint8)
    for band in range(fmt.n_bands):
        label = f"{fmt.name} roles band {band}".encode("ascii")
        words = np.frombuffer(hashlib.shake_256(label).digest(4 * fmt.n_cells), dtype=">u4")
        ranked = np.argsort(words, kind="stable")
        roles[ranked[: fmt.n_sync_cells], band] = SYNC
        roles[ranked[-fmt.n_seal_cells :], band] = SEAL
    roles.flags.writeable = False
    return roles


@functools.cache
def make_sync_signs(label: str = f"{FORMAT_1.name} sync") -> Signs:
    """Return the public signs of the sync cells.

    Parameters
    ----------
    label : str
        The label from which the signs are derived.  Any other label gives a *decoy*: a pattern
        that no file carries, for testing the claim about false positives on real audio.

    Returns
    -------
    signs : np.ndarray, shape=(n_cells, n_bands), dtype=int8
        +1 and -1 in sync cells, 0 elsewhere.  Read-only.
    """
    signs = derive_signs(label, (FORMAT_1.n_cells, FORMAT_1.n_bands))
    signs[make_roles() != SYNC] = 0
    signs.flags.writeable = False
    return signs


@functools.cache
def make_scrambling_signs() -> Signs:
    """Return the public signs that data cells are multiplied by.

    They differ between the periods of a superframe, so that its start can be found, and keep
    a payload of zeros from being a constant.

    Returns
    -------
    signs : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=int8
        +1 and -1 in data and seal cells, 0 elsewhere.  Read-only.
    """
    fmt = FORMAT_1
    signs = derive_signs(f"{fmt.name} data", (fmt.n_periods, fmt.n_cells, fmt.n_bands))
    signs[:, make_roles() == SYNC] = 0
    signs.flags.writeable = False
    return signs


def make_seal_signs(key: bytes, superframe: int) -> Signs:
    """Return the keyed signs of the seal cells of one superframe.

    Block i of the key stream is HMAC-SHA-256 of the label, the superframe's number (8 bytes,
    big endian) and i (4 bytes, big endian); its bits fill the seal cells in C order.

    Parameters
    ----------
    key : bytes, length 32
        The owner's secret.
    superframe : int, 0 <= superframe < 2**64
        Number of the superframe.  A number is never used twice with a key, so that averaging
        reveals nothing.

    Returns
    -------
    signs : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=int8
        +1 and -1 in seal cells, 0 elsewhere.

    Raises
    ------
    ParameterError
        If the key is not so many bytes.
    """
    fmt = FORMAT_1
    signs = np.zeros((fmt.n_periods, fmt.n_cells, fmt.n_bands), dtype=np.int8)
    cells = seal_cells()
    signs[cells] = derive_seal_bits(key, range(superframe, superframe + 1))[0]
    return signs


def seal_cells() -> npt.NDArray[np.bool_]:
    """Return which cells of a superframe are seal, shape (n_periods, n_cells, n_bands)."""
    fmt = FORMAT_1
    return np.broadcast_to(make_roles() == SEAL, (fmt.n_periods, fmt.n_cells, fmt.n_bands))


def derive_seal_bits(key: bytes, superframes: range) -> Signs:
    """Return the signs of the seal cells of many superframes, in C order of the cells.

    Parameters
    ----------
    key : bytes, length 32
        The owner's secret.
    superframes : range
        Their numbers.

    Returns
    -------
    signs : np.ndarray, shape=(len(superframes), n_seal_cells * n_bands * n_periods), dtype=int8
        +1 and -1.

    Raises
    ------
    ParameterError
        If the key has another length.
    """
    check_bytes("a seal key", key, n_bytes=SEAL_KEY_BYTES)
    fmt = FORMAT_1
    n = fmt.n_seal_cells * fmt.n_bands * fmt.n_periods
    label = f"{fmt.name} seal".encode("ascii")
    counters = [block.to_bytes(4, "big") for block in range(-(-n // 256))]
    stream = b"".join(
        hmac.digest(key, label + number.to_bytes(8, "big") + counter, "sha256")
        for number in superframes
        for counter in counters
    )
    words = np.frombuffer(stream, dtype=np.uint8).reshape(len(superframes), -1)
    bits = np.unpackbits(words, axis=1, count=n, bitorder="little")
    return (1 - 2 * bits.astype(np.int8)).astype(np.int8)


def _signs_of_bytes(data: bytes, n: int) -> Signs:
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=n, bitorder="little")
    return (1 - 2 * bits.astype(np.int8)).astype(np.int8)
