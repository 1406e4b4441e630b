"""`member_at`: a recording in a Kaldi archive, by the byte at which it begins.

``wav.scp`` has values such as ``wavs.ark:5``: at that byte is a WAV file, as written by
`wav-copy`, or ``AUDIO``, a length and a file of any kind, as written by kaldiio.
"""

from __future__ import annotations

from sottovoce.errors import AudioFileError, UnreadableAudioError, UnsupportedFormatError
from sottovoce.scan.recording import Member
from sottovoce.scan.stores.store import open_binary

__all__ = ["member_at", "split_offset"]

_AUDIO = b"AUDIO"
_RIFF = (b"RIFF", b"RIFX")
_HEAD_BYTES = 16
_MOST_SIZE_BYTES = 8
_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)


def split_offset(value: str) -> tuple[str, int] | None:
    """Return the archive and the position in it that a ``wav.scp`` value names; None for others.

    Examples
    --------
    >>> split_offset("dump/wavs.ark:1234"), split_offset("takes/a.wav")
    (('dump/wavs.ark', 1234), None)
    """
    path, colon, digits = value.rpartition(":")
    if not (colon and path and digits.isascii() and digits.isdigit() and len(digits) < 20):
        return None
    return path, int(digits)


def member_at(path: str, start: int) -> Member:
    """Return the position of a recording in an archive.

    Parameters
    ----------
    path : str
        The archive.
    start : int
        Where the recording begins, in bytes.

    Raises
    ------
    UnsupportedFormatError
        If something other than audio begins there, or its length is not stated.
    AudioFileError
        If the archive cannot be read, or ends before that byte.
    """
    with open_binary(path) as file:
        n_bytes = file.seek(0, 2)
        if start >= n_bytes:
            raise UnreadableAudioError(f"ends before its byte {start:,}", path=path)
        file.seek(start)
        head = file.read(_HEAD_BYTES)
    if head[:4] in _RIFF:
        size = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
        if size in _UNKNOWN_SIZES:
            raise _unsupported(path, start, "a WAV file that does not state its length")
        begin, length = start, 8 + size
    elif head.startswith(_AUDIO) and 0 < head[5] <= _MOST_SIZE_BYTES:
        begin = start + 6 + head[5]
        length = int.from_bytes(head[6 : 6 + head[5]], "little")
    else:
        raise _unsupported(path, start, "features or numbers, not audio,")
    # Truncation is reported when the recording is read.
    return Member(path, begin, min(length, n_bytes - begin))


def _unsupported(path: str, start: int, what: str) -> AudioFileError:
    return UnsupportedFormatError(
        f"holds {what} at its byte {start:,}", path=path, remedy="Export its recordings as files."
    )
