"""Refuse machine training on your voice, inside the sound itself.

`protect` writes an inaudible do-not-train mark into speech, `detect` finds it with a p-value
that holds for any audio; `Protector` and `Detector` are their twins for streams.
"""

from sottovoce.core.detect_batch import detect_batch
from sottovoce.core.detector import Detector, detect
from sottovoce.core.known_payload import KnownMatch, match_known, pool_known
from sottovoce.core.payload import Notice
from sottovoce.core.policy import Use
from sottovoce.core.protector import Protector, protect
from sottovoce.core.results import Detection, Voice
from sottovoce.core.soft_cells import SoftCells
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import SottovoceError

__all__ = [
    "STRENGTHS_DB",
    "Detection",
    "Detector",
    "KnownMatch",
    "Notice",
    "Protector",
    "SoftCells",
    "SottovoceError",
    "Use",
    "Voice",
    "detect",
    "detect_batch",
    "match_known",
    "pool_known",
    "protect",
]

# Where they are defined is an implementation detail: printed and pickled names show the package.
for _name in __all__:
    if hasattr(_public := globals()[_name], "__module__"):
        _public.__module__ = __name__

__version__ = "0.1.0.dev0"
