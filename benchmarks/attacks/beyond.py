"""What data sets, vocoders, editors and other people do to a voice, at fixed strengths."""

from __future__ import annotations

from benchmarks.attacks import (
    augmentation,
    codecs,
    denoisers,
    editing,
    filters,
    noise,
    resynthesis,
    timing,
    vocoders,
    warping,
)
from benchmarks.attacks._types import Effect, chain

__all__ = ["PIPELINE_TABLE", "RESYNTHESIS_TABLE", "SEVERAL_TABLE", "TIME_PITCH_TABLE"]

_BACKGROUND = noise.Background("report")

PIPELINE_TABLE: dict[str, tuple[str, Effect]] = {
    "denoise_gate": ("spectral gate, 60 %", filters.spectral_gate(0.6)),
    "denoise_wiener": ("decision-directed, 15 dB", filters.wiener(-15)),
    "mp3_32_opus_16": (
        "MP3 32 kb/s, then Opus 16 kb/s",
        chain(codecs.through("mp3", 32), codecs.opus(16)),
    ),
    "noise_10_denoise": (
        "white 10 dB, then Wiener 15 dB",
        chain(noise.coloured(10), filters.wiener(-15)),
    ),
    "webrtc": ("WebRTC noise suppression 2 and gain control", denoisers.webrtc(2, 3)),
    "speex_ns": ("SpeexDSP noise suppression", denoisers.speex),
    "rnnoise": ("RNNoise", denoisers.rnnoise),
    "dtln": ("DTLN", denoisers.dtln),
    "deepfilternet": ("DeepFilterNet 3", denoisers.deepfilternet),
    "noisereduce": ("noisereduce, 60 %", denoisers.noisereduce(0.6)),
    "noise_10_dtln": ("white 10 dB, then DTLN", chain(noise.coloured(10), denoisers.dtln)),
    "silence_removed": ("silence cut out", editing.remove_silence()),
    "shuffled_cuts": ("silence out, pieces of 2 to 10 s shuffled", editing.shuffle_cuts()),
    "spec_masks": ("masks in time and frequency, 15 %", editing.spectrum_masks(0.15)),
    "call": (
        "WebRTC processing, then Opus 24 kb/s with 3 % lost",
        chain(denoisers.webrtc(2, 3), codecs.opus(24, loss=0.03)),
    ),
    "augmented": (
        "audiomentations: gain, noise, equaliser, band-pass, clipping, mask; each in 1 of 2",
        augmentation.augment(augmentation.CHAIN),
    ),
    "augmented_readme": (
        "audiomentations: noise, tempo ±25 %, ±4 semitones, shift; each in 1 of 2",
        augmentation.augment(augmentation.README_CHAIN),
    ),
}

RESYNTHESIS_TABLE: dict[str, tuple[str, Effect]] = {
    "griffin_lim_mel80": ("80 mels, 32 rounds, 16 kHz", resynthesis.griffin_lim_mel),
    "world": ("WORLD vocoder, 16 kHz", resynthesis.world),
    "world_coded": ("WORLD, 40 coefficients of its envelope", vocoders.world_coded),
    "lpc": ("linear prediction of order 18, new excitation", vocoders.lpc),
    "hifigan": ("HiFi-GAN from 80 mels, 16 kHz", vocoders.hifigan),
    "vq_mel_2k": ("80 mels at 2 kb/s, Griffin-Lim", vocoders.vq_mel(2.0)),
    "vq_mel_4k": ("80 mels at 4 kb/s, Griffin-Lim", vocoders.vq_mel(4.0)),
    "codec2_3200": ("Codec 2, 3.2 kb/s, 8 kHz", vocoders.codec2("3200")),
}

TIME_PITCH_TABLE: dict[str, tuple[str, Effect]] = {
    "speed_+0.1": ("+0.1 %, pitch too", timing.speed(1.001)),
    "speed_+1": ("+1 %, pitch too; thorough search", timing.speed(1.01)),
    "tempo_+1": ("+1 %, pitch kept (WSOLA); thorough search", timing.tempo(1.01)),
    "wow": ("up to 0.3 %, slow", timing.wow),
    "drift_200ppm": ("a clock 200 ppm fast", timing.speed(1.0002)),
    "jitter_buffer": ("20 ms dropped or doubled every 4 s", warping.jitter_buffer(4.0)),
    "speed_+5": ("+5 %, pitch too", timing.speed(1.05)),
    "speed_-5": ("-5 %, pitch too", timing.speed(0.95)),
    "speed_+10": ("+10 %, pitch too", timing.speed(1.10)),
    "speed_-10": ("-10 %, pitch too", timing.speed(0.90)),
    "tempo_+5": ("+5 %, pitch kept (WSOLA)", timing.tempo(1.05)),
    "tempo_-10": ("-10 %, pitch kept (WSOLA)", timing.tempo(0.90)),
    "tempo_+10_rubberband": ("+10 %, Rubber Band", warping.rubberband(factor=1.1)),
    "tempo_-5_rubberband": ("-5 %, Rubber Band", warping.rubberband(factor=0.95)),
    "tempo_+10_vocoder": ("+10 %, phase vocoder of 128 ms", warping.phase_vocoder(1.1)),
    "pitch_+0.25": ("a quarter of a semitone, Rubber Band", warping.rubberband(semitones=0.25)),
    "pitch_-0.5": ("half a semitone down, Rubber Band", warping.rubberband(semitones=-0.5)),
    "pitch_+1": ("a semitone up, Rubber Band", warping.rubberband(semitones=1)),
    "pitch_-1": ("a semitone down, WSOLA", warping.pitch(-1)),
    "pitch_+2": ("two semitones up, Rubber Band", warping.rubberband(semitones=2)),
    "pitch_-2": ("two semitones down, WSOLA", warping.pitch(-2)),
}

SEVERAL_TABLE: dict[str, tuple[str, Effect]] = {
    "talker_0": ("one unmarked talker, 0 dB", noise.babble(0, _BACKGROUND, n_talkers=1)),
    "talker_-5": ("one unmarked talker, 5 dB louder", noise.babble(-5, _BACKGROUND, n_talkers=1)),
    "talkers_2_0": ("two unmarked talkers, 0 dB", noise.babble(0, _BACKGROUND, n_talkers=2)),
    "music_10": ("music bed, 10 dB", noise.music(10, _BACKGROUND)),
    "music_0": ("music bed, 0 dB", noise.music(0, _BACKGROUND)),
}
