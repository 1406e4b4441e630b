"""Signs of a seal: made from its key, or shown one superframe at a time without the key."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_bytes
from sottovoce.core.pattern import SEAL_KEY_BYTES, derive_seal_bits
from sottovoce.core.wire_format import FORMAT_1

__all__ = [
    "SIGNS_BYTES",
    "ShownSeal",
    "check_seal",
    "list_signs",
    "pack_signs",
    "unpack_signs",
]

N_SIGNS = FORMAT_1.n_seal_cells * FORMAT_1.n_bands * FORMAT_1.n_periods
SIGNS_BYTES = -(-N_SIGNS // 8)
"""Of the packed signs of a superframe."""

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
        found = derive_seal_bits(seal, range(begin, end))
    if len(found) == len(numbers):
        return found
    signs = np.zeros((len(numbers), N_SIGNS), dtype=np.int8)
    signs[begin - numbers.start : begin - numbers.start + len(found)] = found
    return signs


def pack_signs(signs: Signs) -> list[bytes]:
    """Return the signs of each superframe as bytes: bit 1 is -1, the lowest bit comes first.

    Parameters
    ----------
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1.

    Returns
    -------
    packed : list of bytes, each of length `SIGNS_BYTES`
        One for each superframe.

    Examples
    --------
    >>> signs = derive_seal_bits(bytes(32), range(2))
    >>> (unpack_signs(pack_signs(signs)) == signs).all().item()
    True
    """
    return [row.tobytes() for row in np.packbits(signs < 0, axis=1, bitorder="little")]


def unpack_signs(packed: list[bytes]) -> Signs:
    """Return what `pack_signs` was given.

    Parameters
    ----------
    packed : list of bytes, each of length `SIGNS_BYTES`
        One for each superframe, at least one.

    Returns
    -------
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1.
    """
    words = np.frombuffer(b"".join(packed), dtype=np.uint8).reshape(len(packed), SIGNS_BYTES)
    bits = np.unpackbits(words, axis=1, count=N_SIGNS, bitorder="little")
    return (1 - 2 * bits.astype(np.int8)).astype(np.int8)
