"""Audio files as people have them, each with the count of samples that its maker knows.

Every recipe writes one file into a workshop's folder and says what is in it: how many samples of
each track, or of each link where the rate or the channels change; what a program that reads it may
refuse, and with which reason.  The counts come from how the file was put together, never from a
decoder: from the samples that went in where a format keeps them, else from the packets that lie in
the file, which `scan` walks on its own.
"""

from __future__ import annotations

from benchmarks.whole_files.recipes import RECIPES, make
from benchmarks.whole_files.sound import Made, Missing, Part, Workshop

__all__ = ["RECIPES", "Made", "Missing", "Part", "Workshop", "make"]
