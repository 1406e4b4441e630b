"""Tags of WMA, through mutagen, which is licensed under the GPL and so is an extra."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["carry_asf", "has_mutagen"]

_TECHNICAL = {"WM/EncodingSettings", "WM/ToolName", "WM/ToolVersion"}


def has_mutagen() -> bool:
    """Return whether mutagen is installed."""
    try:
        return importlib.util.find_spec("mutagen") is not None
    except ValueError:  # it was imported as None
        return False


def carry_asf(source: Path, target: Path) -> list[str]:
    """Copy the attributes of one WMA to another.

    Parameters
    ----------
    source, target : Path
        Original and copy.

    Returns
    -------
    lines : list of str
        Messages for the user.

    Raises
    ------
    UnsupportedFormatError
        If they cannot be read or written.
    """
    import mutagen
    from mutagen.asf import ASF

    try:
        old: Any = ASF(source)  # type: ignore[no-untyped-call]
        new: Any = ASF(target)  # type: ignore[no-untyped-call]
        for name in set(old.tags.keys()) - _TECHNICAL:
            new.tags[name] = old.tags[name]
        new.save()
    except (mutagen.MutagenError, ValueError, IndexError, KeyError, AttributeError) as err:
        raise UnsupportedFormatError(f"they could not be read ({err})") from err
    return []
