"""The code words of many owner ids at once, and the random ids that a true one is compared with.

The code and its check are linear over GF(2): the coded bits of an owner id are those of id 0 under
the same policy and year, XOR one word for each bit that is set.  The 48 words are the same for
every policy and year, so an id takes six look-ups in place of an encoder.

Owner ids are hashes of public keys.  To tell an owner's mark from another's, an id is compared with
*decoys*: ids out of SHAKE-256 over a fixed label, which nobody could choose.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import numpy.typing as npt

from sottovoce.core.coding import N_CODED_BITS, encode
from sottovoce.core.payload import Notice, notice_to_bits
from sottovoce.core.wire_format import FORMAT_1

__all__ = [
    "decoy_owner_ids",
    "find_owner_bits",
    "make_base_symbols",
    "make_owner_symbols",
    "near_owner_ids",
]

_N_ID_BYTES = 6
_N_DIGITS = 12
_DECOY_LABEL = f"{FORMAT_1.name} decoy owners"


@functools.cache
def _word_tables() -> npt.NDArray[np.uint8]:
    """Return what each value of each byte of an id flips: (byte, value, packed coded bits)."""
    nobody = _coded_bits(Notice(owner_id=0, year=2026))
    words = [_coded_bits(Notice(owner_id=1 << bit, year=2026)) ^ nobody for bit in range(48)]
    # Byte 0 of an id is its most significant one.
    by_byte = np.packbits(words, axis=1)[::-1].reshape(_N_ID_BYTES, 8, -1)
    tables = np.zeros((_N_ID_BYTES, 256, by_byte.shape[-1]), dtype=np.uint8)
    for value in range(1, 256):
        lowest = value & -value
        tables[:, value] = tables[:, value ^ lowest] ^ by_byte[:, 7 - (lowest.bit_length() - 1)]
    return tables


def _coded_bits(notice: Notice) -> npt.NDArray[np.uint8]:
    return (encode(notice_to_bits(notice)) < 0).astype(np.uint8)


@functools.cache
def find_owner_bits() -> npt.NDArray[np.int64]:
    """Return the numbers of the coded bits that depend on the owner id, in order.

    The other ones are equal in the marks of all owners with one policy and year: they must not
    count for any of them.

    Returns
    -------
    places : np.ndarray, shape=(288,), dtype=int64
        Read-only.
    """
    touched = np.bitwise_or.reduce(_word_tables(), axis=(0, 1))
    places = np.flatnonzero(np.unpackbits(touched, count=N_CODED_BITS))
    places.flags.writeable = False
    return places


@functools.lru_cache(maxsize=256)
def make_base_symbols(policy: int, year: int) -> npt.NDArray[np.float32]:
    """Return the coded symbols of owner id 0 under a policy and a year.

    Parameters
    ----------
    policy, year : int
        As in `Notice`.

    Returns
    -------
    symbols : np.ndarray, shape=(288,), dtype=float32
        +1 and -1, in the places of `find_owner_bits`.  Read-only.
    """
    bits = notice_to_bits(Notice(owner_id=0, policy=policy, year=year))  # type: ignore[arg-type]
    symbols = encode(bits)[find_owner_bits()].astype(np.float32)
    symbols.flags.writeable = False
    return symbols


def make_owner_symbols(owner_ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
    """Return what owner ids multiply the symbols of id 0 by.

    Parameters
    ----------
    owner_ids : np.ndarray, shape=(n,), dtype=uint64
        48 bits each.

    Returns
    -------
    symbols : np.ndarray, shape=(n, 288), dtype=float32
        +1 and -1; times `make_base_symbols` these are the symbols of the marks.

    Notes
    -----
    About 1 us for each id; 1,152 bytes each.
    """
    parts = owner_ids.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - _N_ID_BYTES :]
    tables = _word_tables()
    words = tables[0][parts[:, 0]]
    for byte in range(1, _N_ID_BYTES):
        words ^= tables[byte][parts[:, byte]]
    flipped = np.unpackbits(words, axis=1, count=N_CODED_BITS)[:, find_owner_bits()]
    return np.float32(1) - np.float32(2) * flipped


@functools.lru_cache(maxsize=4)
def decoy_owner_ids(n: int) -> npt.NDArray[np.uint64]:
    """Return ids that stand for owners picked at random.

    Parameters
    ----------
    n : int
        How many; more begin with the same ones.

    Returns
    -------
    owner_ids : np.ndarray, shape=(n,), dtype=uint64
        Groups of six bytes, big endian, of SHAKE-256 over ``"<format> decoy owners"``.  Read-only.

    Examples
    --------
    >>> [f"{owner_id:012x}" for owner_id in decoy_owner_ids(2).tolist()]
    ['f84789b386c2', 'b3d7beee7f1f']
    """
    stream = hashlib.shake_256(_DECOY_LABEL.encode("ascii")).digest(_N_ID_BYTES * n)
    padded = np.zeros((n, 8), dtype=np.uint8)
    padded[:, 8 - _N_ID_BYTES :] = np.frombuffer(stream, dtype=np.uint8).reshape(n, -1)
    owner_ids = padded.view(">u8")[:, 0].astype(np.uint64)
    owner_ids.flags.writeable = False
    return owner_ids


def near_owner_ids(owner_id: int) -> npt.NDArray[np.uint64]:
    """Return the ids for which one is mistaken most easily.

    Parameters
    ----------
    owner_id : int
        48 bits.

    Returns
    -------
    owner_ids : np.ndarray, shape=(n,), dtype=uint64
        Those with one other hexadecimal digit, which includes one other bit, and those with two
        neighbouring digits exchanged: at most 191.
    """
    near = {owner_id ^ digit << 4 * k for k in range(_N_DIGITS) for digit in range(1, 16)}
    for k in range(_N_DIGITS - 1):
        differs = (owner_id >> 4 * k ^ owner_id >> 4 * k + 4) & 0xF
        near.add(owner_id ^ (differs << 4 * k | differs << 4 * k + 4))
    return np.array(sorted(near - {owner_id}), dtype=np.uint64)
