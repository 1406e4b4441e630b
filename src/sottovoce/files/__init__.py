"""Audio on disk: read, write, mark and check files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sottovoce.files.audio_info import AudioInfo
    from sottovoce.files.checking import CheckedPart, detect_file, detect_parts
    from sottovoce.files.protecting import Protected, ProtectedTrack, protect_file
    from sottovoce.files.reading import AUDIO_SUFFIXES, read, read_blocks, read_info
    from sottovoce.files.writing import write

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "CheckedPart",
    "Protected",
    "ProtectedTrack",
    "detect_file",
    "detect_parts",
    "protect_file",
    "read",
    "read_blocks",
    "read_info",
    "write",
]

_HOMES = {
    "audio_info": ("AudioInfo",),
    "checking": ("CheckedPart", "detect_file", "detect_parts"),
    "protecting": ("Protected", "ProtectedTrack", "protect_file"),
    "reading": ("AUDIO_SUFFIXES", "read", "read_blocks", "read_info"),
    "writing": ("write",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of any public name
    # Every decoder is behind these names; importing one small module must not load all of them.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
