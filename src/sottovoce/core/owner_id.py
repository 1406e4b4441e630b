"""The owner id that a mark carries, 48 bits, as text."""

from __future__ import annotations

import re

from sottovoce.errors import ParameterError

__all__ = ["format_owner_id", "parse_owner_id"]

_HEX_DIGITS = 12


def format_owner_id(owner_id: int) -> str:
    """Return an owner id as text.

    Parameters
    ----------
    owner_id : int
        48 bits.

    Returns
    -------
    text : str
        Twelve hexadecimal digits in three groups.

    Examples
    --------
    >>> format_owner_id(0x4F2A91C077DE)
    '4f2a-91c0-77de'
    """
    digits = f"{owner_id:0{_HEX_DIGITS}x}"
    return "-".join(digits[i : i + 4] for i in range(0, _HEX_DIGITS, 4))


def parse_owner_id(text: str) -> int:
    """Parse an owner id.

    Parameters
    ----------
    text : str
        Twelve hexadecimal digits, with or without hyphens.

    Returns
    -------
    owner_id : int
        48 bits.

    Raises
    ------
    ParameterError
        If it is anything else.

    Examples
    --------
    >>> hex(parse_owner_id("4f2a-91c0-77de"))
    '0x4f2a91c077de'
    """
    digits = text.strip().replace("-", "")
    if not re.fullmatch(rf"[0-9a-fA-F]{{{_HEX_DIGITS}}}", digits):
        raise ParameterError(
            f"{text!r} is not a valid owner id",
            remedy="An owner id has twelve hexadecimal digits, such as 4f2a-91c0-77de.",
        )
    return int(digits, 16)
