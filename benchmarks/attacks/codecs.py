"""Real codecs, in process: PyAV's FFmpeg for most of them, libsndfile for Vorbis and GSM.

Each codec writes a real file in memory and reads it back, so that encoder delay is handled as a
player handles it.  What delay is left (most formats cannot say how much there is) was measured
once by cross-correlation and is taken off, so that labels in training stay where they were;
benchmarks crop at random samples anyway.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av
import librosa
import numpy as np
import soundfile as sf

from benchmarks.attacks.timing import resample

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = ["CODECS", "Codec", "gsm", "opus", "round_trip", "through", "vorbis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How to run one of FFmpeg's encoders.

    Attributes
    ----------
    encoder, container : str
        FFmpeg's names.
    rates : tuple of int
        Rates that the encoder takes, in Hz, ascending; the next one up is used.
    mono : bool
        Whether it takes one channel only.
    lag : int
        Samples at the decoder's rate by which the decoded audio is late.
    decoder : str or None
        FFmpeg's decoder, None for its first choice.
    options : dict
        Private options of the encoder.
    """

    encoder: str
    container: str
    rates: tuple[int, ...]
    mono: bool = False
    lag: int = 0
    decoder: str | None = None
    options: dict[str, str] = field(default_factory=dict)


_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
# Where the name of a reader differs from that of its writer.
_DEMUXERS = {"ipod": "mp4"}
_ANY = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)

CODECS = {
    "mp3": Codec(encoder="libmp3lame", container="mp3", rates=_MPEG_RATES),
    "aac": Codec(encoder="aac", container="ipod", rates=_MPEG_RATES, lag=1024),
    "opus": Codec(
        encoder="libopus",
        container="ogg",
        rates=(8_000, 12_000, 16_000, 24_000, 48_000),
        decoder="libopus",
        options={"application": "voip"},
    ),
    "mulaw": Codec(encoder="pcm_mulaw", container="wav", rates=(8_000,), mono=True),
    "alaw": Codec(encoder="pcm_alaw", container="wav", rates=(8_000,), mono=True),
    "amr": Codec(encoder="libopencore_amrnb", container="amr", rates=(8_000,), mono=True, lag=38),
    "g722": Codec(encoder="g722", container="wav", rates=(16_000,), mono=True, lag=22),
    "g726": Codec(encoder="g726", container="wav", rates=(8_000,), mono=True),
    "g723": Codec(encoder="g723_1", container="g723_1", rates=(8_000,), mono=True),
    "ima_adpcm": Codec(encoder="adpcm_ima_wav", container="wav", rates=_ANY),
    "sbc": Codec(encoder="sbc", container="sbc", rates=(16_000, 32_000, 44_100, 48_000), lag=73),
}


def _fit(y: Audio, n: int) -> Audio:
    """Cut or pad the end so that `n` samples are left."""
    short = n - y.shape[-1]
    if short <= 0:
        return y[..., :n]
    return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, short)])


def _next_rate(sr: int, rates: tuple[int, ...]) -> int:
    """Return the smallest rate of the encoder that is not below `sr`, else its highest."""
    return next((rate for rate in rates if rate >= sr), rates[-1])


def _encode(y: Audio, sr: int, codec: Codec, bit_rate: int | None) -> io.BytesIO:
    """Write `y` of shape (channels, n) as a file in memory."""
    file = io.BytesIO()
    layout = "mono" if y.shape[0] == 1 else "stereo"
    with av.open(file, "w", format=codec.container) as container:
        stream = container.add_stream(
            codec.encoder, rate=sr, layout=layout, options=dict(codec.options)
        )
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec.encoder} is not an audio encoder")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y), format="fltp", layout=layout)
        frame.sample_rate = sr
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    file.seek(0)
    return file


def _decode(
    file: io.BytesIO, codec: Codec, lost: frozenset[int] | None = None
) -> tuple[Audio, int]:
    """Read the file back as float32 of shape (channels, n) and its rate in Hz."""
    blocks = []
    with av.open(file, "r", format=_DEMUXERS.get(codec.container, codec.container)) as container:
        stream = container.streams.audio[0]
        # Any: PyAV's types know decode() only where the kind of the codec is known beforehand.
        context: Any = stream.codec_context
        if codec.decoder is not None:
            context = av.CodecContext.create(codec.decoder, "r")
            context.extradata = stream.codec_context.extradata
        to_float = av.AudioResampler(format="fltp")
        for i, packet in enumerate(container.demux(stream)):
            received = _header_only(packet) if lost and i in lost and packet.size else packet
            for frame in context.decode(received):
                blocks += [out.to_ndarray() for out in to_float.resample(frame)]
        rate = context.sample_rate or stream.sample_rate
    return np.concatenate(blocks, axis=1).astype(np.float32, copy=False), int(rate)


def _header_only(packet: av.Packet[Any]) -> av.Packet[Any]:
    """Return an Opus packet without its frames: the decoder conceals it as it would a lost one."""
    bare: av.Packet[Any] = av.Packet(bytes(packet)[:1])
    bare.pts, bare.dts, bare.time_base = packet.pts, packet.dts, packet.time_base
    return bare


def round_trip(
    y: Audio,
    sr: int,
    codec: Codec,
    *,
    bit_rate: int | None = None,
    lost: frozenset[int] | None = None,
) -> tuple[Audio, int]:
    """Send audio through a codec and back.

    Parameters
    ----------
    y : np.ndarray, shape=(n,) or (channels, n), dtype=float32
        Audio; clipped to full scale, as a file would.
    sr : int
        Its rate in Hz.  Resampled to the next rate that the encoder takes.
    codec : Codec
        The codec.
    bit_rate : int or None
        Bits per second of all channels; None for the encoder's own.
    lost : frozenset of int or None
        Numbers of the packets that never arrive (Opus only).

    Returns
    -------
    y, sr : np.ndarray and int
        As decoded, at the decoder's rate, with the length in seconds of the input.
    """
    inside_sr = _next_rate(sr, codec.rates)
    if codec.mono and y.ndim == 2:
        y = y.mean(axis=0)
    sent = np.atleast_2d(np.clip(resample(y, sr, inside_sr), -1.0, 1.0))
    out, out_sr = _decode(_encode(sent, inside_sr, codec, bit_rate), codec, lost)
    out = _fit(out[:, codec.lag :], round(y.shape[-1] * out_sr / sr))
    return (out[0] if y.ndim == 1 else out), out_sr


def through(name: str, kbps: float | None = None) -> Effect:
    """Return the effect of the codec `name` of `CODECS` at a bit rate in kilobits per second."""
    bit_rate = None if kbps is None else round(kbps * 1000)

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return round_trip(y, sr, CODECS[name], bit_rate=bit_rate)

    return effect


def opus(kbps: float, *, loss: float = 0.0) -> Effect:
    """Return Opus for speech at a bit rate in kb/s, with a share of 20 ms packets lost."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        n_packets = int(y.shape[-1] / sr / 0.02)
        # The first packets are always received: nothing can be concealed before the first voice.
        lost = (
            frozenset((2 + np.flatnonzero(rng.random(n_packets) < loss)).tolist()) if loss else None
        )
        return round_trip(y, sr, CODECS["opus"], bit_rate=round(kbps * 1000), lost=lost)

    return effect


def _through_soundfile(y: Audio, sr: int, file_format: str, subtype: str, level: float) -> Audio:
    """Write and read `y` with libsndfile: same rate, same length."""
    file = io.BytesIO()
    extra = {} if file_format == "WAV" else {"compression_level": level}
    sf.write(file, np.clip(y, -1.0, 1.0).T, sr, format=file_format, subtype=subtype, **extra)
    file.seek(0)
    out, _ = sf.read(file, dtype="float32")
    return _fit(np.ascontiguousarray(out.T), y.shape[-1])


def vorbis(y: Audio, sr: int, rng: np.random.Generator, *, level: float = 1.0) -> tuple[Audio, int]:
    """Ogg Vorbis through libsndfile; level 1 is its smallest file."""
    return _through_soundfile(y, sr, "OGG", "VORBIS", level), sr


def gsm(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """GSM full rate, 13 kb/s at 8 kHz, through libsndfile."""
    mono = librosa.to_mono(y)
    out = _through_soundfile(resample(mono, sr, 8_000), 8_000, "WAV", "GSM610", 0.0)
    return out, 8_000
