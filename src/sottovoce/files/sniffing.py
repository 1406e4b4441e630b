"""Tell from the first bytes of a file whether it may hold sound."""

from __future__ import annotations

__all__ = ["HEAD_BYTES", "sounds_like_audio"]

HEAD_BYTES = 8_192
"""What `sounds_like_audio` wants to see of a file: two frames of the longest kind."""

_STARTS = (
    *(b"RF64", b"BW64", b"RIFX", b"caff", b"fLaC", b"OggS", b"ID3", b"\x1a\x45\xdf\xa3"),
    *(b"#!AMR", b"wvPk", b".snd", b"NIST_1A", b"Creative Voice File"),
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),  # ASF
    bytes.fromhex("726966662e91cf11a5d628db04c10000"),  # W64
)
_PICTURES = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"mif1",
    b"msf1",
    b"avif",
    b"avis",
    b"crx ",
)
_TS_BYTES = 188
_MPEG_1_KBPS = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_MPEG_2_KBPS = (
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)


def sounds_like_audio(head: bytes) -> bool:
    """Return whether a file that begins with `head` may hold sound.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES` bytes, or all of it.

    Returns
    -------
    may : bool
        Whether it begins as a format of audio, or a container that may hold some.
    """
    if head.startswith(_STARTS):
        return True
    kind = head[8:12]
    if head[:4] == b"RIFF":
        return kind in (b"WAVE", b"AVI ")
    if head[:4] == b"FORM":
        return kind in (b"AIFF", b"AIFC", b"8SVX")
    if head[4:8] == b"ftyp":
        return kind not in _PICTURES
    if head[:2] == b"\x0b\x77":
        return len(head) > 4 and head[4] >> 6 != 3
    if len(head) > 2 * _TS_BYTES and head[0] == 0x47:
        packets = (head[at : at + 4] for at in (0, _TS_BYTES, 2 * _TS_BYTES))
        # The sync byte, no error, and a payload or an adaptation field.
        return all(
            len(one) == 4 and one[0] == 0x47 and not one[1] >> 7 and one[3] >> 4 & 3
            for one in packets
        )
    return _is_frames(head)


def _is_frames(head: bytes) -> bool:
    """Return whether `head` begins with two frames of MPEG audio or ADTS, one after the other.

    One sync word proves nothing: text in UTF-16 begins with the same bits.
    """
    length = _frame_bytes(head[:6])
    following = head[length : length + 6]
    if not length or (following and not _frame_bytes(following)):
        return False
    return not following or following[1] & 0xFE == head[1] & 0xFE


def _frame_bytes(header: bytes) -> int:
    """Return the length of the frame of this header; 0 where it is none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    if header[1] & 0xF6 == 0xF0:  # ADTS: layer 0
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length if length > 7 and header[2] >> 2 & 0xF < 13 else 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    level, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or level in (0, 15) or rate == 3:
        return 0
    kbps = (_MPEG_1_KBPS if version == 3 else _MPEG_2_KBPS)[layer - 1][level]
    sr = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    pad = header[2] >> 1 & 1
    if layer == 1:
        return (12_000 * kbps // sr + pad) * 4
    per_frame = 72_000 if layer == 3 and version != 3 else 144_000
    return per_frame * kbps // sr + pad
