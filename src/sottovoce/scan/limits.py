"""`Limits`: what one recording may cost; `limit_memory`: held by the system."""

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
        Of audio, after which the rest is left unread: a file of a few megabytes can hold weeks.
    channels : int
        More are refused.
    bytes : int
        Of one recording that must be brought into memory.
    memory_bytes : int
        Address space of a worker beyond what it has when it starts; 0 sets no limit.
    time_s, time_per_mib_s : float
        Wall time for one recording, and for each MiB of it, after which its process is ended.
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
    """Let this process take so much more address space than it has; 0 sets no limit."""
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
