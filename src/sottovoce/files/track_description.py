"""`describe_track`: how the audio track of a file is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding.pyav import open_container
from sottovoce.files.track import Track, is_lossless, muxer_of

if TYPE_CHECKING:
    from sottovoce.files.audio_info import AudioInfo

__all__ = ["describe_track"]


def describe_track(info: AudioInfo) -> Track:
    """Describe the track to which `info` refers.

    Parameters
    ----------
    info : AudioInfo
        Properties of the original; its `track` counts among audio tracks.

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
    lossless = is_lossless(codec)
    sample_format = context.format.name.rstrip("p") if context.format else "flt"
    is_float = sample_format in {"flt", "dbl"}
    n_bits = 0
    if lossless and not is_float:
        # 24 bits are decoded to frames of 32; the codec's own header says which it is.
        n_bits = {"u8": 8, "s16": 16}.get(sample_format) or _wide_bits(context, codec, head)
    measured = 0.0 if lossless else _measure_rate(info.path, int(stream.index))
    return Track(
        muxer=muxer_of(container, codec, head),
        codec=codec,
        index=int(stream.index),
        sr=int(context.sample_rate),
        n_channels=int(context.layout.nb_channels),
        layout=str(context.layout.name),
        n_bits=n_bits,
        is_float=lossless and is_float,
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
