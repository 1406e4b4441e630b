"""Audio on disk: read, write, mark and check files."""

from sottovoce.files.checking import CheckedPart, detect_file, detect_parts
from sottovoce.files.protecting import Protected, ProtectedTrack, protect_file
from sottovoce.files.reading import AUDIO_SUFFIXES, AudioInfo, read, read_blocks, read_info
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
