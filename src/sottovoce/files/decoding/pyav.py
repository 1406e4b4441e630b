"""PyAV, which includes FFmpeg's libraries: imported late, and used with care.

Only the demuxers named here may open a file, and they read from an open one: nothing in a hostile
file can make them open another file or an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError
from sottovoce.files.decoding.layout import unreadable

if TYPE_CHECKING:
    from types import ModuleType
    from typing import BinaryIO

__all__ = ["import_av", "is_cover", "open_container"]

_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,"
    "mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,oma,qcp,rm,shn,sox,tak,truehd,tta,voc,"
    "w64,wav,wv,xwma,gsm,g722,g726,g729,adx,smjpeg,mpegtsraw,vorbis"
)


def import_av() -> ModuleType:
    """Import PyAV, or raise an error that says how to install it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import av
        import av.error
        import av.stream
    except ImportError as err:
        raise MissingExtraError(
            "PyAV", extra="media", purpose="read and write this kind of file"
        ) from err
    return av


def is_cover(stream: Any) -> bool:  # noqa: ANN401 - PyAV is imported late
    """Return whether a stream is an attached picture, which does not play."""
    return bool(stream.disposition & import_av().stream.Disposition.attached_pic)


def open_container(file: BinaryIO, *, path: str, options: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - PyAV is imported late
    """Open a file for demuxing; closed by its own `close`, which leaves `file` open.

    Raises
    ------
    UnreadableAudioError
        If it is of an unknown kind, or damaged.
    MissingExtraError
        If PyAV is not installed.
    """
    av = import_av()
    limits = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "", **(options or {})}
    try:
        return av.open(file, mode="r", options=limits, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, OSError) as err:
        raise unreadable(path) from err
