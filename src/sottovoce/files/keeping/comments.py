"""Vorbis comments: the tags of FLAC, Ogg Vorbis, Opus and Speex.

Every comment is kept byte for byte and in its order, several of one name and pictures
(METADATA_BLOCK_PICTURE) among them.  The vendor string names the encoder, so it is the new
file's own (https://xiph.org/vorbis/doc/v-comment.html).
"""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.errors import UnsupportedFormatError

__all__ = ["Comments", "clean_comments"]

# Program and settings of the old encoding; ENCODED_BY and ENCODED-BY name a person and stay.
_TECHNICAL = {
    *("ENCODER", "ENCODER_OPTIONS", "ENCODER OPTIONS", "ENCODERSETTINGS", "ENCODER SETTINGS"),
    *("ENCODER_SETTINGS", "ITUNSMPB", "TSSE", "TLEN"),
}


@dataclass(frozen=True, slots=True)
class Comments:
    """A block of comments.

    Attributes
    ----------
    vendor : bytes
        Name of the encoder.
    items : tuple of bytes
        ``NAME=value``, in order.
    rest : bytes
        Data after them: the framing bit of Vorbis, or data that Opus allows there.
    """

    vendor: bytes
    items: tuple[bytes, ...]
    rest: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Comments:
        """Read a block.

        Parameters
        ----------
        data : bytes
            From the length of the vendor string on.

        Returns
        -------
        comments : Comments
            Its content.

        Raises
        ------
        UnsupportedFormatError
            If a length extends beyond the end.
        """
        vendor, at = _take(data, 0)
        n_items, at = int.from_bytes(data[at : at + 4], "little"), at + 4
        items = []
        # Each has at least four bytes, so a wrong number of them ends with the data.
        for _ in range(n_items):
            item, at = _take(data, at)
            items.append(item)
        return cls(vendor, tuple(items), data[at:])

    def to_bytes(self) -> bytes:
        """Return the block."""
        parts = [_with_length(self.vendor), len(self.items).to_bytes(4, "little")]
        return b"".join([*parts, *map(_with_length, self.items), self.rest])

    def names(self) -> list[str]:
        """Return the names, in capitals."""
        return [item.split(b"=")[0].decode("ascii", "replace").upper() for item in self.items]


def clean_comments(old: Comments, new: Comments) -> tuple[Comments, set[str]]:
    """Return the comments of a marked copy.

    Parameters
    ----------
    old : Comments
        Comments of the original.
    new : Comments
        Comments written by the encoder.

    Returns
    -------
    comments : Comments
        Those of `old` that are still true, with the encoder from `new`.
    dropped : set of str
        Names of those that were left out.
    """
    pairs = list(zip(old.names(), old.items, strict=True))
    kept = [item for name, item in pairs if name not in _TECHNICAL]
    own = [
        item
        for name, item in zip(new.names(), new.items, strict=True)
        if name in {"ENCODER", "ENCODER_OPTIONS"}
    ]
    dropped = {name for name, _ in pairs if name in _TECHNICAL}
    return Comments(new.vendor, (*kept, *own), old.rest), dropped


def _take(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 4], "little")
    if at + 4 + size > len(data):
        raise UnsupportedFormatError("a comment is longer than all of them")
    return data[at + 4 : at + 4 + size], at + 4 + size


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data
