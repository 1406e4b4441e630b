"""Commit to a seal in a statement, and show parts of it later: a Merkle tree over its superframes.

A seal proves something to others only if its signs were fixed before the sound in question: signs
that are chosen afterwards agree with any sound.  To show the key would prove that, and give it
away: whoever sees it can forge every seal of that key.  So a statement names the root of a tree
whose leaf n holds the signs of superframe n, for all numbers that a superframe may have.  To show
the signs of a file, its owner gives these leaves and the hashes that lead from them to the root;
the signs of all other numbers stay secret, since HMAC-SHA-256 under a secret key gives nothing
away.

The tree is that of RFC 9162, section 2.1: a leaf is SHA-256(0x00, data), a node SHA-256(0x01, left,
right), and n leaves split at the largest power of two below n.  The data of leaf n is n in 8 bytes,
big endian, and the packed signs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.core.seal_signs import N_STARTS, SIGNS_BYTES, list_signs, pack_signs
from sottovoce.rights.jws import format_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SealTree", "find_root"]

_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class SealTree:
    """The tree of a key.

    Attributes
    ----------
    levels : tuple of tuple of bytes
        Hashes of each level, the leaves first; a node without a sibling is passed up as it is.
    signs : tuple of bytes
        Packed signs of each superframe.
    """

    levels: tuple[tuple[bytes, ...], ...] = field(repr=False)
    signs: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> SealTree:
        """Return the tree of a seal key; takes a second and 20 MB.

        Parameters
        ----------
        key : bytes, length 32
            The key.
        """
        signs = tuple(row.tobytes() for row in pack_signs(list_signs(key, range(N_STARTS))))
        levels = [tuple(_hash_leaf(number, one) for number, one in enumerate(signs))]
        while len(levels[-1]) > 1:
            levels.append(_join_pairs(levels[-1]))
        return cls(levels=tuple(levels), signs=signs)

    @property
    def commitment(self) -> str:
        """The root, as a statement names it."""
        return format_digest(self.levels[-1][0])

    def path(self, number: int) -> tuple[bytes, ...]:
        """Return the hashes that lead from a leaf to the root, the lowest first.

        Parameters
        ----------
        number : int, 0 <= number < N_STARTS
            Of the superframe.
        """
        found = []
        for level in self.levels[:-1]:
            sibling = number ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            number >>= 1
        return tuple(found)


def find_root(number: int, signs: bytes, path: Sequence[bytes]) -> str:
    """Return the commitment to which a leaf belongs.

    Parameters
    ----------
    number : int
        Of the superframe.
    signs : bytes, length `SIGNS_BYTES`
        Its packed signs.
    path : sequence of bytes
        As `SealTree.path` returns it.

    Returns
    -------
    commitment : str
        To be compared with that of a statement.

    Raises
    ------
    ValueError
        If there is no such superframe, or something has the wrong length.
    """
    if not 0 <= number < N_STARTS or len(signs) != SIGNS_BYTES:
        raise ValueError("no superframe of a seal")
    node, size, rest = _hash_leaf(number, signs), N_STARTS, list(reversed(path))
    while size > 1:
        if number ^ 1 < size:
            other = rest.pop() if rest else b""
            if len(other) != len(node):
                raise ValueError("a path of the wrong length")
            node = _hash_node(other, node) if number & 1 else _hash_node(node, other)
        number, size = number >> 1, (size + 1) >> 1
    if rest:
        raise ValueError("a path of the wrong length")
    return format_digest(node)


def _hash_leaf(number: int, signs: bytes) -> bytes:
    return hashlib.sha256(_LEAF + number.to_bytes(8, "big") + signs).digest()


def _hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _join_pairs(level: Sequence[bytes]) -> tuple[bytes, ...]:
    joined = [_hash_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return (*joined, level[-1]) if len(level) % 2 else tuple(joined)
