"""Sound files as programs write them when nothing goes wrong, of every format that is read."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

from benchmarks.whole_files import scan
from benchmarks.whole_files.sound import SECONDS, TITLE, Made, Part, Refusal, Workshop, ffmpeg, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["RECIPES", "amr", "chunk", "encode", "lame", "made", "ogg", "wave", "wave_format"]

_EXACT = {  # name: format, subtype, byte order, rate, channels
    "wav_u8.wav": ("WAV", "PCM_U8", "FILE", 48_000, 1),
    "wav_16.wav": ("WAV", "PCM_16", "FILE", 44_100, 2),
    "wav_24.wav": ("WAV", "PCM_24", "FILE", 48_000, 2),
    "wav_32.wav": ("WAV", "PCM_32", "FILE", 96_000, 1),
    "wav_float.wav": ("WAV", "FLOAT", "FILE", 48_000, 1),
    "wav_double.wav": ("WAV", "DOUBLE", "FILE", 48_000, 1),
    "wav_6_channels.wav": ("WAVEX", "PCM_16", "FILE", 48_000, 6),
    "wav_8_channels.wav": ("WAVEX", "PCM_24", "FILE", 48_000, 8),
    "wav_8_khz.wav": ("WAV", "PCM_16", "FILE", 8_000, 1),
    "wav_16_khz.wav": ("WAV", "PCM_16", "FILE", 16_000, 1),
    "wav_22_khz.wav": ("WAV", "PCM_16", "FILE", 22_050, 2),
    "rf64.wav": ("RF64", "PCM_24", "FILE", 48_000, 2),
    "rifx.wav": ("WAV", "PCM_16", "BIG", 48_000, 1),
    "w64.w64": ("W64", "PCM_24", "FILE", 48_000, 2),
    "aiff_16.aiff": ("AIFF", "PCM_16", "FILE", 44_100, 2),
    "aiff_24.aif": ("AIFF", "PCM_24", "FILE", 48_000, 1),
    "aifc_sowt.aifc": ("AIFF", "PCM_16", "LITTLE", 48_000, 1),
    "aifc_fl32.aifc": ("AIFF", "FLOAT", "FILE", 48_000, 2),
    "caf_16.caf": ("CAF", "PCM_16", "FILE", 48_000, 1),
    "caf_24_6.caf": ("CAF", "PCM_24", "FILE", 48_000, 6),
    "caf_float.caf": ("CAF", "FLOAT", "FILE", 44_100, 2),
    "caf_alac.caf": ("CAF", "ALAC_16", "FILE", 44_100, 2),
    "au_16.au": ("AU", "PCM_16", "FILE", 44_100, 2),
    "au_ulaw.au": ("AU", "ULAW", "FILE", 8_000, 1),
    "wav_ulaw.wav": ("WAV", "ULAW", "FILE", 8_000, 1),
    "wav_alaw.wav": ("WAV", "ALAW", "FILE", 8_000, 2),
    "flac_16.flac": ("FLAC", "PCM_16", "FILE", 44_100, 2),
    "flac_24_8.flac": ("FLAC", "PCM_24", "FILE", 48_000, 8),
    "flac_8_khz.flac": ("FLAC", "PCM_16", "FILE", 8_000, 1),
}
_BLOCKS = {  # name: subtype, rate, samples of a block at most
    "wav_ima.wav": ("IMA_ADPCM", 44_100, 2 * 2041),
    "wav_ms.wav": ("MS_ADPCM", 22_050, 2036),
    "wav_gsm.wav": ("GSM610", 8_000, 320),
}
_LAME = {  # name: rate, channels, options, whether a header says the delay
    "mp3_cbr.mp3": (44_100, 2, "-b 128", True),
    "mp3_mono.mp3": (48_000, 1, "-b 64", True),
    "mp3_vbr.mp3": (44_100, 2, "-V 4", True),
    "mp3_abr.mp3": (48_000, 2, "--abr 112", True),
    "mp3_16_khz.mp3": (16_000, 1, "-b 48", True),
    "mp3_8_khz.mp3": (8_000, 1, "-b 24", True),
    "mp3_crc.mp3": (44_100, 1, "-b 96 -p", True),
    "mp3_cbr_no_xing.mp3": (44_100, 2, "-b 128 -t", False),
    "mp3_vbr_no_xing.mp3": (48_000, 1, "-V 4 -t", False),
    "mp3_22_khz_no_xing.mp3": (22_050, 1, "-b 32 -t", False),
}
_FFMPEG = {  # name: form, rate, channels, options, packets in samples, refusal
    "m4a.m4a": ("M4A", 44_100, 2, "-c:a aac -b:a 128k", 0, "never"),
    "m4a_mono.m4a": ("M4A", 48_000, 1, "-c:a aac -b:a 96k", 0, "never"),
    "m4a_6.m4a": ("M4A", 48_000, 6, "-c:a aac -b:a 384k", 0, "never"),
    "m4a_faststart.m4a": ("M4A", 16_000, 1, "-c:a aac -movflags +faststart", 0, "never"),
    "audiobook.m4b": ("M4A", 44_100, 1, "-c:a aac -f ipod", 0, "never"),
    "mp4_aac.mp4": ("MP4", 48_000, 2, "-c:a aac", 0, "never"),
    "mp4_flac.mp4": ("MP4", 48_000, 2, "-c:a flac -strict -2", 0, "never"),
    "mp4_mp3.mp4": ("MP4", 44_100, 2, "-c:a libmp3lame", 1152, "never"),
    "mov_aac.mov": ("MOV", 48_000, 1, "-c:a aac", 0, "never"),
    "mov_pcm.mov": ("MOV", 48_000, 2, "-c:a pcm_s16le", 0, "never"),
    "alac.m4a": ("ALAC", 44_100, 2, "-c:a alac", 0, "never"),
    "alac_24.m4a": ("ALAC", 48_000, 1, "-c:a alac -sample_fmt s32p", 0, "never"),
    "mka_aac.mka": ("MKA", 48_000, 2, "-c:a aac", 2 * 1024, "never"),
    "mka_flac.mka": ("MKA", 48_000, 1, "-c:a flac", 0, "never"),
    "mka_vorbis.mka": ("MKA", 48_000, 2, "-c:a libvorbis", 2048, "never"),
    "mka_opus.mka": ("MKA", 48_000, 2, "-c:a libopus", 0, "never"),
    "mka_pcm.mka": ("MKA", 44_100, 2, "-c:a pcm_s16le", 0, "never"),
    "mka_mp3.mka": ("MKA", 44_100, 2, "-c:a libmp3lame", 1152, "never"),
    "webm_opus.webm": ("WebM", 48_000, 1, "-c:a libopus -b:a 48k", 0, "never"),
    "webm_vorbis.webm": ("WebM", 44_100, 2, "-c:a libvorbis", 2048, "never"),
    "wma.wma": ("WMA", 44_100, 2, "-c:a wmav2 -b:a 128k", 4096, "unwritable"),
    "wma_mono.wma": ("WMA", 16_000, 1, "-c:a wmav2 -b:a 32k", 4096, "unwritable"),
    "wavpack_ffmpeg.wv": ("WavPack", 48_000, 2, "-c:a wavpack", 0, "unwritable"),
    "tta.tta": ("TTA", 44_100, 2, "-c:a tta", 0, "unwritable"),
    "mp3_in_wav.wav": ("MP3 in WAV", 44_100, 2, "-c:a libmp3lame -b:a 128k", 2304, "unwritable"),
    "flac_in_ogg.oga": ("Ogg FLAC", 48_000, 1, "-c:a flac -f ogg", 0, "unwritable"),
    "flac_in_ogg_44.oga": ("Ogg FLAC", 44_100, 2, "-c:a flac -f ogg", 0, "unwritable"),
    "speex.spx": ("Speex", 16_000, 1, "-c:a libspeex", 640, "unwritable"),
    "speex_8_khz.spx": ("Speex", 8_000, 1, "-c:a libspeex", 320, "unwritable"),
    "vorbis_6.ogg": ("Vorbis", 48_000, 6, "-c:a libvorbis", 0, "never"),
    "opus_6.opus": ("Opus", 48_000, 6, "-c:a libopus -mapping_family 1", 0, "never"),
    "opus_8.opus": ("Opus", 48_000, 8, "-c:a libopus -mapping_family 1", 0, "never"),
}
_STREAMS = {  # name: form, rate, channels, options, walk, refusal
    "adts.aac": ("ADTS", 44_100, 2, "-c:a aac", scan.adts_frames, "never"),
    "adts_mono.aac": ("ADTS", 16_000, 1, "-c:a aac -b:a 48k", scan.adts_frames, "never"),
    "mp2.mp2": ("MP2", 48_000, 2, "-c:a mp2 -b:a 192k", scan.mpeg_frames, "unwritable"),
    "mp2_mono.mp2": ("MP2", 44_100, 1, "-c:a mp2 -b:a 96k", scan.mpeg_frames, "unwritable"),
    "ac3.ac3": ("AC-3", 48_000, 2, "-c:a ac3 -b:a 192k", scan.ac3_frames, "unwritable"),
    "ac3_6.ac3": ("AC-3", 48_000, 6, "-c:a ac3 -b:a 448k", scan.ac3_frames, "unwritable"),
}


def made(
    ws: Workshop,
    kind: str,
    form: str,
    n: int,
    *,
    sr: int = 48_000,
    channels: int = 1,
    tolerance: int = 0,
    refusal: Refusal = "never",
    is_more: bool = False,
    n_marks: int = 1,
) -> Made:
    """Return what a file of one part is."""
    part = Part(sr=sr, n_channels=channels, n_samples=n)
    return Made(
        path=ws.path,
        kind=kind,
        form=form,
        parts=(part,),
        tolerance=tolerance,
        refusal=refusal,
        is_more=is_more,
        n_marks=n_marks,
    )


def chunk(ident: bytes, body: bytes, size: int | None = None, *, pad: bool = True) -> bytes:
    """Return a chunk of RIFF, with a size that need not be true."""
    declared = len(body) if size is None else size
    return ident + struct.pack("<I", declared) + body + (b"\0" if pad and len(body) % 2 else b"")


def wave_format(sr: int, channels: int = 1, bits: int = 16, tag: int = 1) -> bytes:
    """Return the chunk that says how samples are stored."""
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, sr, sr * frame, frame, bits))


def wave(*parts: bytes, size: int | None = None, form: bytes = b"RIFF") -> bytes:
    """Return a WAV of chunks, with a size that need not be true."""
    body = b"WAVE" + b"".join(parts)
    return form + struct.pack("<I", len(body) if size is None else size) + body


def encode(
    ws: Workshop,
    options: str,
    *,
    sr: int,
    channels: int = 1,
    number: int = 0,
    to: Path | None = None,
) -> Path:
    """Encode a take with ffmpeg."""
    path = to or ws.path
    bits = 32 if "s32" in options else 16
    own = ("-fflags", "+bitexact", "-metadata", f"title={TITLE}")
    ffmpeg("-i", ws.wav(sr, channels, bits=bits, number=number), *options.split(), *own, path)
    return path


def lame(ws: Workshop, options: str, *, sr: int, channels: int = 1, number: int = 0) -> bytes:
    """Encode a take with LAME, without tags."""
    path = ws.scratch(".mp3")
    wav = ws.wav(sr, channels, number=number)
    run("lame", "--quiet", "--resample", sr / 1000, *options.split(), wav, path)
    return path.read_bytes()


def ogg(ws: Workshop, codec: str, *, sr: int = 48_000, channels: int = 1, number: int = 0) -> bytes:
    """Encode a take with the tools of Vorbis or Opus; each take has its serial number."""
    path = ws.scratch("." + codec)
    wav = ws.wav(sr, channels, number=number)
    if codec == "opus":
        run(
            "opusenc",
            "--quiet",
            "--serial",
            7 + number,
            "--bitrate",
            48,
            "--title",
            TITLE,
            wav,
            path,
        )
    else:
        run("oggenc", "-Q", "-s", 7 + number, "-q", 4, "-t", TITLE, "-o", path, wav)
    return path.read_bytes()


def amr(ws: Workshop, number: int = 0) -> bytes:
    """Encode a take as a phone does; no program of Debian's does, PyAV's FFmpeg does."""
    import av

    file = io.BytesIO()
    x = np.round(ws.take(8_000, number=number) * 32_767).astype(np.int16)
    with av.open(file, "w", format="amr") as out:
        stream = out.add_stream("libopencore_amrnb", rate=8_000, layout="mono")
        stream.bit_rate = 12_200  # type: ignore[attr-defined]
        for begin in range(0, x.shape[1], 160):
            frame = av.AudioFrame.from_ndarray(
                x[:, begin : begin + 160], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 8_000, begin
            out.mux(stream.encode(frame))  # type: ignore[attr-defined]
        out.mux(stream.encode(None))  # type: ignore[attr-defined]
    return file.getvalue()


def _exact(name: str) -> Callable[[Workshop], Made]:
    form, subtype, endian, sr, channels = _EXACT[name]

    def make(ws: Workshop) -> Made:
        y = ws.take(sr, channels).T
        with sf.SoundFile(ws.path, "w", sr, channels, subtype, endian, form) as file:
            if form in ("WAV", "AIFF", "FLAC", "CAF"):
                file.title = TITLE
            file.write(y)
        return made(ws, "format", form, sr * SECONDS, sr=sr, channels=channels)

    return make


def _blocks(name: str) -> Callable[[Workshop], Made]:
    subtype, sr, block = _BLOCKS[name]

    def make(ws: Workshop) -> Made:
        sf.write(ws.path, ws.take(sr).T, sr, subtype=subtype, format="WAV")
        return made(ws, "format", subtype, sr * SECONDS, sr=sr, tolerance=block)

    return make


def _lame(name: str) -> Callable[[Workshop], Made]:
    sr, channels, options, is_told = _LAME[name]

    def make(ws: Workshop) -> Made:
        data = lame(ws, options, sr=sr, channels=channels)
        ws.path.write_bytes(data)
        n = sr * SECONDS
        if is_told:
            return made(ws, "format", "MP3", n, sr=sr, channels=channels)
        packets = sum(frame[2] for frame in scan.mpeg_frames(data))
        return made(ws, "format", "MP3", packets, sr=sr, channels=channels, tolerance=packets - n)

    return make


def _ffmpeg(name: str) -> Callable[[Workshop], Made]:
    form, sr, channels, options, tolerance, refusal = _FFMPEG[name]

    def make(ws: Workshop) -> Made:
        encode(ws, options, sr=sr, channels=channels)
        return made(
            ws,
            "format",
            form,
            sr * SECONDS,
            sr=sr,
            channels=channels,
            tolerance=tolerance,
            refusal=refusal,  # type: ignore[arg-type]
        )

    return make


def _stream(name: str) -> Callable[[Workshop], Made]:
    form, sr, channels, options, walk, refusal = _STREAMS[name]

    def make(ws: Workshop) -> Made:
        data = encode(ws, options, sr=sr, channels=channels).read_bytes()
        n = sum(frame[2] for frame in walk(data))
        return made(
            ws,
            "format",
            form,
            n,
            sr=sr,
            channels=channels,
            tolerance=max(n - sr * SECONDS, 0),
            refusal=refusal,  # type: ignore[arg-type]
        )

    return make


def _ogg(codec: str, sr: int, channels: int) -> Callable[[Workshop], Made]:
    def make(ws: Workshop) -> Made:
        ws.path.write_bytes(ogg(ws, codec, sr=sr, channels=channels))
        out = 48_000 if codec == "opus" else sr
        return made(ws, "format", codec.title(), out * SECONDS, sr=out, channels=channels)

    return make


def _bw64(ws: Workshop) -> Made:
    pcm = ws.pcm()
    sizes = struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(pcm), len(pcm), len(pcm) // 2, 0)
    none = 0xFFFFFFFF
    parts = (chunk(b"ds64", sizes), wave_format(48_000), chunk(b"data", pcm, none))
    ws.path.write_bytes(wave(*parts, size=none, form=b"BW64"))
    return made(ws, "format", "BW64", 48_000 * SECONDS)


def _sphere(ws: Workshop) -> Made:
    n = 16_000 * SECONDS
    lines = f"channel_count -i 1\nsample_count -i {n}\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
    lines += "sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
    ws.path.write_bytes(f"NIST_1A\n   1024\n{lines}".encode().ljust(1024) + ws.pcm(16_000))
    return made(ws, "format", "SPH", n, sr=16_000, refusal="unwritable")


def _wavpack(ws: Workshop) -> Made:
    run("wavpack", "-q", "-y", ws.wav(44_100, 2), "-o", ws.path)
    n = 44_100 * SECONDS
    return made(ws, "format", "WavPack", n, sr=44_100, channels=2, refusal="unwritable")


def _amr(ws: Workshop) -> Made:
    data = amr(ws)
    form, path = "AMR", ws.path
    if ws.path.suffix == ".3gp":
        form, path = "3GP", ws.scratch(".amr")
    path.write_bytes(data)
    if form == "3GP":
        ffmpeg("-i", path, "-c", "copy", ws.path)
    n = sum(frame[2] for frame in scan.amr_frames(data))
    return made(ws, "format", form, n, sr=8_000, tolerance=320, refusal="unwritable")


def transport(ws: Workshop, codec: str, kind: str = "format") -> Made:
    """Make a transport stream of one sound."""
    encode(ws, f"-c:a {codec} -f mpegts", sr=48_000, channels=2)
    sound = scan.ts_payload(ws.path.read_bytes(), 0x100)
    walk = {"aac": scan.adts_frames, "mp2": scan.mpeg_frames, "ac3": scan.ac3_frames}[codec]
    n = sum(frame[2] for frame in walk(sound))
    return made(ws, kind, "TS", n, channels=2, tolerance=n - 48_000 * SECONDS, refusal="unwritable")


RECIPES: dict[str, Callable[[Workshop], Made]] = {
    **{name: _exact(name) for name in _EXACT},
    **{name: _blocks(name) for name in _BLOCKS},
    **{name: _lame(name) for name in _LAME},
    **{name: _ffmpeg(name) for name in _FFMPEG},
    **{name: _stream(name) for name in _STREAMS},
    "vorbis.ogg": _ogg("vorbis", 48_000, 1),
    "vorbis_44.ogg": _ogg("vorbis", 44_100, 2),
    "vorbis_8_khz.ogg": _ogg("vorbis", 8_000, 1),
    "opus.opus": _ogg("opus", 48_000, 1),
    "opus_stereo.opus": _ogg("opus", 48_000, 2),
    "opus_from_16_khz.opus": _ogg("opus", 16_000, 1),
    "bw64.wav": _bw64,
    "sphere.sph": _sphere,
    "wavpack.wv": _wavpack,
    "amr.amr": _amr,
    "phone.3gp": _amr,
    **{f"ts_{codec}.ts": (lambda ws, c=codec: transport(ws, c)) for codec in ("aac", "mp2", "ac3")},
}
