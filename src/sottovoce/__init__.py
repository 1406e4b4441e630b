"""Refuse machine training on your voice, inside the sound itself.

`protect` writes an inaudible do-not-train mark into speech, `detect` finds it with a p-value
that holds for any audio; `Protector` and `Detector` are their twins for streams.
"""

from sottovoce.core.batch import detect_batch
from sottovoce.core.detection import Detection, Voice
from sottovoce.core.listening import Detector, detect
from sottovoce.core.payload import Notice
from sottovoce.core.stream import Protector, protect
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import SottovoceError

__all__ = [
    "STRENGTHS_DB",
    "Detection",
    "Detector",
    "Notice",
    "Protector",
    "SottovoceError",
    "Voice",
    "detect",
    "detect_batch",
    "protect",
]

__version__ = "0.1.0.dev0"
