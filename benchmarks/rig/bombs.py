"""Recordings that kill or stop the process that looks at them, as a codec's fault would."""

from __future__ import annotations

import os
import signal
import sys
import time

from sottovoce.scan.recording import File, Recording


class Trap(File):
    """Looks like a place, and does harm when it is opened; travels without being looked at."""

    def __init__(self):
        pass

    def __reduce__(self):
        return type(self), ()

    @property
    def url(self):
        # Only when it is opened: what else asks, asks for a name to show.
        if sys._getframe(1).f_code.co_name == "fetch":
            self.go_off()
            return "nowhere.wav"
        return "trap://nowhere.wav"

    def go_off(self):
        raise NotImplementedError


class Bomb(Trap):
    def go_off(self):
        os.write(2, b"codec: last words\n")
        os.abort()


class Quagmire(Trap):
    def go_off(self):
        time.sleep(3600)


class Hog(Trap):
    def go_off(self):
        kept = []
        while True:
            kept.append(bytearray(64 << 20))


class Assassin(Trap):
    """Kills what started the process that looks at it, as a machine short of memory may."""

    def go_off(self):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)


class Nap(Trap):
    """Takes its time, and is not there then."""

    def go_off(self):
        time.sleep(0.05)


def make(kind, name):
    return Recording(id=name, place=kind(), stamp="1", n_bytes=1000)
