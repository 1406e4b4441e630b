"""`find_parts`: choose the decoder of a file by its content.

Each family of formats has the decoder that was right on every case of `benchmarks/files/whole.py`
(docs/decisions.md): our own walk for uncompressed samples, libsndfile for FLAC, Vorbis and Opus
with checked headers, FFmpeg for MPEG audio frame by frame and for containers.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING

from sottovoce.errors import MissingExtraError, NoSoundError, UnreadableAudioError
from sottovoce.files.decoding import iff, matroska, mpegts, older_containers
from sottovoce.files.decoding.adts import walk_adts
from sottovoce.files.decoding.boxes import has_index
from sottovoce.files.decoding.containers import StreamDecoder, container_parts
from sottovoce.files.decoding.decoder import Chain, Decoder, Part
from sottovoce.files.decoding.extent import Extent, begins_file
from sottovoce.files.decoding.flac import walk_flac
from sottovoce.files.decoding.flac_decoder import open_flac
from sottovoce.files.decoding.joins import find_joins
from sottovoce.files.decoding.layout import MOST_JOINED, lay_out, too_many, unreadable
from sottovoce.files.decoding.mpeg_decoder import mpeg_parts
from sottovoce.files.decoding.ogg_decoder import ogg_parts
from sottovoce.files.decoding.pcm_decoder import PcmDecoder
from sottovoce.files.decoding.raw import Raw, Spliced
from sottovoce.files.decoding.riff import Wave, walk_riff
from sottovoce.files.decoding.sndfile import SoundFileDecoder
from sottovoce.files.decoding.sniffing import HEAD_BYTES, kind_of, skip_id3
from sottovoce.files.pcm import PcmLayout, format_of_subtype, is_uncompressed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["find_layouts", "find_parts", "is_copied", "look_into"]

_MPEG_TAGS = {0x50, 0x55}
_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpa", ".mpga")
_OWN_JOINS = ("riff", "flac", "ogg", "adts", "mpeg", "")
_WALKS = {
    "aiff": iff.walk_aiff,
    "caf": iff.walk_caf,
    "w64": iff.walk_w64,
    "au": iff.walk_au,
    "sphere": iff.walk_sphere,
}


def find_parts(raw: Raw) -> list[Part]:
    """Return the parts of a file: tracks, or joined streams of different rates; usually one.

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
    NoSoundError
        If it is a complete film without a sound track.
    UnreadableAudioError
        If it contains no readable sound.
    MissingExtraError
        If it needs PyAV, which is not installed.
    """
    kind, starts = look_into(raw)
    if kind in _WALKS:
        return _iff_parts(raw, kind, starts)
    if len(starts) == 1:
        return _parts_of_one(raw, kind, starts[0])
    pieces = [raw.cut(*both) for both in itertools.pairwise([*starts, raw.n_bytes])]
    return _join_parts([_find_parts_of_piece(piece) for piece in pieces])


def _find_parts_of_piece(piece: Raw) -> list[Part]:
    """Return the parts of a file that was joined to others, which may have sound if it has none."""
    try:
        return find_parts(piece)
    except NoSoundError as err:
        raise UnreadableAudioError(
            "is several films joined into one, and one of them has no sound track",
            path=piece.path,
            remedy="Split it, and process each part separately.",
        ) from err


def _parts_of_one(raw: Raw, kind: str, start: int) -> list[Part]:
    if kind == "riff":
        return _riff_parts(raw, start)
    if kind == "flac":
        return _flac_parts(raw)
    if kind == "ogg":
        return ogg_parts(raw)
    if kind == "adts":
        return _adts_parts(raw, start)
    if kind == "matroska":
        with raw.open() as file:
            missing, note = matroska.find_damage(file, end=raw.n_bytes)
        return container_parts(raw, missing=missing, notes=[note] if note else [])
    if kind == "mp4":
        with raw.open() as file:
            if not has_index(file, end=raw.n_bytes):
                raise UnreadableAudioError(
                    "is cut short: the index to its sound is missing",
                    path=raw.path,
                    remedy="Get a complete copy; the rest cannot be read without it.",
                )
        return container_parts(raw)
    if kind == "ffmpeg":
        with raw.open() as file:
            missing = older_containers.find_damage(file, end=raw.n_bytes)
        return container_parts(raw, missing=missing)
    if kind == "transport":
        with raw.open() as file:
            notes = mpegts.describe_damage(file, end=raw.n_bytes)
        return container_parts(raw, notes=notes)
    if kind == "sndfile":
        return [Part("", functools.partial(_open_by_either, raw))]
    # If junk fills the first kilobytes, only the name tells what to look for after it.
    is_named = raw.path.lower().endswith(_MPEG_SUFFIXES)
    if kind == "mpeg" or start or is_named:
        return mpeg_parts(raw)
    raise unreadable(raw.path)


def _join_parts(pieces: list[list[Part]], *, fit: bool = True) -> list[Part]:
    """Return the parts of joined files: one if they fit together."""
    if len(pieces) == 1:
        return pieces[0]
    opens = [part.open for parts in pieces for part in parts]
    is_plain = all(len(parts) == 1 and parts[0].is_alone for parts in pieces)
    if fit and is_plain and len({_kind_of_part(one) for one in opens}) == 1:
        return [Part("", functools.partial(Chain, opens))]
    return [
        Part(f"file {number} of {len(pieces)}" + (f", {part.name}" if part.name else ""), part.open)
        for number, parts in enumerate(pieces, start=1)
        for part in parts
    ]


def _kind_of_part(open_part: Callable[[], Decoder]) -> tuple[int, int]:
    with contextlib.closing(open_part()) as decoder:
        return decoder.traits.sr, decoder.traits.n_channels


def _open_by_either(raw: Raw) -> Decoder:
    return _first_of(
        lambda: SoundFileDecoder(raw.for_libsndfile(), path=raw.path),
        lambda: container_parts(raw)[0].open(),
    )


def _first_of(by_sndfile: Callable[[], Decoder], by_ffmpeg: Callable[[], Decoder]) -> Decoder:
    """Open with libsndfile, or else with FFmpeg; if both fail, raise the first error."""
    try:
        return by_sndfile()
    except UnreadableAudioError:
        with contextlib.suppress(UnreadableAudioError, MissingExtraError):
            return by_ffmpeg()
        raise


def find_layouts(raw: Raw) -> PcmLayout | None:
    """Return the positions of the samples of an uncompressed file; None for any other.

    Raises
    ------
    UnreadableAudioError
        If it is damaged.
    """
    kind, starts = look_into(raw)
    if kind in _WALKS:
        return _join(_iff_layouts(raw, kind, starts))
    if kind == "riff":
        return _join([_wave_layout(wave, raw.path) for wave in _walk_waves(raw, starts[0])])
    return None


def look_into(raw: Raw) -> tuple[str, list[int]]:
    """Return the kind of a file by `kind_of`, and where each of those joined into it begins."""
    head = raw.head(HEAD_BYTES)
    start = skip_id3(head)
    if start:
        with raw.open() as file:
            file.seek(start)
            head = file.read(HEAD_BYTES)
    kind = kind_of(head)
    if kind in _OWN_JOINS:
        return kind, [start]
    return kind, find_joins(raw, kind, head, start=start)


def is_copied(info: AudioInfo) -> bool:
    """Return whether the marked file is a copy of the original with its samples replaced.

    This holds for uncompressed files, unless a part is missing: their header would promise it.
    """
    if not is_uncompressed(info):
        return False
    try:
        layout = find_layouts(Raw(info.path))
    except UnreadableAudioError:
        return True  # reading it reports the error
    return layout is not None and not layout.n_missing


def _riff_parts(raw: Raw, start: int) -> list[Part]:
    waves = _walk_waves(raw, start)
    layouts = [_wave_layout(wave, raw.path) for wave in waves]
    joined = _join(layouts)
    behind = _file_behind(raw, waves[-1].end)
    if joined is not None and not behind:
        return [Part("", functools.partial(PcmDecoder, raw, joined))]
    pieces = [_wave_parts(raw, wave, layout) for wave, layout in zip(waves, layouts, strict=True)]
    return _join_parts([*pieces, behind], fit=False) if behind else _join_parts(pieces)


def _file_behind(raw: Raw, end: int) -> list[Part]:
    """Return the parts of a file of another kind that was joined to this one; usually none."""
    with raw.open() as file:
        file.seek(end)
        head = file.read(64)
    shift = next((at for at in (0, 1) if begins_file(head[at:])), None)
    return [] if shift is None else _find_parts_of_piece(raw.cut(end + shift, raw.n_bytes))


def _walk_waves(raw: Raw, start: int) -> list[Wave]:
    waves: list[Wave] = []
    end = raw.n_bytes
    with raw.open() as file:
        while start + 44 <= end:
            if waves:
                file.seek(start)
                head = file.read(12)
                if head[8:12] != b"WAVE":
                    break
            if len(waves) == MOST_JOINED:
                raise too_many(raw.path)
            waves.append(walk_riff(file, start=start, end=end, path=raw.path))
            start = max(waves[-1].end, start + 12)
    if not waves:
        raise UnreadableAudioError(
            "holds no audio", path=raw.path, remedy="Get a complete copy of the file."
        )
    return waves


def _wave_layout(wave: Wave, path: str) -> PcmLayout | None:
    subtype = wave.subtype
    samples = format_of_subtype(subtype, big_endian=wave.order == "big")
    if samples is None or wave.number(2, 2) == 0:
        return None
    return lay_out(
        wave.extent,
        path=path,
        file_format=wave.file_format,
        subtype=subtype,
        samples=samples,
        sr=wave.number(4, 4),
        n_channels=wave.number(2, 2),
    )


def _join(found: Sequence[PcmLayout | None]) -> PcmLayout | None:
    layouts = [layout for layout in found if layout is not None]
    if len(layouts) < len(found):
        return None
    first = layouts[0]
    if len(layouts) == 1:
        return first
    if any(layout.n_missing for layout in layouts[:-1]):
        return None
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


def _wave_parts(raw: Raw, wave: Wave, layout: PcmLayout | None) -> list[Part]:
    if layout is not None:
        return [Part("", functools.partial(PcmDecoder, raw, layout))]
    if wave.tag in _MPEG_TAGS:
        first, stop = wave.extent.offset, wave.extent.stop
        missing = _say_missing(wave.extent)
        return mpeg_parts(raw, start=first, end=stop, file_format="WAV", missing=missing)
    return [Part("", functools.partial(_open_coded, raw, wave))]


def _say_missing(extent: Extent) -> str:
    if not extent.n_missing:
        return ""
    return f"is cut short: {extent.n_missing:,} bytes of its samples are missing"


def _open_coded(raw: Raw, wave: Wave) -> Decoder:
    """Open ADPCM, GSM and the like with a corrected header."""
    extent = wave.extent
    fmt = wave.fmt + bytes(len(wave.fmt) & 1)
    body = b"fmt " + len(wave.fmt).to_bytes(4, wave.order) + fmt
    body += b"data" + extent.n_bytes.to_bytes(4, wave.order)
    size = 4 + len(body) + extent.n_bytes
    form = b"RIFX" if wave.order == "big" else b"RIFF"
    head = form + size.to_bytes(4, wave.order) + b"WAVE" + body
    missing = _say_missing(extent)

    def splice() -> BinaryIO:
        return Spliced(raw.open(), [head, (extent.offset, extent.stop)])  # type: ignore[return-value]

    return _first_of(
        lambda: SoundFileDecoder(splice(), path=raw.path, missing=missing),
        lambda: StreamDecoder(raw, 0, file=splice(), missing=missing),
    )


def _iff_parts(raw: Raw, kind: str, starts: list[int]) -> list[Part]:
    layouts = _iff_layouts(raw, kind, starts)
    joined = _join(layouts)
    if joined is not None:
        return [Part("", functools.partial(PcmDecoder, raw, joined))]
    stretches = itertools.pairwise([*starts, raw.n_bytes])
    opens: list[Callable[[], Decoder]] = [
        functools.partial(PcmDecoder, raw, layout)
        if layout is not None
        else functools.partial(_open_by_either, raw.cut(*both) if len(starts) > 1 else raw)
        for layout, both in zip(layouts, stretches, strict=True)
    ]
    return _join_parts([[Part("", one)] for one in opens])


def _iff_layouts(raw: Raw, kind: str, starts: list[int]) -> list[PcmLayout | None]:
    with raw.open() as file:
        return [
            _WALKS[kind](file, start=start, end=end, path=raw.path)
            for start, end in itertools.pairwise([*starts, raw.n_bytes])
        ]


def _adts_parts(raw: Raw, start: int) -> list[Part]:
    with raw.open() as file:
        runs, n_unknown = walk_adts(file, start=start, end=raw.n_bytes)
    notes = [f"has {n_unknown:,} invalid bytes between its frames"] * (n_unknown > 0)
    if len(runs) < 2:
        return container_parts(raw, notes=notes)
    return _join_parts([container_parts(raw.cut(*run)) for run in runs])


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
