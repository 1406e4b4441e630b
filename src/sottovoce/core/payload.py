"""The content of a mark: `Notice`, its 64 bits, and the 16 that check them.

Ten bytes, most significant bit first: 3 bits version | 1 kind | 8 policy | 4 year | 48 owner
id | 16 CRC-16/DNP.  In the policy a 1 means *refused*; a missing bit is unknown, never a
permission.  The CRC runs over a domain prefix and the first eight bytes; on words of 80 bits
its polynomial has minimum distance 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_whole
from sottovoce.core.policy import POLICIES, Use
from sottovoce.errors import ParameterError, PayloadError

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "N_PAYLOAD_BITS",
    "Notice",
    "bits_to_notice",
    "crc16_dnp",
    "notice_to_bits",
    "present_year",
]

N_PAYLOAD_BITS = 80
FIRST_YEAR, LAST_YEAR = 2026, 2041
_VERSION = 1
_CRC_DOMAIN = b"sv1"
_REMEDIES = {
    "policy": "Combine members of `Use`, or parse the text with `rights.parse_policy`.",
    "owner_id": "Parse the text with `rights.parse_owner_id`.",
    "year": "",
    "kind": "",
    "version": "",
}
"""How to get the number for each field of a notice from text."""


def present_year() -> int:
    """Return the present year, limited to the range of a notice."""
    return min(max(datetime.now(tz=UTC).year, FIRST_YEAR), LAST_YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A refusal: its owner, the refused uses, and the year.

    Attributes
    ----------
    policy : Use
        The refused uses, eight bits; may be given as a number.  By default all seven uses, which
        are bits 0 to 6; bit 7 adds that the owner may be asked.
    year : int
        Year since which the refusal has been known at least; 2026 to 2041, by default the
        present year.
    owner_id : int
        48 bits; 0 is an anonymous refusal, which cannot be traced.
    kind : int
        0, a person's refusal.  1 is reserved.
    version : int
        Layout of the payload, 1.

    Raises
    ------
    ParameterError
        If a field does not fit its bits or is reserved.

    Examples
    --------
    >>> Notice(owner_id=0x4F2A91C077DE).owner_id
    87044252530654
    >>> Notice(policy=0x100)
    Traceback (most recent call last):
        ...
    sottovoce.errors.ParameterError: policy=256 does not fit 8 bits
    """

    policy: Use = POLICIES["all"]
    year: int = field(default_factory=present_year)
    owner_id: int = 0
    kind: int = 0
    version: int = _VERSION

    def __post_init__(self) -> None:
        for name, remedy in _REMEDIES.items():
            value = check_whole(name, getattr(self, name), remedy=remedy)
            object.__setattr__(self, name, value)  # NumPy's integers become plain ones
        for name, n_bits in (("policy", 8), ("owner_id", 48)):
            value = getattr(self, name)
            if not 0 <= value < 1 << n_bits:
                raise ParameterError(f"{name}={value:d} does not fit {n_bits} bits")
        object.__setattr__(self, "policy", Use(self.policy))
        if not FIRST_YEAR <= self.year <= LAST_YEAR:
            raise ParameterError(f"year={self.year} is outside {FIRST_YEAR} to {LAST_YEAR}")
        if self.kind != 0 or self.version != _VERSION:
            raise ParameterError(
                f"kind={self.kind}, version={self.version}: only kind 0 of version {_VERSION}"
                " is defined"
            )

    def to_dict(self) -> dict[str, int]:
        """Return the fields as a dictionary for JSON."""
        return {
            "version": self.version,
            "kind": self.kind,
            "policy": int(self.policy),
            "year": self.year,
            "owner_id": self.owner_id,
        }

    def to_bytes(self) -> bytes:
        """Return the ten bytes of the payload, including the check."""
        head = (
            self.version << 61
            | self.kind << 60
            | int(self.policy) << 52
            | (self.year - FIRST_YEAR) << 48
            | self.owner_id
        ).to_bytes(8, "big")
        return head + crc16_dnp(_CRC_DOMAIN + head).to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> Notice:
        """Read the ten bytes of a payload.

        Parameters
        ----------
        data : bytes, length 10
            Payload with its check.

        Returns
        -------
        notice : Notice
            The decoded notice.

        Raises
        ------
        PayloadError
            If the length or the check is wrong, or the version or kind is not defined.
        """
        if len(data) != N_PAYLOAD_BITS // 8:
            raise PayloadError(f"a payload has {N_PAYLOAD_BITS // 8} bytes, not {len(data)}")
        if crc16_dnp(_CRC_DOMAIN + data[:8]) != int.from_bytes(data[8:], "big"):
            raise PayloadError(f"payload {data.hex()} fails its check")
        word = int.from_bytes(data[:8], "big")
        try:
            return cls(
                version=word >> 61,
                kind=word >> 60 & 1,
                policy=Use(word >> 52 & 0xFF),
                year=(word >> 48 & 0xF) + FIRST_YEAR,
                owner_id=word & (1 << 48) - 1,
            )
        except ParameterError as err:
            raise PayloadError(f"payload {data.hex()}: {err}") from err


def notice_to_bits(notice: Notice) -> npt.NDArray[np.uint8]:
    """Return the payload bits of a notice.

    Parameters
    ----------
    notice : Notice
        The notice to encode.

    Returns
    -------
    bits : np.ndarray, shape=(80,), dtype=uint8
        0 and 1, most significant first.
    """
    return np.unpackbits(np.frombuffer(notice.to_bytes(), dtype=np.uint8))


def bits_to_notice(bits: npt.NDArray[np.uint8]) -> Notice:
    """Read payload bits.

    Parameters
    ----------
    bits : np.ndarray, shape=(80,), dtype=uint8
        0 and 1, most significant first.

    Returns
    -------
    notice : Notice
        The decoded notice.

    Raises
    ------
    PayloadError
        As `Notice.from_bytes`.
    """
    return Notice.from_bytes(np.packbits(bits).tobytes())


def crc16_dnp(data: bytes) -> int:
    """Return the CRC-16/DNP of some bytes: polynomial 0x3D65 reflected, inverted at the end.

    Parameters
    ----------
    data : bytes
        Any bytes.

    Returns
    -------
    crc : int
        16 bits.

    Examples
    --------
    >>> hex(crc16_dnp(b"123456789"))
    '0xea82'
    """
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA6BC if crc & 1 else 0)
    return crc ^ 0xFFFF
