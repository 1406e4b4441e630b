"""How an audio track is stored: its codec, sample format, layout, rate and container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding.pyav import open_container

if TYPE_CHECKING:
    from sottovoce.files.reading import AudioInfo

__all__ = ["CONTAINERS", "MATROSKA", "MOVIES", "Track", "describe_track", "muxer_of"]

MATROSKA = frozenset({"matroska", "webm"})
MOVIES = frozenset({"mov", "mp4", "3gp", "3g2"})
CONTAINERS = MATROSKA | MOVIES | {"mpegts", "asf", "avi", "flv"}
"""Muxers of files that hold other streams, chapters or tags in addition to the sound."""

_SAME_NAME = frozenset(
    {"mpegts", "asf", "avi", "flv", "ac3", "eac3", "wv", "tta", "amr", "caf", "au", "wav"}
    | {"flac", "ogg"}
)
"""Formats whose demuxer and muxer have the same name in FFmpeg."""
_LOSSLESS = {"alac", "flac", "wavpack", "tta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """How an audio track is stored.

    Attributes
    ----------
    muxer : str
        Muxer of such a file, as FFmpeg names it; empty if there is none.
    codec : str
        As FFmpeg names it: ``"aac"``, ``"mp3"``, ``"pcm_s24le"``.
    index : int
        Index among all streams of the file.
    sr, n_channels : int
        Sampling rate in Hz, channels.
    layout : str
        As FFmpeg names it: ``"stereo"``, ``"5.1(side)"``.
    n_bits : int
        Bits of a sample, for lossless codecs; 0 for lossy ones and for floats.
    is_float : bool
        Whether a lossless codec stores floats.
    bit_rate : float
        Mean rate in bit/s; 0 if not known.
    is_vbr : bool
        Whether the rate varies.
    is_late : bool
        Whether the track starts after the others, in a file that FFmpeg has to write.
    is_undelayed : bool
        Whether its container could declare the encoder's delay, but does not.
    """

    muxer: str
    codec: str
    index: int
    sr: int
    n_channels: int
    layout: str
    n_bits: int = 0
    is_float: bool = False
    bit_rate: float = 0.0
    is_vbr: bool = False
    is_late: bool = False
    is_undelayed: bool = False

    @property
    def is_lossless(self) -> bool:
        """Whether the codec preserves every sample."""
        return self.codec in _LOSSLESS or self.codec.startswith("pcm_")


def describe_track(info: AudioInfo) -> Track:
    """Describe the track to which `info` refers.

    Parameters
    ----------
    info : AudioInfo
        Of the original; its `track` counts among audio tracks.

    Returns
    -------
    track : Track
        Its description.

    Raises
    ------
    UnreadableAudioError
        If the file cannot be opened or has no such track.
    MissingExtraError
        If PyAV is not installed.
    """
    if info.format in {"MP3", "MP2"}:
        # libsndfile counts frames that FFmpeg skips in a file with junk in front.
        is_layer_2 = info.format == "MP2" or info.subtype in {"MPEG_LAYER_II", "MP2"}
        codec = "mp2" if is_layer_2 else "mp3"
        layout = "mono" if info.n_channels == 1 else "stereo"
        return Track(
            muxer=codec,
            codec=codec,
            index=0,
            sr=info.sr,
            n_channels=info.n_channels,
            layout=layout,
            bit_rate=_bit_rate(info, 0.0),
            is_vbr=info.is_vbr,
        )
    with Path(info.path).open("rb") as raw:
        head = raw.read(4096)
        raw.seek(0)
        with open_container(raw, path=info.path) as container:
            streams = container.streams.audio
            if info.track >= len(streams):
                raise UnreadableAudioError("has no audio track", path=info.path)
            return _describe(container, streams[info.track], head, info)


def _describe(container: Any, stream: Any, head: bytes, info: AudioInfo) -> Track:  # noqa: ANN401
    context = stream.codec_context
    codec = str(context.codec.canonical_name)
    if codec == "mp3":
        codec = _layer(container, stream)
    is_lossless = codec in _LOSSLESS or codec.startswith("pcm_")
    sample_format = context.format.name.rstrip("p") if context.format else "flt"
    is_float = sample_format in {"flt", "dbl"}
    n_bits = 0
    if is_lossless and not is_float:
        # 24 bits are decoded to frames of 32; the codec's own header says which it is.
        n_bits = {"u8": 8, "s16": 16}.get(sample_format) or _wide_bits(context, codec, head)
    measured = 0.0 if is_lossless else _measure_rate(info.path, int(stream.index))
    return Track(
        muxer=muxer_of(container, codec, head),
        codec=codec,
        index=int(stream.index),
        sr=int(context.sample_rate),
        n_channels=int(context.layout.nb_channels),
        layout=str(context.layout.name),
        n_bits=n_bits,
        is_float=is_lossless and is_float,
        bit_rate=measured or _bit_rate(info, float(stream.bit_rate or 0.0)),
        is_vbr=info.is_vbr,
        is_late=_is_late(stream, info),
        is_undelayed=_is_undelayed(stream, info),
    )


def _is_late(stream: Any, info: AudioInfo) -> bool:  # noqa: ANN401
    if not stream.start_time or stream.start_time < 0:
        return False
    from sottovoce.files.films.grafting import can_graft  # late: most files are no films

    # A damaged film has to be rewritten, even if its header is intact.
    return not (info.is_whole and can_graft(Path(info.path)))


def _is_undelayed(stream: Any, info: AudioInfo) -> bool:  # noqa: ANN401
    if not info.is_whole:
        return False
    from sottovoce.files.films.matroska import declares_no_delay  # late: most files are no films

    with Path(info.path).open("rb") as file:
        return declares_no_delay(file, int(stream.index))


def _measure_rate(path: str, index: int) -> float:
    """Return the mean rate of a stream in bit/s; 0 if packets have no duration.

    Matroska and transport streams do not declare it, and others declare the requested rate.
    """
    n_bytes, seconds = 0, 0.0
    with Path(path).open("rb") as raw, open_container(raw, path=path) as container:
        for packet in container.demux(container.streams[index]):
            if packet.size and packet.duration and packet.time_base:
                n_bytes += packet.size
                seconds += float(packet.duration * packet.time_base)
    return 8.0 * n_bytes / seconds if seconds else 0.0


def _layer(container: Any, stream: Any) -> str:  # noqa: ANN401
    """Return ``"mp2"`` or ``"mp3"``: MP4 and transport streams have one name for both."""
    for packet in container.demux(stream):
        head = bytes(packet)[:2]
        if len(head) == 2:
            return "mp2" if head[0] == 0xFF and head[1] >> 1 & 3 == 2 else "mp3"
    return "mp3"


def _wide_bits(context: Any, codec: str, head: bytes) -> int:  # noqa: ANN401
    extra = bytes(context.extradata or b"")
    if codec == "alac" and len(extra) > 17:
        return extra[17]
    if codec == "flac" and len(extra) >= 14:
        return ((extra[12] & 1) << 4 | extra[13] >> 4) + 1
    if codec == "tta":
        return int.from_bytes(head[8:10], "little") if head[:4] == b"TTA1" else 24
    if codec == "wavpack":
        if head[:4] != b"wvpk":
            return 24
        flags = int.from_bytes(head[24:28], "little")
        return 8 * ((flags & 3) + 1)
    return 24 if "24" in codec else 32


def _bit_rate(info: AudioInfo, declared: float) -> float:
    if info.bit_rate:
        return info.bit_rate
    if declared:
        return declared
    return 8.0 * info.n_bytes / info.duration_s if info.duration_s else 0.0


def muxer_of(container: Any, codec: str, head: bytes) -> str:  # noqa: ANN401
    """Choose the muxer that writes such a container again.

    Parameters
    ----------
    container : av.container.InputContainer
        Open.
    codec : str
        Of the track.
    head : bytes
        First bytes of the file.

    Returns
    -------
    muxer : str
        As FFmpeg names it; empty if there is none.
    """
    name = str(container.format.name).split(",")[0]
    if name == "mov":
        brand = str(container.metadata.get("major_brand", "qt  ")).strip()
        return {"qt": "mov", "3g2a": "3g2"}.get(brand, "3gp" if brand[:3] == "3gp" else "mp4")
    if name == "matroska":
        return "webm" if b"webm" in head[:64] else "matroska"
    if name == "mp3":
        return codec if codec in {"mp2", "mp3"} else ""
    if name == "aac":
        return "adts"
    return name if name in _SAME_NAME else ""
