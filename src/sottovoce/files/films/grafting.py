"""Put new sound into a film byte by byte, if its container allows that."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, UnsupportedFormatError
from sottovoce.files.atomic import part_path
from sottovoce.files.decoding.pyav import import_av, open_container
from sottovoce.files.films.fragments import graft_fragments, is_plain_fragmented
from sottovoce.files.films.matroska import graft_matroska, is_plain_matroska
from sottovoce.files.films.movie import graft_movie, is_plain_movie
from sottovoce.files.films.starts import start_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path

_MOVIES = {is_plain_movie: graft_movie, is_plain_fragmented: graft_fragments}

__all__ = ["can_graft", "graft"]


def can_graft(path: Path) -> bool:
    """Return whether the sound of a film can be replaced with every other byte kept.

    Parameters
    ----------
    path : Path
        A container.

    Returns
    -------
    can_graft : bool
        True for MP4, QuickTime, Matroska and WebM as programs usually write them.  For the rest,
        only the streams that FFmpeg can write are kept.
    """
    with path.open("rb") as file:
        return any(is_plain(file) for is_plain in (*_MOVIES, is_plain_matroska))


def graft(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> bool:
    """Copy a film with new sound, if that can be done byte by byte.

    Parameters
    ----------
    original, tracks, target
        As in `mux_tracks`.
    progress : callable or None
        Called with the copied share, 0 to 1.

    Returns
    -------
    is_done : bool
        False if the container has to be written by FFmpeg.

    Raises
    ------
    AudioFileError
        If a table turns out to be broken when it is used.  FFmpeg cannot be used instead: the
        sound was encoded for the unchanged film, and the user has read that nothing is lost.
    OSError
        If writing to the disk fails.
    """
    with original.open("rb") as file:
        graft_one = next((one for is_plain, one in _MOVIES.items() if is_plain(file)), None)
        is_matroska = graft_one is None and is_plain_matroska(file)
    try:
        if graft_one is not None:
            graft_one(original, _movie_numbers(original, tracks), target, progress=progress)
        elif is_matroska:
            _graft_matroska(original, tracks, target, progress)
    except (UnsupportedFormatError, ValueError, IndexError) as err:
        raise AudioFileError(
            f"its sound cannot be replaced without changing the rest ({err})",
            path=str(original),
            remedy="Remux it with a video program (without re-encoding), and protect the result;"
            " or extract its audio to FLAC or WAV and protect that.",
        ) from err
    return graft_one is not None or is_matroska


def _movie_numbers(original: Path, tracks: dict[int, Path]) -> dict[int, Path]:
    with original.open("rb") as raw, open_container(raw, path=str(original)) as source:
        return {int(source.streams[index].id): path for index, path in tracks.items()}


def _graft_matroska(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    progress: Callable[[float], None] | None,
) -> None:
    placed: dict[int, tuple[Path, Fraction]] = {}
    with ExitStack() as stack:
        raw = stack.enter_context(original.open("rb"))
        source = stack.enter_context(open_container(raw, path=str(original)))
        for index, path in tracks.items():
            own = path
            with path.open("rb") as file:
                is_ready = is_plain_matroska(file)
            if not is_ready:
                own = part_path(target)
                stack.callback(own.unlink, missing_ok=True)
                _wrap(path, own)
            placed[index] = (own, start_of(source.streams[index]))
        graft_matroska(original, placed, target, progress=progress)


def _wrap(path: Path, target: Path) -> None:
    """Put the packets of an Ogg file into Matroska, the first one at 0."""
    av = import_av()
    with (
        path.open("rb") as raw,
        open_container(raw, path=str(path)) as source,
        av.open(f"file:{target}", "w", format="matroska") as output,
    ):
        stream = source.streams.audio[0]
        added = output.add_stream_from_template(stream)
        first = None
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            first = packet.dts if first is None else first
            packet.dts -= first
            packet.pts = packet.pts - first if packet.pts is not None else packet.dts
            packet.stream = added
            output.mux_one(packet)
