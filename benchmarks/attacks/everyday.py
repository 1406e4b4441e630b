"""Everyday handling: codecs, levels, filters, rooms and noise, at fixed strengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.attacks import codecs, editing, filters, noise, rooms, timing, vocoders
from benchmarks.attacks._types import Audio, Effect, chain

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EVERYDAY_TABLE"]

_BACKGROUND = noise.Background("report")


def _none(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Leave the audio alone."""
    return y, sr


# Each name with its strength in words, and what it does.
EVERYDAY_TABLE: dict[str, tuple[str, Effect]] = {
    "none": ("nothing", _none),
    "mp3_64": ("LAME MP3, 64 kb/s", codecs.through("mp3", 64)),
    "mp3_32": ("LAME MP3, 32 kb/s", codecs.through("mp3", 32)),
    "aac_48": ("FFmpeg AAC-LC, 48 kb/s", codecs.through("aac", 48)),
    "aac_32": ("FFmpeg AAC-LC, 32 kb/s", codecs.through("aac", 32)),
    "opus_24": ("Opus voip, 24 kb/s", codecs.opus(24)),
    "opus_16": ("Opus voip, 16 kb/s", codecs.opus(16)),
    "opus_8": ("Opus voip, 8 kb/s", codecs.opus(8)),
    "opus_16_loss5": ("Opus 16 kb/s, 5 % of packets lost", codecs.opus(16, loss=0.05)),
    "vorbis": ("Ogg Vorbis, smallest quality", codecs.vorbis),
    "g711_mulaw": ("G.711 mu-law, 8 kHz", codecs.through("mulaw")),
    "g722": ("G.722, 64 kb/s", codecs.through("g722")),
    "g726": ("G.726, 32 kb/s, 8 kHz", codecs.through("g726", 32)),
    "gsm": ("GSM full rate, 13 kb/s, 8 kHz", codecs.gsm),
    "amr_12": ("AMR-NB, 12.2 kb/s, 8 kHz", codecs.through("amr", 12.2)),
    "amr_5": ("AMR-NB, 4.75 kb/s, 8 kHz", codecs.through("amr", 4.75)),
    "sbc": ("SBC (Bluetooth), 128 kb/s", codecs.through("sbc", 128)),
    "resample_8k": ("8 kHz", timing.to_rate(8_000)),
    "resample_22k": ("22.05 kHz", timing.to_rate(22_050)),
    "crop_front_3.3s": ("first 3.3 s lost", timing.cut_front(3.3)),
    "gain_-20": ("-20 dB", filters.gain(-20)),
    "gain_+12": ("+12 dB, hard clipped", filters.gain(12)),
    "requant_16": ("16 bits, no dither", filters.requantise(16)),
    "requant_12": ("12 bits, no dither", filters.requantise(12)),
    "requant_8": ("8 bits, no dither", filters.requantise(8)),
    "downmix": ("mean of the channels", filters.downmix),
    "polarity": ("turned over", filters.polarity),
    "noise_white_20": ("white, 20 dB", noise.coloured(20)),
    "noise_white_10": ("white, 10 dB", noise.coloured(10)),
    "noise_white_5": ("white, 5 dB", noise.coloured(5)),
    "noise_white_0": ("white, 0 dB", noise.coloured(0)),
    "noise_pink_10": ("pink, 10 dB", noise.coloured(10, tilt=1)),
    "noise_real_10": (
        "street, rain, dishes, 10 dB",
        noise.recorded_noise(10, _BACKGROUND),
    ),
    "babble_10": ("five other talkers, 10 dB", noise.babble(10, _BACKGROUND)),
    "room_0.3": ("RT 0.3 s, DRR 4 dB", rooms.reverberation(0.3, 4)),
    "room_0.6": ("RT 0.6 s, DRR 0 dB", rooms.reverberation(0.6, 0)),
    "highpass_500": ("500 Hz, 4th order", filters.pass_band(500, None)),
    "lowpass_3500": ("3.5 kHz, 4th order", filters.pass_band(None, 3_500)),
    "telephone": ("300 to 3400 Hz", filters.pass_band(300, 3_400)),
    "eq_6": ("five octaves, up to 6 dB each", filters.equaliser(6.0)),
    "compressor": ("3:1", filters.compressor(3.0)),
    "opus_32": ("Opus voip, 32 kb/s", codecs.opus(32)),
    "opus_12": ("Opus voip, 12 kb/s", codecs.opus(12)),
    "opus_16_loss10": ("Opus 16 kb/s, 10 % of packets lost", codecs.opus(16, loss=0.10)),
    "speex": ("Speex wide band, quality 6", vocoders.speex_codec(6)),
    "alaw": ("G.711 A-law, 8 kHz", codecs.through("alaw")),
    "resample_16k": ("16 kHz", timing.to_rate(16_000)),
    "resample_24k": ("24 kHz", timing.to_rate(24_000)),
    "limiter": ("20:1 over -20 dBFS, then +8 dB", chain(filters.compressor(20.0), filters.gain(8))),
    "loudness": ("to -16 LUFS, clipped", filters.loudness(-16.0)),
    "cut_middle_1s": ("1 s cut out of the middle", editing.cut_middle(1.0)),
    "shoebox_0.3_1m": ("image method, RT 0.3 s, 1 m", rooms.shoebox(0.3, 1.0)),
    "shoebox_0.6_2m": ("image method, RT 0.6 s, 2 m", rooms.shoebox(0.6, 2.0)),
    "rerecorded": (
        "loudspeaker, room RT 0.3 s, noise 25 dB, 3:1",
        chain(
            filters.pass_band(180, 9_000),
            rooms.reverberation(0.3, 4),
            noise.coloured(25, tilt=1),
            filters.compressor(3.0),
        ),
    ),
    "noise_pink_20": ("pink, 20 dB", noise.coloured(20, tilt=1)),
    "noise_pink_5": ("pink, 5 dB", noise.coloured(5, tilt=1)),
    "noise_pink_0": ("pink, 0 dB", noise.coloured(0, tilt=1)),
    "noise_real_20": ("street, rain, dishes, 20 dB", noise.recorded_noise(20, _BACKGROUND)),
    "babble_20": ("five other talkers, 20 dB", noise.babble(20, _BACKGROUND)),
    "babble_5": ("five other talkers, 5 dB", noise.babble(5, _BACKGROUND)),
    "babble_0": ("five other talkers, 0 dB", noise.babble(0, _BACKGROUND)),
}
