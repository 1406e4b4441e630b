"""Signs of a seal: made from its key, or shown one superframe at a time without the key."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_bytes
from sottovoce.core.pattern import SEAL_KEY_BYTES, derive_seal_bits
from sottovoce.core.wire_format import FORMAT_1

__all__ = [
    "N_STARTS",
    "SIGNS_BYTES",
    "ShownSeal",
    "check_seal",
    "list_signs",
    "pack_signs",
    "unpack_signs",
]

N_STARTS = FORMAT_1.n_seal_starts + (1 << 12)
"""Numbers that the first superframe of a recording may have: of 65,536, and half a day on."""
N_SIGNS = FORMAT_1.n_seal_cells * FORMAT_1.n_bands * FORMAT_1.n_periods
SIGNS_BYTES = -(-N_SIGNS // 8)
"""Of the packed signs of a superframe."""

_MANY = 1 << 11

Signs = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSeal:
    """Seal signs of some consecutive superframes, shown by their owner instead of the key.

    Attributes
    ----------
    first_number : int
        Number of the first superframe.
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1, as `derive_seal_bits` returns them.
    """

    first_number: int
    signs: Signs = field(repr=False)


def check_seal(seal: bytes | ShownSeal) -> None:
    """Raise `ParameterError` if a key has not 32 bytes."""
    if isinstance(seal, bytes):
        check_bytes("a seal key", seal, n_bytes=SEAL_KEY_BYTES)


def list_signs(seal: bytes | ShownSeal, numbers: range) -> Signs:
    """Return the signs of consecutive superframes.

    Parameters
    ----------
    seal : bytes, length 32, or ShownSeal
        The key, or what its owner shows.
    numbers : range
        Numbers of the superframes; may begin below 0.

    Returns
    -------
    signs : np.ndarray, shape=(len(numbers), n_signs), dtype=int8
        +1 and -1; 0 where there is no such superframe, or its signs are not shown.
    """
    if isinstance(seal, ShownSeal):
        first, known = seal.first_number, seal.signs
        begin = max(numbers.start, first)
        end = max(min(numbers.stop, first + len(known)), begin)
        found = known[begin - first : end - first]
    else:
        begin, end = max(numbers.start, 0), max(numbers.stop, 0)
        found = _derive(seal, range(begin, end))
    if len(found) == len(numbers):
        return found
    signs = np.zeros((len(numbers), N_SIGNS), dtype=np.int8)
    signs[begin - numbers.start : begin - numbers.start + len(found)] = found
    return signs


def _derive(key: bytes, numbers: range) -> Signs:
    """Return the signs of a key; those of all starts are kept for the next file, packed."""
    if len(numbers) < _MANY or numbers.stop > N_STARTS:
        return derive_seal_bits(key, numbers)
    return unpack_signs(_all_packed(key)[numbers.start : numbers.stop])


@functools.lru_cache(maxsize=4)
def _all_packed(key: bytes) -> npt.NDArray[np.uint8]:
    """Return the packed signs of all starts, 7 MB; to derive them takes two seconds."""
    parts = [
        pack_signs(derive_seal_bits(key, range(begin, min(begin + _MANY, N_STARTS))))
        for begin in range(0, N_STARTS, _MANY)
    ]
    return np.concatenate(parts)


def pack_signs(signs: Signs) -> npt.NDArray[np.uint8]:
    """Return the signs of each superframe in bytes: bit 1 is -1, the lowest bit comes first.

    Parameters
    ----------
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1.

    Returns
    -------
    packed : np.ndarray, shape=(n_superframes, SIGNS_BYTES), dtype=uint8
        The key stream itself, as the wire format defines it.

    Examples
    --------
    >>> signs = derive_seal_bits(bytes(32), range(2))
    >>> (unpack_signs(pack_signs(signs)) == signs).all().item()
    True
    """
    return np.packbits(signs < 0, axis=1, bitorder="little")


def unpack_signs(packed: npt.NDArray[np.uint8]) -> Signs:
    """Return what `pack_signs` was given.

    Parameters
    ----------
    packed : np.ndarray, shape=(n_superframes, SIGNS_BYTES), dtype=uint8
        One row for each superframe.

    Returns
    -------
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1.
    """
    bits = np.unpackbits(packed, axis=1, count=N_SIGNS, bitorder="little").view(np.int8)
    np.multiply(bits, -2, out=bits)
    bits += 1
    return bits
