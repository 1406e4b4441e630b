"""The kind of a file, from its first bytes: names can be wrong."""

from __future__ import annotations

from sottovoce.files.decoding.adts import adts_length
from sottovoce.files.decoding.mpeg import find_frame
from sottovoce.files.decoding.synchsafe import synchsafe

__all__ = ["HEAD_BYTES", "kind_of", "skip_id3", "sounds_like_audio"]

HEAD_BYTES = 8192
"""Number of first bytes that `kind_of` needs."""

_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_MAGICS = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"caff", "caf"),
    (b".snd", "au"),
    (b"dns.", "au"),
    (b"NIST_1A", "sphere"),
    (_W64, "w64"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (_ASF, "ffmpeg"),
    (b"#!AMR", "ffmpeg"),
    (b"wvpk", "ffmpeg"),
    (b"MAC ", "ffmpeg"),
    (b"TTA1", "ffmpeg"),
    (b"MPCK", "ffmpeg"),
    (b"MP+", "ffmpeg"),
    (b"tBaK", "ffmpeg"),
    (b".RMF", "ffmpeg"),
    (b"FLV\x01", "ffmpeg"),
    (b"DSD ", "ffmpeg"),
    (b"ajkg", "ffmpeg"),
    (b"\x7f\xfe\x80\x01", "ffmpeg"),
    (b"\x00\x00\x01\xba", "ffmpeg"),
    (b"Creative Voice File\x1a", "sndfile"),
    (b"2BIT", "sndfile"),
    (b" paf", "sndfile"),
    (b"fap ", "sndfile"),
    (b"\x64\xa3", "sndfile"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp")


_PICTURES = tuple(
    b"ftyp" + brand for brand in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")
)


def skip_id3(head: bytes) -> int:
    """Return the length of leading ID3v2 tags in bytes; they may extend beyond `head`."""
    at = 0
    while head[at : at + 3] == b"ID3" and len(head) >= at + 10 and head[at + 3] < 0xFF:
        at += 10 + synchsafe(head[at + 6 : at + 10]) + (10 if head[at + 5] & 0x10 else 0)
    return at


def kind_of(head: bytes) -> str:
    """Return the kind of file that begins with `head`, after any ID3v2 tag; empty if unknown.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes, or all.

    Returns
    -------
    kind : str
        ``"riff"``, ``"aiff"``, ``"caf"``, ``"w64"``, ``"au"``, ``"sphere"``, ``"flac"``, ``"ogg"``,
        ``"mpeg"``, ``"adts"``, ``"mp4"``, ``"matroska"``, ``"transport"``, ``"ffmpeg"`` or
        ``"sndfile"`` (the library that reads it).
    """
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        # The same container holds films and many other things.
        return {b"WAVE": "riff", b"AVI ": "ffmpeg"}.get(head[8:12], "")
    if head[:4] == b"FORM":
        kinds = {b"AIFF": "aiff", b"AIFC": "aiff", b"8SVX": "sndfile", b"16SV": "sndfile"}
        return kinds.get(head[8:12], "")
    if head[4:8] in _BOXES:
        return "" if head[4:12] in _PICTURES else "mp4"
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    if head[:2] == b"\x0b\x77" and len(head) > 4 and head[4] >> 6 != 3:  # AC-3
        return "ffmpeg"
    # ADTS: twelve bits of sync, layer 0.  (MPEG audio has the same sync and another layer.)
    if _is_adts(head):
        return "adts"
    if _is_transport(head, 0, 188) or _is_transport(head, 4, 192):
        return "transport"
    if _is_loas(head):
        return "ffmpeg"
    return "mpeg" if find_frame(head) >= 0 else ""


def _is_transport(head: bytes, first: int, step: int) -> bool:
    """Return whether packets of an MPEG transport stream follow each other."""
    packets = [head[at : at + 4] for at in (first, first + step, first + 2 * step)]
    # The sync byte, no error, and a payload or an adaptation field.
    return (
        all(
            len(one) == 4 and one[0] == 0x47 and not one[1] >> 7 and one[3] >> 4 & 3
            for one in packets
        )
        and len(set(packets)) > 1
    )


def _is_loas(head: bytes) -> bool:
    """Return whether frames of AAC with a LATM header follow each other."""
    at = 0
    for _ in range(3):
        if len(head) < at + 3:
            return at > 0
        if head[at] != 0x56 or head[at + 1] & 0xE0 != 0xE0:
            return False
        at += 3 + ((head[at + 1] & 0x1F) << 8 | head[at + 2])
    return True


def _is_adts(head: bytes) -> bool:
    at = 0
    for number in range(3):
        if len(head) < at + 7:
            return number > 0
        n_bytes = adts_length(head[at : at + 7])
        if n_bytes == 0:
            return False
        at += n_bytes
    return True


def sounds_like_audio(head: bytes) -> bool:
    """Return whether a file that begins with `head` holds sound, by its content alone.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes, or all.

    Returns
    -------
    sounds : bool
        True also for films, and for files that begin with a tag of music files.
    """
    kind = kind_of(head)
    # An archive may store MPEG audio as it is, after its own header.
    return head[:3] == b"ID3" or (find_frame(head) == 0 if kind == "mpeg" else bool(kind))
