"""Recordings that kill or stop the process that reads them, as a codec's fault would."""

from __future__ import annotations

import os
import signal
import sys
import time

from sottovoce.scan.recording import File, Recording

__all__ = ["FAULTY_DECODER", "Assassin", "Bomb", "Hog", "Nap", "Quagmire", "Trap", "make"]


class Trap(File):
    """Looks like a place, and goes off when it is opened; can be passed on unopened."""

    def __init__(self) -> None:
        pass

    def __reduce__(self) -> tuple[type[Trap], tuple[()]]:
        return type(self), ()

    @property
    def url(self) -> str:  # type: ignore[override]
        """Go off where a recording is opened; what else asks, asks for a name to show."""
        if sys._getframe(1).f_code.co_name == "fetch":
            self.go_off()
        return "nowhere.wav"

    def go_off(self) -> None:
        """Do harm."""
        raise NotImplementedError


class Bomb(Trap):
    """Crashes the process."""

    def go_off(self) -> None:
        """End as a fault of a codec does, which says something first."""
        os.write(2, b"codec: last words\n")
        os.abort()


class Quagmire(Trap):
    """Never ends."""

    def go_off(self) -> None:
        """Hang."""
        time.sleep(3600)


class Hog(Trap):
    """Takes all the memory that there is."""

    def go_off(self) -> None:
        """Grow."""
        kept = []
        while True:
            kept.append(bytearray(64 << 20))


class Assassin(Trap):
    """Kills the parent of the process that reads it, as a machine short of memory may."""

    def go_off(self) -> None:
        """Kill the parent, and then be killed."""
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)


class Nap(Trap):
    """Takes its time, and is not there then."""

    def go_off(self) -> None:
        """Wait a twentieth of a second."""
        time.sleep(0.05)


def make(kind: type[Trap], name: str) -> Recording:
    """Return a recording that is a trap."""
    return Recording(id=name, place=kind(), stamp="1", n_bytes=1000)


FAULTY_DECODER = """
import os, soundfile
_open = soundfile.SoundFile.__init__
def _open_or_die(self, file, *arguments, **options):
    if hasattr(file, "getbuffer") and bytes(file.getbuffer()[-4:]) == b"BOMB":
        os.abort()
    _open(self, file, *arguments, **options)
soundfile.SoundFile.__init__ = _open_or_die
"""
"""A codec's fault in every Python that starts with this as its `sitecustomize`: sound that ends in
four certain bytes kills it.  Bytes that do so with a real codec were looked for and not found."""
