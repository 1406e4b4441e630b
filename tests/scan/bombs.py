"""Recordings that kill or stop the process that looks at them, as a codec's fault would."""

from __future__ import annotations

import os
import sys
import time

from sottovoce.scan.recording import File, Recording


class Trap(File):
    """Looks like a place, and does harm when it is opened; travels without being looked at."""

    def __init__(self):
        pass

    def __reduce__(self):
        return type(self), ()


class Bomb(Trap):
    @property
    def url(self):
        os.write(2, b"codec: last words\n")
        os.abort()


class Quagmire(Trap):
    @property
    def url(self):
        time.sleep(3600)


class Hog(Trap):
    @property
    def url(self):
        # Only when it is opened: what else asks, asks for a name to show.
        if sys._getframe(1).f_code.co_name != "fetch":
            return "nowhere.wav"
        kept = []
        while True:
            kept.append(bytearray(64 << 20))


def make(kind, name):
    return Recording(id=name, place=kind(), stamp="1", n_bytes=1000)
