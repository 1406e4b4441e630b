"""The attacks of the figures: fixed names, fixed strengths, backgrounds of the report half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.attacks import codecs, filters, noise, resynthesis, rooms, timing
from benchmarks.attacks._types import Attack, Audio, Effect

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ATTACKS", "EVERYDAY"]

_BACKGROUND = noise.Background("report")


def _none(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
    """Leave the audio alone."""
    return y, sr


def _chain(*effects: Effect) -> Effect:
    """Return effects one after the other."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        for each in effects:
            y, sr = each(y, sr, rng)
        return y, sr

    return effect


# Each name with its group, its strength in words, and what it does.
_TABLE: dict[str, tuple[str, str, Effect]] = {
    "none": ("channel", "nothing", _none),
    "mp3_64": ("channel", "LAME MP3, 64 kb/s", codecs.through("mp3", 64)),
    "mp3_32": ("channel", "LAME MP3, 32 kb/s", codecs.through("mp3", 32)),
    "aac_48": ("channel", "FFmpeg AAC-LC, 48 kb/s", codecs.through("aac", 48)),
    "aac_32": ("channel", "FFmpeg AAC-LC, 32 kb/s", codecs.through("aac", 32)),
    "opus_24": ("channel", "Opus voip, 24 kb/s", codecs.opus(24)),
    "opus_16": ("channel", "Opus voip, 16 kb/s", codecs.opus(16)),
    "opus_8": ("channel", "Opus voip, 8 kb/s", codecs.opus(8)),
    "opus_16_loss5": ("channel", "Opus 16 kb/s, 5 % of packets lost", codecs.opus(16, loss=0.05)),
    "vorbis": ("channel", "Ogg Vorbis, smallest quality", codecs.vorbis),
    "g711_mulaw": ("channel", "G.711 mu-law, 8 kHz", codecs.through("mulaw")),
    "g722": ("channel", "G.722, 64 kb/s", codecs.through("g722")),
    "g726": ("channel", "G.726, 32 kb/s, 8 kHz", codecs.through("g726", 32)),
    "gsm": ("channel", "GSM full rate, 13 kb/s, 8 kHz", codecs.gsm),
    "amr_12": ("channel", "AMR-NB, 12.2 kb/s, 8 kHz", codecs.through("amr", 12.2)),
    "amr_5": ("channel", "AMR-NB, 4.75 kb/s, 8 kHz", codecs.through("amr", 4.75)),
    "sbc": ("channel", "SBC (Bluetooth), 128 kb/s", codecs.through("sbc", 128)),
    "resample_8k": ("channel", "8 kHz", timing.to_rate(8_000)),
    "resample_22k": ("channel", "22.05 kHz", timing.to_rate(22_050)),
    "crop_front_3.3s": ("timing", "first 3.3 s lost", timing.cut_front(3.3)),
    "gain_-20": ("channel", "-20 dB", filters.gain(-20)),
    "gain_+12": ("channel", "+12 dB, hard clipped", filters.gain(12)),
    "requant_16": ("channel", "16 bits, no dither", filters.requantise(16)),
    "requant_12": ("channel", "12 bits, no dither", filters.requantise(12)),
    "requant_8": ("channel", "8 bits, no dither", filters.requantise(8)),
    "downmix": ("channel", "mean of the channels", filters.downmix),
    "polarity": ("channel", "turned over", filters.polarity),
    "noise_white_20": ("noise", "white, 20 dB", noise.coloured(20)),
    "noise_white_10": ("noise", "white, 10 dB", noise.coloured(10)),
    "noise_white_5": ("noise", "white, 5 dB", noise.coloured(5)),
    "noise_white_0": ("noise", "white, 0 dB", noise.coloured(0)),
    "noise_pink_10": ("noise", "pink, 10 dB", noise.coloured(10, tilt=1)),
    "noise_real_10": (
        "noise",
        "street, rain, dishes, 10 dB",
        noise.recorded_noise(10, _BACKGROUND),
    ),
    "babble_10": ("noise", "five other talkers, 10 dB", noise.babble(10, _BACKGROUND)),
    "music_10": ("noise", "music bed, 10 dB", noise.music(10, _BACKGROUND)),
    "room_0.3": ("room", "RT 0.3 s, DRR 4 dB", rooms.reverberation(0.3, 4)),
    "room_0.6": ("room", "RT 0.6 s, DRR 0 dB", rooms.reverberation(0.6, 0)),
    "highpass_500": ("filter", "500 Hz, 4th order", filters.pass_band(500, None)),
    "lowpass_3500": ("filter", "3.5 kHz, 4th order", filters.pass_band(None, 3_500)),
    "telephone": ("filter", "300 to 3400 Hz", filters.pass_band(300, 3_400)),
    "eq_6": ("filter", "five octaves, up to 6 dB each", filters.equaliser(6.0)),
    "compressor": ("filter", "3:1", filters.compressor(3.0)),
    "denoise_gate": ("filter", "spectral gate, 60 %", filters.spectral_gate(0.6)),
    "denoise_wiener": ("filter", "decision-directed, 15 dB", filters.wiener(-15)),
    "speed_+0.1": ("timing", "+0.1 %, pitch too", timing.speed(1.001)),
    "speed_+1": ("timing", "+1 %, pitch too; thorough search", timing.speed(1.01)),
    "tempo_+1": ("timing", "+1 %, pitch kept (WSOLA); thorough search", timing.tempo(1.01)),
    "wow": ("timing", "up to 0.3 %, slow", timing.wow),
    "griffin_lim_mel80": ("resynthesis", "80 mels, 32 rounds, 16 kHz", resynthesis.griffin_lim_mel),
    "mp3_32_opus_16": (
        "channel",
        "MP3 32 kb/s, then Opus 16 kb/s",
        _chain(codecs.through("mp3", 32), codecs.opus(16)),
    ),
    "noise_10_denoise": (
        "filter",
        "white 10 dB, then Wiener 15 dB",
        _chain(noise.coloured(10), filters.wiener(-15)),
    ),
}
if resynthesis.has_world():
    _TABLE["world"] = ("resynthesis", "WORLD vocoder, 16 kHz", resynthesis.world)

# Seconds that an attack may take away.
_LOSES_S = {"crop_front_3.3s": 3.3, "speed_+0.1": 0.05, "speed_+1": 0.15, "tempo_+1": 0.25}

ATTACKS = {
    name: Attack(
        name=name,
        group=group,
        strength=strength,
        apply=effect,
        loses_s=_LOSES_S.get(name, 0.0),
        stereo=name == "downmix",
        stretches=name in ("speed_+1", "tempo_+1"),
    )
    for name, (group, strength, effect) in _TABLE.items()
}

# What the presence figure promises: everyday handling at its usual strengths.
EVERYDAY = (
    "none",
    "mp3_64",
    "mp3_32",
    "aac_48",
    "opus_24",
    "opus_16",
    "g711_mulaw",
    "resample_8k",
    "resample_22k",
    "crop_front_3.3s",
    "gain_-20",
    "gain_+12",
    "requant_16",
    "downmix",
)
