"""Which codecs the page can write."""

from __future__ import annotations

__all__ = ["ENCODERS", "Codec"]

ENCODERS = ("libmp3lame",)


class Codec:
    """A codec, by FFmpeg's name.

    Parameters
    ----------
    name : str
        Its name.
    mode : "w"
        That it has to encode.

    Raises
    ------
    ValueError
        If it cannot.
    """

    def __init__(self, name: str, mode: str) -> None:
        if name not in ENCODERS or mode != "w":
            raise ValueError(f"{name} is not in the page")
