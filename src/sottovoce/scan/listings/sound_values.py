"""Whether a name or a value in a data set denotes audio, and audio encoded as text."""

from __future__ import annotations

import base64
import binascii
import os
import re

from sottovoce.files.decoding.sniffing import HEAD_BYTES, sounds_like_audio
from sottovoce.files.reading import AUDIO_SUFFIXES

__all__ = ["decode_sound", "encodes_sound", "looks_like_path", "names_sound", "shows_sound"]

_NAME = re.compile(
    r"audio|wav|sound|speech|voice|record|utterance|waveform|pcm|flac|mp3|ogg|opus|m4a"
    r"|^(array|samples|signal|input_values|clip|x|y)$",
    re.IGNORECASE,
)
_NOT_SOUND = re.compile(
    r"token|embed|mel|feature|vector|mask|label|hash|sha|md5|(^|_)ids?$|text|lang|duration|spectr",
    re.IGNORECASE,
)
_SUFFIXES = AUDIO_SUFFIXES | {
    *(".sph", ".au", ".snd", ".amr", ".wma", ".mp2", ".ac3", ".spx", ".voc", ".wv", ".ts", ".gz"),
}
_MOST_SUFFIX = max(map(len, _SUFFIXES))
_MOST_PATH = 4096
_FEWEST_LETTERS = 64
_HEAD_LETTERS = HEAD_BYTES // 3 * 4
_STANDARD = str.maketrans("-_", "+/")
_LETTERS = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*")
_URI = re.compile(r"data:([\w.+-]*/?[\w.+-]*)((?:;[\w.+=-]+)*?)(;base64)?,", re.IGNORECASE)


def names_sound(name: str) -> bool:
    """Return whether a field or column with this name holds audio, if it has bytes or numbers.

    Examples
    --------
    >>> names_sound("target_audio"), names_sound("audio_tokens"), names_sound("score")
    (True, False, False)
    """
    return bool(_NAME.search(name)) and not _NOT_SOUND.search(name)


def looks_like_path(value: object) -> bool:
    """Return whether a text is the path or address of a recording, by its suffix.

    Examples
    --------
    >>> looks_like_path("takes/a.WAV"), looks_like_path("He said a.b")
    (True, False)
    """
    if not isinstance(value, str) or not 4 < len(value) < _MOST_PATH or "\n" in value:
        return False
    value = value.rstrip()
    if "." not in value[-_MOST_SUFFIX:]:  # most texts: `splitext` would take most of the time
        return False
    stem, suffix = os.path.splitext(value.lower())  # noqa: PTH122 - also of addresses
    if suffix == ".gz":
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122
    return suffix in _SUFFIXES


def shows_sound(value: object) -> bool:
    """Return whether a value is audio: its bytes, a path to it, or text that encodes it."""
    if isinstance(value, bytes):
        return sounds_like_audio(value[:HEAD_BYTES])
    if not isinstance(value, str):
        return False
    return looks_like_path(value) or encodes_sound(value)


def encodes_sound(text: str) -> bool:
    """Return whether a text is audio in Base64 or a data URI, by its first bytes."""
    return _decode_head(text) is not None


def decode_sound(text: str) -> bytes | None:
    """Return the audio that a text encodes, in Base64 or as a data URI; None if it does not.

    Parameters
    ----------
    text : str
        Text of any length; the result has three quarters of it.
    """
    body = _decode_head(text)
    if body is None:
        return None
    try:
        return base64.b64decode(body.translate(_STANDARD), validate=False)
    except (binascii.Error, ValueError):
        return None


def _decode_head(text: str) -> str | None:
    """Return the characters that encode audio in a text; None if its first bytes are not audio."""
    uri = _URI.match(text[:200]) if text[:5].lower() == "data:" else None
    body = text[uri.end() :] if uri else text
    if uri is not None:
        if not uri[3]:
            return None
        if uri[1].lower().startswith("audio/"):
            return body
    if len(body) < _FEWEST_LETTERS or not _LETTERS.fullmatch(body[:_HEAD_LETTERS]):
        return None
    letters = "".join(body[:_HEAD_LETTERS].split()).translate(_STANDARD).rstrip("=")
    try:
        head = base64.b64decode(letters[: len(letters) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    return body if sounds_like_audio(head) else None
