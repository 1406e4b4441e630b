"""Digests of files, and of the sound in them, which no other tags, names or containers change."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import os

__all__ = ["hash_file", "pcm_sha256"]

_BLOCK_S = 10.0
_DOMAIN = b"sottovoce-pcm-1"


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; empty if it is unreadable or not a file."""
    with suppress(OSError):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def pcm_sha256(path: str | os.PathLike[str], *, data: bytes | None = None) -> str:
    """Return the SHA-256 of the sound in a file.

    Parameters
    ----------
    path : path-like
        The file; only a name if `data` is given.
    data : bytes or None
        Its content.

    Returns
    -------
    digest : str
        64 hexadecimal digits: of ``sottovoce-pcm-1``, and for each track of its sampling rate in
        Hz and its number of channels, as little-endian 32-bit integers, and of its samples as
        little-endian float32, full scale 1.0, channel after channel for each instant.

    Raises
    ------
    AudioFileError
        If the file cannot be read to its end.
    MissingExtraError
        If the format needs a library that is not installed.

    Notes
    -----
    The digest of lossless sound depends on nothing but the sound.  Decoders of lossy sound differ
    in the last bit, so that there another release may give another digest.
    """
    from sottovoce.files.reading import open_parts  # late: a file is hashed without decoders

    digest = hashlib.sha256(_DOMAIN)
    for file in open_parts(path, data=data):
        head = np.array([file.info.sr, file.info.n_channels], dtype="<u4")
        digest.update(head.tobytes())
        for block in file.blocks(_BLOCK_S):
            digest.update(np.ascontiguousarray(block.T, dtype="<f4").tobytes())
    return digest.hexdigest()
