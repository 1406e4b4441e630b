"""How an audio track is stored, and which encoder stores it that way again.

A marked track keeps its codec, sample format, rate, channels and layout.  Lossy codecs get at
least the bit rate of the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding.containers import import_av, open_container

if TYPE_CHECKING:
    from sottovoce.files.reading import AudioInfo

__all__ = ["CONTAINERS", "Encoding", "Track", "choose_encoding", "describe_track", "muxer_of"]

CONTAINERS = frozenset(
    {"mov", "mp4", "ipod", "3gp", "3g2", "matroska", "webm", "mpegts", "asf", "avi", "flv"}
)
"""Muxers of files that hold other streams, chapters or tags besides the sound."""

_MUXERS = {
    "mpegts": "mpegts",
    "asf": "asf",
    "avi": "avi",
    "flv": "flv",
    "aac": "adts",
    "ac3": "ac3",
    "eac3": "eac3",
    "wv": "wv",
    "tta": "tta",
    "amr": "amr",
    "caf": "caf",
    "au": "au",
    "wav": "wav",
    "flac": "flac",
    "ogg": "ogg",
}
_ENCODERS = {
    "aac": "aac",
    "ac3": "ac3",
    "eac3": "eac3",
    "mp2": "mp2",
    "mp3": "libmp3lame",
    "wmav1": "wmav1",
    "wmav2": "wmav2",
    "amr_nb": "libopencore_amrnb",
    "opus": "libopus",
    "vorbis": "vorbis",
    "alac": "alac",
    "flac": "flac",
    "wavpack": "wavpack",
    "tta": "tta",
}
_LOSSLESS = {"alac", "flac", "wavpack", "tta"}

# What a decoder puts in front of the sound, in samples, measured on a click: the encoder's
# delay and the decoder's.  Containers that can say so have it removed by the player.
_DELAYS = {"aac": 1024, "ac3": 256, "eac3": 256, "mp2": 481, "mp3": 1105, "amr_nb": 40, "opus": 312}
_SAYS_NO_DELAY = {"adts", "ac3", "eac3", "mp2", "amr", "mpegts", "avi", "flv", "wav"}
_KEEPS_BACK = {"mp2", "ac3", "eac3"}
"""Encoders that lose their delay at the end unless silence pushes it out."""
_WMA_SKIPS = 2048
"""FFmpeg's decoder throws the first frame of WMA away, sound or not."""

_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_MP2_KBPS = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_AMR_BPS = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
_NEXT_RATE_FROM = 1.015
"""A measured rate may lie this much over the nominal one: headers, and the last frame."""

# LAME turns the sound down by these factors unless it is encoding with a variable rate that
# follows quality: presets.c, `abr_switch_map`, the entry of the rate that is nearest.
_LAME_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LAME_SCALES = {192: 0.97, 224: 0.98, 256: 1.0, 320: 1.0}
_LAME_SCALE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """How an audio track is stored.

    Attributes
    ----------
    muxer : str
        What writes such a file, as FFmpeg names it; empty where nothing does.
    codec : str
        As FFmpeg names it: ``"aac"``, ``"mp3"``, ``"pcm_s24le"``.
    index : int
        Among all streams of the file.
    sr, n_channels : int
        Sampling rate in Hz, channels.
    layout : str
        As FFmpeg names it: ``"stereo"``, ``"5.1(side)"``.
    n_bits : int
        Of a sample, for lossless codecs; 0 for lossy ones and for floats.
    is_float : bool
        Whether a lossless codec stores floats.
    bit_rate : float
        Mean rate in bit/s; 0 where it is not known.
    is_vbr : bool
        Whether the rate varies.
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

    @property
    def is_lossless(self) -> bool:
        """Whether the codec gives every sample back."""
        return self.codec in _LOSSLESS or self.codec.startswith("pcm_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What to ask an encoder for.

    Attributes
    ----------
    encoder : str
        As FFmpeg names it.
    sample_format : str
        What it is given, interleaved: ``"s16"``, ``"s32"``, ``"flt"``, ``"dbl"`` or ``"u8"``.
    n_bits : int
        To which samples are rounded; 0 for floats.
    bit_rate : int
        In bit/s; 0 for lossless encoders.
    options : dict
        Of the encoder.
    gain : float
        By which samples are multiplied, since the encoder turns them down.
    delay : int
        Samples that a decoder puts in front of the sound and the container cannot tell.
    lead : int
        Samples of silence to be put in front, since the decoder drops as many.
    tail : int
        Samples of silence to be put behind, since the encoder keeps as many back.
    """

    encoder: str
    sample_format: str
    n_bits: int = 0
    bit_rate: int = 0
    options: dict[str, str]
    gain: float = 1.0
    delay: int = 0
    lead: int = 0
    tail: int = 0


def describe_track(info: AudioInfo) -> Track:
    """Describe the track that `info` is about.

    Parameters
    ----------
    info : AudioInfo
        Of the original; its `track` counts among audio tracks.

    Returns
    -------
    track : Track
        How it is stored.

    Raises
    ------
    UnreadableAudioError
        If the file cannot be opened or has no such track.
    MissingExtraError
        If PyAV is not installed.
    """
    if info.format in {"MP3", "MP2"}:
        # libsndfile counts frames that FFmpeg skips in a file with junk in front.
        codec = "mp2" if info.subtype in {"MPEG_LAYER_II", "MP2"} else "mp3"
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
        # 24 bits travel in frames of 32; which it is says the codec's own header.
        n_bits = {"u8": 8, "s16": 16}.get(sample_format) or _wide_bits(context, codec, head)
    measured = float(stream.bit_rate or context.bit_rate or 0.0)
    return Track(
        muxer=muxer_of(container, codec, head),
        codec=codec,
        index=int(stream.index),
        sr=int(context.sample_rate),
        n_channels=int(context.layout.nb_channels),
        layout=str(context.layout.name),
        n_bits=n_bits,
        is_float=is_lossless and is_float,
        bit_rate=_bit_rate(info, measured),
        is_vbr=info.is_vbr,
    )


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
    name = str(container.format.name).split(",")[0]
    if name == "mov":
        brand = str(container.metadata.get("major_brand", "qt  ")).strip()
        if brand in {"M4A", "M4B", "M4P"} and codec in {"aac", "alac", "ac3"}:
            return "ipod"
        return {"qt": "mov", "3g2a": "3g2"}.get(brand, "3gp" if brand[:3] == "3gp" else "mp4")
    if name == "matroska":
        return "webm" if b"webm" in head[:64] else "matroska"
    if name == "mp3":
        return codec if codec in {"mp2", "mp3"} else ""
    return _MUXERS.get(name, "")


def choose_encoding(track: Track, *, boost: float = 0.0) -> Encoding | None:
    """Choose how a track is encoded again.

    Parameters
    ----------
    track : Track
        Of the original.
    boost : float
        By how much of itself the bit rate of a lossy encoder is raised over the first choice.

    Returns
    -------
    encoding : Encoding or None
        None where nothing writes this codec in this container.
    """
    av = import_av()
    encoder = track.codec if track.codec.startswith("pcm_") else _ENCODERS.get(track.codec)
    if not track.muxer or encoder is None or not _exists(av, encoder):
        return None
    if track.muxer == "ogg" or (track.muxer == "caf" and not track.is_lossless):
        return None
    if track.muxer == "matroska" and track.codec == "tta":
        return None  # FFmpeg writes it without the header that its own decoder asks for
    if track.is_lossless:
        return _lossless(track, encoder)
    if track.codec in {"mp2", "mp3", "wmav1", "wmav2"} and track.n_channels > 2:
        return None
    return _lossy(track, encoder, track.bit_rate * (1.0 + boost))


def _exists(av: Any, encoder: str) -> bool:  # noqa: ANN401
    try:
        av.codec.Codec(encoder, "w")
    except ValueError:
        return False
    return True


def _lossless(track: Track, encoder: str) -> Encoding:
    options = {} if track.is_float else {"bits_per_raw_sample": str(track.n_bits)}
    if track.is_float:
        sample_format = "dbl" if "f64" in track.codec else "flt"
    else:
        sample_format = "u8" if track.n_bits <= 8 else "s16" if track.n_bits <= 16 else "s32"
    return Encoding(
        encoder=encoder, sample_format=sample_format, n_bits=track.n_bits, options=options
    )


def _lossy(track: Track, encoder: str, wanted: float) -> Encoding:
    options: dict[str, str] = {}
    bit_rate = _rate_of(track, wanted)
    gain = 1.0
    if track.codec == "mp3":
        if track.is_vbr:
            options["abr"] = "1"
        gain = 1.0 / _lame_scale(bit_rate / 1000.0)
    integer = track.codec in {"mp2", "amr_nb"}
    is_wma = track.codec.startswith("wma")
    return Encoding(
        encoder=encoder,
        sample_format="s16" if integer else "flt",
        n_bits=16 if integer else 0,
        bit_rate=bit_rate,
        options=options,
        gain=gain,
        delay=_DELAYS.get(track.codec, 0) if track.muxer in _SAYS_NO_DELAY else 0,
        lead=_WMA_SKIPS if is_wma else 0,
        tail=_DELAYS[track.codec] if track.codec in _KEEPS_BACK else 0,
    )


def _rate_of(track: Track, wanted: float) -> int:
    """Return the rate to ask for, not under the wanted one where the codec has one."""
    low = track.sr < 32_000
    if track.codec == "amr_nb":
        return _at_least(wanted, _AMR_BPS)
    if track.codec in {"ac3", "eac3"}:
        return 1000 * _at_least(wanted / 1000.0, _AC3_KBPS)
    if track.codec == "mp2":
        return 1000 * _at_least(wanted / 1000.0, _LOW_KBPS if low else _MP2_KBPS)
    if track.codec == "mp3":
        rates: tuple[int, ...] = _LOW_KBPS if low else _MP3_KBPS
        if track.sr <= 12_000:
            rates = rates[:8]
        if track.is_vbr:
            return int(min(max(1.02 * wanted, 1000.0 * rates[0]), 1000.0 * rates[-1]))
        return 1000 * _at_least(wanted / 1000.0, rates)
    # At their first frames these encoders do worse than whatever made the original.
    if track.codec == "aac":
        return int(max(1.1 * wanted, 64_000.0 * track.n_channels))
    return int(max(1.05 * wanted, 32_000.0 * track.n_channels))


def _at_least(wanted: float, rates: tuple[int, ...]) -> int:
    return next((rate for rate in rates if _NEXT_RATE_FROM * rate >= wanted), rates[-1])


def _lame_scale(kbps: float) -> float:
    # Halfway between two rates LAME takes the upper one.
    nearest = min(reversed(_LAME_KBPS), key=lambda rate: abs(rate - kbps))
    return _LAME_SCALES.get(nearest, _LAME_SCALE)
