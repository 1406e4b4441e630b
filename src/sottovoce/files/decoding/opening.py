"""`find_parts`: choose the decoder of a file by what is in it.

Each family of formats has the decoder that was right on every case of `benchmarks/whole.py`
(docs/decisions.md): our own walk for uncompressed samples, libsndfile for FLAC, Vorbis and Opus
with headers that were checked before, FFmpeg for MPEG audio frame by frame and for containers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding import iff
from sottovoce.files.decoding.adts import walk_adts
from sottovoce.files.decoding.containers import container_parts, open_stream
from sottovoce.files.decoding.decoder import Chain, Decoder, Part
from sottovoce.files.decoding.flac import walk_flac
from sottovoce.files.decoding.flac_decoder import open_flac
from sottovoce.files.decoding.layout import lay_out, unreadable
from sottovoce.files.decoding.matroska import count_missing
from sottovoce.files.decoding.mpeg_decoder import mpeg_parts
from sottovoce.files.decoding.ogg_decoder import ogg_parts
from sottovoce.files.decoding.pcm_decoder import PcmDecoder
from sottovoce.files.decoding.raw import Raw, Spliced
from sottovoce.files.decoding.riff import Wave, walk_riff
from sottovoce.files.decoding.sndfile import SoundFileDecoder
from sottovoce.files.pcm import PcmLayout, format_of_subtype, is_uncompressed
from sottovoce.files.sniffing import HEAD_BYTES, kind_of, skip_id3

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.files.reading import AudioInfo

__all__ = ["find_layouts", "find_parts", "is_copied"]

_MPEG_TAGS = {0x50, 0x55}
_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpa", ".mpga")
_MOST_LINKS = 1000
_WALKS = {
    "aiff": iff.walk_aiff,
    "caf": iff.walk_caf,
    "w64": iff.walk_w64,
    "au": iff.walk_au,
    "sphere": iff.walk_sphere,
}


def find_parts(raw: Raw) -> list[Part]:
    """Return what a file consists of: tracks, or joined streams of different rates; mostly one.

    Parameters
    ----------
    raw : Raw
        The file.

    Returns
    -------
    parts : list of Part
        At least one.

    Raises
    ------
    UnreadableAudioError
        If it holds no sound that can be read.
    MissingExtraError
        If it needs PyAV, and that is not installed.
    """
    head = raw.head(HEAD_BYTES)
    start = skip_id3(head)
    if start:
        with raw.open() as file:
            file.seek(start)
            head = file.read(HEAD_BYTES)
    kind = kind_of(head)
    if kind == "riff":
        return _riff_parts(raw, start)
    if kind in _WALKS:
        return _iff_parts(raw, kind, start)
    if kind == "flac":
        return _flac_parts(raw)
    if kind == "ogg":
        return ogg_parts(raw)
    if kind == "adts":
        return _adts_parts(raw, start)
    if kind == "matroska":
        with raw.open() as file:
            n_missing = count_missing(file, end=raw.n_bytes)
        missing = f"{n_missing:,} bytes of it are not there" if n_missing else ""
        return container_parts(raw, missing=missing)
    if kind in ("mp4", "ffmpeg"):
        return container_parts(raw)
    if kind == "sndfile":
        return [Part("", lambda: SoundFileDecoder(raw.for_libsndfile(), path=raw.path))]
    # Where junk fills the first kilobytes only the name tells what to look for behind it.
    is_named = raw.path.lower().endswith(_MPEG_SUFFIXES)
    if kind == "mpeg" or start or is_named:
        return mpeg_parts(raw)
    raise unreadable(raw.path)


def find_layouts(raw: Raw) -> PcmLayout | None:
    """Return where the samples of an uncompressed file are; None for any other.

    Raises
    ------
    UnreadableAudioError
        If it is damaged.
    """
    head = raw.head(HEAD_BYTES)
    start = skip_id3(head)
    with raw.open() as file:
        file.seek(start)
        kind = kind_of(file.read(HEAD_BYTES))
        if kind in _WALKS:
            return _WALKS[kind](file, start=start, end=raw.n_bytes, path=raw.path)
    if kind != "riff":
        return None
    layouts = [_wave_layout(wave) for wave in _walk_waves(raw, start)]
    known = [layout for layout in layouts if layout is not None]
    return _join(known) if len(known) == len(layouts) else None


def is_copied(info: AudioInfo) -> bool:
    """Return whether the marked file is a copy of the original with other samples in it.

    So are uncompressed files, unless a part is missing: their header would promise the rest.
    """
    if not is_uncompressed(info):
        return False
    try:
        layout = find_layouts(Raw(info.path))
    except UnreadableAudioError:
        return True  # whoever reads it will say so
    return layout is not None and not layout.n_missing


def _riff_parts(raw: Raw, start: int) -> list[Part]:
    waves = _walk_waves(raw, start)
    layouts = [_wave_layout(wave) for wave in waves]
    known = [layout for layout in layouts if layout is not None]
    joined = _join(known) if len(known) == len(layouts) else None
    if joined is not None:
        return [Part("", functools.partial(PcmDecoder, raw, joined))]
    opens: list[Callable[[], Decoder]] = []
    for wave, layout in zip(waves, layouts, strict=True):
        opens += _wave_openers(raw, wave, layout)
    if len(opens) == 1:
        return [Part("", opens[0])]
    return [Part(f"file {n} of {len(opens)}", one) for n, one in enumerate(opens, start=1)]


def _walk_waves(raw: Raw, start: int) -> list[Wave]:
    waves: list[Wave] = []
    end = raw.n_bytes
    with raw.open() as file:
        while start + 44 <= end and len(waves) < _MOST_LINKS:
            if waves:
                file.seek(start)
                head = file.read(12)
                if head[8:12] != b"WAVE":
                    break
            waves.append(walk_riff(file, start=start, end=end, path=raw.path))
            start = max(waves[-1].end, start + 12)
    if not waves:
        raise UnreadableAudioError(
            "holds no audio", path=raw.path, remedy="Get a complete copy of the file."
        )
    return waves


def _wave_layout(wave: Wave) -> PcmLayout | None:
    subtype = wave.subtype
    samples = format_of_subtype(subtype, big_endian=wave.order == "big")
    if samples is None or wave.number(2, 2) == 0:
        return None
    return lay_out(
        wave.extent,
        file_format=wave.file_format,
        subtype=subtype,
        samples=samples,
        sr=wave.number(4, 4),
        n_channels=wave.number(2, 2),
    )


def _join(layouts: list[PcmLayout]) -> PcmLayout | None:
    first = layouts[0]
    if len(layouts) == 1:
        return first
    if len({(layout.sr, layout.n_channels) for layout in layouts}) > 1:
        return None
    notes = [note for layout in layouts for note in layout.notes]
    return PcmLayout(
        format=first.format,
        subtype=first.subtype,
        sr=first.sr,
        n_channels=first.n_channels,
        spans=tuple(span for layout in layouts for span in layout.spans),
        notes=(f"is {len(layouts)} files joined into one; all of them were read", *notes),
        n_missing=layouts[-1].n_missing,
    )


def _wave_openers(raw: Raw, wave: Wave, layout: PcmLayout | None) -> list[Callable[[], Decoder]]:
    if layout is not None:
        return [functools.partial(PcmDecoder, raw, layout)]
    if wave.tag in _MPEG_TAGS:
        extent = wave.extent
        parts = mpeg_parts(raw, start=extent.offset, end=extent.stop, file_format="WAV")
        return [part.open for part in parts]
    return [functools.partial(_open_coded, raw, wave)]


def _open_coded(raw: Raw, wave: Wave) -> SoundFileDecoder:
    """Open ADPCM, GSM and the like behind a header that tells the truth."""
    extent = wave.extent
    fmt = wave.fmt + bytes(len(wave.fmt) & 1)
    body = b"fmt " + len(wave.fmt).to_bytes(4, wave.order) + fmt
    body += b"data" + extent.n_bytes.to_bytes(4, wave.order)
    size = 4 + len(body) + extent.n_bytes
    form = b"RIFX" if wave.order == "big" else b"RIFF"
    head = form + size.to_bytes(4, wave.order) + b"WAVE" + body
    file = Spliced(raw.open(), [head, (extent.offset, extent.stop)])
    missing = ""
    if extent.n_missing:
        missing = f"{extent.n_missing:,} bytes of its samples are not there"
    return SoundFileDecoder(file, path=raw.path, missing=missing)  # type: ignore[arg-type]


def _iff_parts(raw: Raw, kind: str, start: int) -> list[Part]:
    with raw.open() as file:
        layout = _WALKS[kind](file, start=start, end=raw.n_bytes, path=raw.path)
    if layout is not None:
        return [Part("", functools.partial(PcmDecoder, raw, layout))]

    def open_coded() -> Decoder:
        return SoundFileDecoder(raw.for_libsndfile(), path=raw.path)

    return [Part("", open_coded)]


def _adts_parts(raw: Raw, start: int) -> list[Part]:
    with raw.open() as file:
        runs = walk_adts(file, start=start, end=raw.n_bytes)
    if len(runs) < 2:
        return container_parts(raw)

    def open_run(run: tuple[int, int]) -> Decoder:
        return open_stream(raw, 0, file=Spliced(raw.open(), [run]))  # type: ignore[arg-type]

    return [
        Part(f"file {n} of {len(runs)}", functools.partial(open_run, run))
        for n, run in enumerate(runs, start=1)
    ]


def _flac_parts(raw: Raw) -> list[Part]:
    with raw.open() as file:
        streams = walk_flac(file, end=raw.n_bytes)
    if not streams:
        raise unreadable(raw.path)
    is_only = len(streams) == 1
    opens = [functools.partial(open_flac, raw, one, is_only=is_only) for one in streams]
    if is_only:
        return [Part("", opens[0])]
    if len({(one.sr, one.n_channels) for one in streams}) == 1:
        return [Part("", functools.partial(Chain, opens))]
    return [Part(f"file {n} of {len(opens)}", one) for n, one in enumerate(opens, start=1)]
