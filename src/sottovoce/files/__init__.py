"""Audio on disk: read, write, mark and check files."""

from sottovoce.files.jobs import Protected, detect_file, protect_file
from sottovoce.files.reading import AUDIO_SUFFIXES, AudioInfo, read, read_blocks, read_info
from sottovoce.files.writing import write

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "Protected",
    "detect_file",
    "protect_file",
    "read",
    "read_blocks",
    "read_info",
    "write",
]
