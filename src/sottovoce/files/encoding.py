"""Which encoder stores a track again as it was stored, and with which settings.

A marked track keeps its codec, sample format, rate, channels and layout.  Lossy codecs get at
least the bit rate of the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.files.decoding.pyav import import_av

if TYPE_CHECKING:
    from sottovoce.files.track import Track

__all__ = ["LOW_KBPS", "MP3_KBPS", "Encoding", "choose_encoding"]

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

# Samples that a decoder puts before the sound, measured on a click: the encoder's delay and the
# decoder's.  Containers that can declare it have it removed by the player.
_DELAYS = {"aac": 1024, "ac3": 256, "eac3": 256, "mp2": 481, "mp3": 1105, "amr_nb": 40, "opus": 312}
_SAYS_NO_DELAY = {"adts", "ac3", "eac3", "mp2", "amr", "mpegts", "avi", "flv", "wav"}
_KEEPS_BACK = {"mp2", "ac3", "eac3"}
"""Encoders that lose their delay at the end unless silence pushes it out."""

_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_MP2_KBPS = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LOW_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_AMR_BPS = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
_MOST_OPUS_BPS = 510_000.0
_NEXT_RATE_FROM = 1.015
"""A measured rate may exceed the nominal one by this: headers, and the last frame."""

# LAME attenuates the sound by these factors unless it encodes with a quality-based variable
# rate: presets.c, `abr_switch_map`, the entry of the rate that is nearest.
_LAME_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LAME_SCALES = {192: 0.97, 224: 0.98, 256: 1.0, 320: 1.0}
_LAME_SCALE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Settings of an encoder.

    Attributes
    ----------
    encoder : str
        As FFmpeg names it.
    sample_format : str
        Format of its input, interleaved: ``"s16"``, ``"s32"``, ``"flt"``, ``"dbl"`` or ``"u8"``.
    n_bits : int
        Bits to which samples are rounded; 0 for floats.
    bit_rate : int
        Bit rate, in bit/s; 0 for lossless encoders.
    options : dict
        Options of the encoder.
    gain : float
        Factor on the samples, since the encoder attenuates them.
    delay : int
        Samples that a decoder puts before the sound and the container cannot declare.
    is_primed : bool
        Whether as many samples at the start of the original are certainly not sound: its decoder
        put them there, and its container could not declare it either.
    lead : int
        Samples of silence to prepend, since the decoder drops as many.
    tail : int
        Samples of silence to append, since the encoder holds back as many.
    """

    encoder: str
    sample_format: str
    n_bits: int = 0
    bit_rate: int = 0
    options: dict[str, str]
    gain: float = 1.0
    delay: int = 0
    is_primed: bool = False
    lead: int = 0
    tail: int = 0


def choose_encoding(track: Track, *, boost: float = 0.0) -> Encoding | None:
    """Choose how to encode a track again.

    Parameters
    ----------
    track : Track
        Track of the original.
    boost : float
        Share by which the bit rate of a lossy encoder is raised over the first choice.

    Returns
    -------
    encoding : Encoding or None
        None if nothing writes this codec in this container.
    """
    av = import_av()
    encoder = track.codec if track.codec.startswith("pcm_") else _ENCODERS.get(track.codec)
    if not track.muxer or encoder is None or not _exists(av, encoder):
        return None
    if track.muxer == "ogg" or (track.muxer == "caf" and not track.is_lossless):
        return None
    if track.muxer == "matroska" and track.codec == "tta":
        return None  # FFmpeg writes it without the header that its own decoder needs
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
    elif track.codec == "aac":
        # At these rates its error on speech is 3 to 25 dB below that of the default search,
        # and ten encodings lose less than a tenth of a decibel on most sound.
        options["aac_coder"] = "fast"
    elif track.codec == "opus":
        options["vbr"] = "constrained"
    integer = track.codec in {"mp2", "amr_nb"}
    # Opus always declares it in Matroska.
    is_undelayed = track.is_undelayed and track.codec != "opus"
    is_primed = track.muxer in _SAYS_NO_DELAY or is_undelayed
    # FFmpeg's MP4 has no edit list that both waits and skips.
    says_no_delay = is_primed or (track.is_late and track.muxer not in {"matroska", "webm", "mp3"})
    return Encoding(
        encoder=encoder,
        sample_format="s16" if integer else "flt",
        n_bits=16 if integer else 0,
        bit_rate=bit_rate,
        options=options,
        gain=gain,
        delay=_DELAYS.get(track.codec, 0) if says_no_delay else 0,
        is_primed=is_primed,
        lead=_wma_frame(track) if track.codec.startswith("wma") else 0,
        tail=_DELAYS[track.codec] if track.codec in _KEEPS_BACK else 0,
    )


def _wma_frame(track: Track) -> int:
    """Return how many samples a frame of WMA has; FFmpeg's decoder throws the first one away.

    `ff_wma_get_frame_len_bits` in FFmpeg's `wma_common.c`.
    """
    if track.sr <= 16_000:
        return 512
    return 1024 if track.sr <= (32_000 if track.codec == "wmav1" else 22_050) else 2048


def _rate_of(track: Track, wanted: float) -> int:
    """Return the rate to request, not below the wanted one if the codec has such a rate."""
    low = track.sr < 32_000
    if track.codec == "amr_nb":
        return _at_least(wanted, _AMR_BPS)
    if track.codec in {"ac3", "eac3"}:
        return 1000 * _at_least(wanted / 1000.0, _AC3_KBPS)
    if track.codec == "mp2":
        return 1000 * _at_least(wanted / 1000.0, LOW_KBPS if low else _MP2_KBPS)
    if track.codec == "mp3":
        rates: tuple[int, ...] = LOW_KBPS if low else MP3_KBPS
        if track.sr <= 12_000:
            rates = rates[:8]
        if track.is_vbr:
            return int(min(max(1.02 * wanted, 1000.0 * rates[0]), 1000.0 * rates[-1]))
        return 1000 * _at_least(wanted / 1000.0, rates)
    # In their first frames these encoders do worse than the one that made the original.
    if track.codec == "aac":
        return int(max(1.1 * wanted, 64_000.0 * track.n_channels))
    if track.codec == "opus":
        most = _MOST_OPUS_BPS / 2 * track.n_channels
        return int(min(max(wanted, 32_000.0 * track.n_channels), most))
    return int(max(1.05 * wanted, 32_000.0 * track.n_channels))


def _at_least(wanted: float, rates: tuple[int, ...]) -> int:
    return next((rate for rate in rates if _NEXT_RATE_FROM * rate >= wanted), rates[-1])


def _lame_scale(kbps: float) -> float:
    # Halfway between two rates LAME uses the upper one.
    nearest = min(reversed(_LAME_KBPS), key=lambda rate: abs(rate - kbps))
    return _LAME_SCALES.get(nearest, _LAME_SCALE)
