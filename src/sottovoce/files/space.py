"""Check before hours of work that the disk has room for the result."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.files.decoding.pyav import open_container
from sottovoce.files.pcm import is_uncompressed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["check_space", "estimate_duration_s"]

_LOSSY_BPS = 192_000.0
"""Per channel; an encoder needs less for speech."""
_PLAIN = ("PCM_", "ALAC", "FLAC", "FLOAT", "DOUBLE", "WAVPACK", "TTA")
_SPARE_BYTES = 1 << 20


def check_space(source: Path, target: Path, infos: Sequence[AudioInfo]) -> None:
    """Raise if the disk has no room for the copy of a file.

    Parameters
    ----------
    source : Path
        Original.
    target : Path
        File to create; its folder must exist.
    infos : sequence of AudioInfo
        Properties of the tracks to be marked.

    Raises
    ------
    AudioFileError
        If less is free than needed for the copy and its new sound, which is written first.
    """
    n_bytes = source.stat().st_size
    sound = sum(_sound_bytes(info, estimate_duration_s(info)) for info in infos)
    needed = n_bytes + min(sound, n_bytes) + _SPARE_BYTES
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return  # a problem with the folder is reported when it is written to
    if free < needed:
        raise AudioFileError(
            f"not enough space on the disk: {_format(needed)} needed, {_format(free)} free",
            path=str(target),
            remedy="Free some space, or choose another disk.",
        )


def estimate_duration_s(info: AudioInfo) -> float:
    """Return the approximate length of a track, in seconds; 0.0 if the file does not say.

    Parameters
    ----------
    info : AudioInfo
        Properties of the track.

    Returns
    -------
    duration_s : float
        Exact if its samples are counted, else as declared by the container.
    """
    if info.n_frames or is_uncompressed(info):
        return info.n_frames / info.sr
    with (
        contextlib.suppress(OSError, UnreadableAudioError),
        Path(info.path).open("rb") as raw,
        open_container(raw, path=info.path) as container,
    ):
        return float(container.duration or 0) / 1e6
    return 0.0


def _sound_bytes(info: AudioInfo, seconds: float) -> float:
    if info.subtype.startswith(_PLAIN):
        return seconds * info.sr * info.n_channels * (8 if "DOUBLE" in info.subtype else 4)
    return seconds * max(info.bit_rate * 1.2, _LOSSY_BPS * info.n_channels) / 8.0


def _format(n_bytes: float) -> str:
    if n_bytes < 1e9:
        return f"{n_bytes / 1e6:,.0f} MB"
    return f"{n_bytes / 1e9:,.1f} GB"
