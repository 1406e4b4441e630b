"""The 24 recovery words: a second secret, on paper, for what the seed must never be able to do.

From the words alone come, for each owner id, the keys that may take over from the present one, and
the key that opens backups.  The machine keeps thumbprints of public keys, so that who steals it
has none of these keys, and who loses it can make all of them again.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError, ParameterError
from sottovoce.rights.keys.derivation import derive, derive_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["MOST_TEXT", "N_WORDS", "RecoveryWords"]

N_WORDS = 24
MOST_TEXT = 4096
"""Characters that are read of a text with words in it."""

_ENTROPY_BYTES = 32
_SALT = b"sottovoce-recovery-v1"
_CHECK_BYTES = 16
_OWNER_BYTES = 6
_COUNTER_BYTES = 4
_WORD = re.compile(r"[^\W\d_]+")


class RecoveryWords:
    """24 words of BIP-39's English list: 256 random bits and a checksum of 8.

    Neither `repr` nor pickle gives the words away; `words` does.

    Parameters
    ----------
    entropy : bytes, length 32
        The random bits.

    Notes
    -----
    Keys are HKDF-SHA256 of the random bits themselves.  BIP-39's own stretching is for secrets
    that can be guessed.
    """

    __slots__ = ("_entropy",)

    def __init__(self, entropy: bytes) -> None:
        if len(entropy) != _ENTROPY_BYTES:
            raise ParameterError(f"recovery words have 32 random bytes, not {len(entropy)}")
        self._entropy = entropy

    @classmethod
    def generate(cls) -> RecoveryWords:
        """Return new words.

        Raises
        ------
        MissingExtraError
            If the package `mnemonic`, which has the list, is missing.
        """
        _load_list()  # before anything relies on them
        return cls(secrets.token_bytes(_ENTROPY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> RecoveryWords:
        """Return words that somebody has typed.

        Parameters
        ----------
        text : str
            All 24 in their order.  Capitals, numbers, punctuation and any white space between them
            do not matter.

        Returns
        -------
        words : RecoveryWords
            The checksum is right, which one wrong or misplaced word leaves so 1 time in 256.

        Raises
        ------
        ParameterError
            If they cannot be recovery words.  Messages name a word by its number only.
        MissingExtraError
            If the package `mnemonic`, which has the list, is missing.
        """
        known = _load_list()
        found = _split(text[:MOST_TEXT])
        if len(found) != N_WORDS or len(text) > MOST_TEXT:
            raise ParameterError(
                f"there are {N_WORDS} recovery words; {len(found) or 'none'} were given",
                remedy="Give all of them in their order, separated by spaces.",
            )
        places = {word: number for number, word in enumerate(known.wordlist)}
        wrong = [n for n, word in enumerate(found, 1) if word not in places]
        if wrong:
            numbers = ", ".join(map(str, wrong))
            raise ParameterError(
                f"not in the list of recovery words: number {numbers}",
                remedy="Check the spelling against your paper.",
            )
        bits = 0
        for word in found:
            bits = bits << 11 | places[word]
        entropy = (bits >> 8).to_bytes(_ENTROPY_BYTES, "big")
        if known.to_mnemonic(entropy).split() != found:
            raise ParameterError(
                "these recovery words do not belong together: one is wrong, or two are swapped",
                remedy="Compare each of them, and their order, with your paper.",
            )
        return cls(entropy)

    @property
    def words(self) -> tuple[str, ...]:
        """The 24 words, in their order."""
        text: str = _load_list().to_mnemonic(self._entropy)
        return tuple(text.split())

    @property
    def check(self) -> str:
        """A name of these words, 32 hexadecimal digits, which says nothing about them."""
        return self._derive(b"check", n_bytes=_CHECK_BYTES).hex()

    def next_key(self, owner_id: int, n: int) -> Ed25519PrivateKey:
        """Return the key that takes over at a rotation.

        Parameters
        ----------
        owner_id : int
            Whose.
        n : int
            Number of the rotation, from 1.

        Returns
        -------
        key : Ed25519PrivateKey
            Part of the format: always the same for the same words and arguments.

        Raises
        ------
        ParameterError
            If `owner_id` is not that of a person, or `n` is not a counter.
        """
        if isinstance(n, bool) or not 1 <= n < 1 << 8 * _COUNTER_BYTES:
            raise ParameterError(f"rotations are counted from 1, not {n!r}")
        info = b"next-key" + _pack(owner_id) + n.to_bytes(_COUNTER_BYTES, "big")
        return derive_key(self._entropy, salt=_SALT, info=info)

    def recovery_key(self, owner_id: int) -> Ed25519PrivateKey:
        """Return the key that takes over when a next key cannot.

        Parameters
        ----------
        owner_id : int
            Whose.

        Returns
        -------
        key : Ed25519PrivateKey
            Part of the format: always the same for the same words and owner.

        Raises
        ------
        ParameterError
            If `owner_id` is not that of a person.
        """
        return derive_key(self._entropy, salt=_SALT, info=b"recovery-key" + _pack(owner_id))

    def backup_key(self) -> bytes:
        """Return the key of backups, 32 bytes."""
        return self._derive(b"backup-key", n_bytes=32)

    def _derive(self, info: bytes, *, n_bytes: int) -> bytes:
        return derive(self._entropy, salt=_SALT, info=info, n_bytes=n_bytes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecoveryWords):
            return NotImplemented
        return hmac.compare_digest(self._entropy, other._entropy)

    def __hash__(self) -> int:
        return hash(self.check)

    def __repr__(self) -> str:
        return "RecoveryWords(…)"

    def __reduce__(self) -> Any:  # noqa: ANN401 - it never returns
        raise TypeError("recovery words are not pickled")


def _split(text: str) -> list[str]:
    """Return the words in a text, whatever form of Unicode it is in."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return _WORD.findall("".join(each for each in plain if not unicodedata.combining(each)))


def _pack(owner_id: int) -> bytes:
    if isinstance(owner_id, bool) or not 1 <= owner_id < 1 << 8 * _OWNER_BYTES:
        raise ParameterError(f"{owner_id!r} is not the owner id of a person")
    return owner_id.to_bytes(_OWNER_BYTES, "big")


def _load_list() -> Any:  # noqa: ANN401 - the library's class, imported late
    try:
        from mnemonic import Mnemonic
    except ImportError as err:
        raise MissingExtraError(
            "mnemonic", extra="rights", purpose="make and read recovery words"
        ) from err
    return Mnemonic("english")
