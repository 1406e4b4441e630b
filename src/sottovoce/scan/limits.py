"""`Limits`: what one recording may cost; `limit_memory`: enforced by the operating system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.scan.recording import Recording

__all__ = ["Limits", "limit_memory"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one recording may cost.

    Attributes
    ----------
    seconds : float
        Seconds of audio to read at most: a file of a few megabytes can hold weeks of audio.
    channels : int
        Maximum number of channels.
    bytes : int
        Maximum size of a recording that must be loaded into memory.
    memory_bytes : int
        Address space that a worker may use beyond what it has at its start; 0 sets no limit.
    time_s, time_per_mib_s : float
        Wall time allowed for one recording, and for each MiB of it; its process is then ended.
    """

    seconds: float = 24 * 3600.0
    channels: int = 64
    bytes: int = 2048 * _MIB
    memory_bytes: int = 3072 * _MIB
    time_s: float = 60.0
    time_per_mib_s: float = 4.0

    def time_for(self, *recordings: Recording) -> float:
        """Return the seconds that a recording, or a batch of small ones, may take."""
        n_bytes = sum(recording.n_bytes for recording in recordings)
        return self.time_s + self.time_per_mib_s * n_bytes / _MIB


def limit_memory(n_bytes: int) -> None:
    """Limit how much more address space this process may use; 0 sets no limit."""
    try:
        import resource  # not on Windows

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = n_bytes + pages * resource.getpagesize() if n_bytes else resource.RLIM_INFINITY
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard) if n_bytes else hard
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
