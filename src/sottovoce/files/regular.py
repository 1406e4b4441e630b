"""Refuse anything but a readable regular file, before any library opens it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sottovoce.errors import UnreadableAudioError

__all__ = ["EMPTY", "TRUNCATED", "check_regular"]

EMPTY = "is empty (0 bytes)"
TRUNCATED = "Get a complete copy, or repair it with an audio editor."


def check_regular(path: str) -> None:
    """Refuse anything but a readable regular file, before any library opens it.

    Opening a FIFO would wait for ever.

    Raises
    ------
    UnreadableAudioError
        With the reason.
    """
    try:
        status = Path(path).stat()
    except OSError as err:
        reason = (
            "does not exist"
            if isinstance(err, FileNotFoundError | NotADirectoryError)
            else err.strerror
        )
        raise UnreadableAudioError(
            str(reason).lower(), path=path, remedy="Check the name and the permissions."
        ) from err
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableAudioError("is a folder", path=path, remedy="Specify a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableAudioError(
            "is not a regular file", path=path, remedy="Save the audio to a file first."
        )
    if status.st_size == 0:
        raise UnreadableAudioError(EMPTY, path=path, remedy=TRUNCATED)
    if not os.access(path, os.R_OK):
        raise UnreadableAudioError("permission denied", path=path, remedy="Change its permissions.")
