"""Judges of sound quality that run offline: PESQ, ViSQOL, Zimtohrli, STOI, DNSMOS, a voice encoder.

Each takes the reference and the processed signal at one common rate, mono, and returns a number
for which more is better; DNSMOS takes no reference.  Each resamples to its own rate.  None of them
is an ear.

Not here: CDPAM, three times slower than real time; WARP-Q, which does not run with NumPy 2; and
those that fetch their weights when they are first used (NISQA, SCOREQ, UTMOS).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.attacks.timing import resample

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.attacks import Audio

__all__ = [
    "JUDGES",
    "dnsmos_ovrl",
    "estoi",
    "pesq_nb",
    "pesq_wb",
    "speaker_likeness",
    "stoi",
    "visqol_audio",
    "visqol_speech",
    "zimtohrli_mos",
]


def _both(reference: Audio, processed: Audio, sr: int, new_sr: int) -> tuple[Audio, Audio]:
    """Return both signals at a rate, and equally long."""
    n = min(reference.shape[-1], processed.shape[-1])
    return resample(reference[:n], sr, new_sr), resample(processed[:n], sr, new_sr)


def _package(name: str) -> Any:  # noqa: ANN401 - optional packages, most without types
    """Import what a judge needs, late, since most of them are slow to load."""
    try:
        return importlib.import_module(name)
    except ImportError as err:
        remedy = "pip install '.[bench]', and what benchmarks/requirements-battery*.txt list"
        raise ImportError(f"{name} is not installed: {remedy}") from err


def _pesq(reference: Audio, processed: Audio, sr: int, mode: str) -> float:
    pesq = _package("pesq")
    new_sr = 16_000 if mode == "wb" else 8_000
    try:
        return float(pesq.pesq(new_sr, *_both(reference, processed, sr, new_sr), mode))
    except pesq.NoUtterancesError:
        return float("nan")


def pesq_wb(reference: Audio, processed: Audio, sr: int) -> float:
    """Return wide-band PESQ (ITU-T P.862.2) at 16 kHz: 1.04 to 4.64; nan without utterances."""
    return _pesq(reference, processed, sr, "wb")


def pesq_nb(reference: Audio, processed: Audio, sr: int) -> float:
    """Return narrow-band PESQ (ITU-T P.862.1) at 8 kHz: 1.02 to 4.55; nan without utterances."""
    return _pesq(reference, processed, sr, "nb")


@functools.cache
def _visqol(mode: str) -> Any:  # noqa: ANN401 - the type is of an optional package
    """Return a ready ViSQOL of one mode; speech insists on the trained lattice.

    Its polynomial stand-in would rate 1 to 2 points too high without a word.
    """
    judge = _package("visqol").VisqolApi()
    judge.create(mode=mode, use_lattice_model=True if mode == "speech" else None)
    return judge


def visqol_speech(reference: Audio, processed: Audio, sr: int) -> float:
    """Return ViSQOL in its speech mode at 16 kHz: 1 to 5."""
    a, b = _both(reference, processed, sr, 16_000)
    # ViSQOL computes in float64.
    judge = _visqol("speech")
    return float(judge.measure_from_arrays(a.astype("f8"), b.astype("f8"), 16_000).moslqo)


def visqol_audio(reference: Audio, processed: Audio, sr: int) -> float:
    """Return ViSQOL in its audio mode at 48 kHz: 1 to 4.73."""
    a, b = _both(reference, processed, sr, 48_000)
    judge = _visqol("audio")
    return float(judge.measure_from_arrays(a.astype("f8"), b.astype("f8"), 48_000).moslqo)


def zimtohrli_mos(reference: Audio, processed: Audio, sr: int) -> float:
    """Return Zimtohrli's opinion score at 48 kHz: 1 to 5."""
    zimtohrli = _package("zimtohrli")
    a, b = _both(reference, processed, sr, 48_000)
    return float(zimtohrli.mos_from_signals(np.clip(a, -1, 1), np.clip(b, -1, 1)))


def _stoi(reference: Audio, processed: Audio, sr: int, *, extended: bool) -> float:
    pystoi = _package("pystoi")
    a, b = _both(reference, processed, sr, 10_000)
    with warnings.catch_warnings():
        # Too little that is not silent to judge: nan says so.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(a, b, 10_000, extended=extended))
        except RuntimeWarning:
            return float("nan")


def stoi(reference: Audio, processed: Audio, sr: int) -> float:
    """Return short-time objective intelligibility at 10 kHz: 0 to 1."""
    return _stoi(reference, processed, sr, extended=False)


def estoi(reference: Audio, processed: Audio, sr: int) -> float:
    """Return extended short-time objective intelligibility at 10 kHz: 0 to 1."""
    return _stoi(reference, processed, sr, extended=True)


def dnsmos_ovrl(y: Audio, sr: int) -> float:
    """Return DNSMOS P.835, overall, at 16 kHz: 1 to 5, without a reference."""
    dnsmos = _package("speechmos.dnsmos")
    mono = np.clip(resample(y, sr, 16_000), -1, 1)
    return float(dnsmos.run(mono, 16_000)["ovrl_mos"])


def _dnsmos_of_processed(_: Audio, processed: Audio, sr: int) -> float:
    return dnsmos_ovrl(processed, sr)


@functools.cache
def _voice_encoder() -> Any:  # noqa: ANN401 - the type is of an optional package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _package("resemblyzer").VoiceEncoder("cpu", verbose=False)


def speaker_likeness(reference: Audio, processed: Audio, sr: int) -> float:
    """Return the cosine between the speakers that Resemblyzer hears, at 16 kHz: 0 to 1."""
    a, b = (_voice_encoder().embed_utterance(y) for y in _both(reference, processed, sr, 16_000))
    return float(np.dot(a, b))


JUDGES: dict[str, Callable[[Audio, Audio, int], float]] = {
    "pesq_wb": pesq_wb,
    "pesq_nb": pesq_nb,
    "visqol_speech": visqol_speech,
    "visqol_audio": visqol_audio,
    "zimtohrli_mos": zimtohrli_mos,
    "stoi": stoi,
    "estoi": estoi,
    "dnsmos_ovrl": _dnsmos_of_processed,
    "speaker_likeness": speaker_likeness,
}

_PACKAGES = {
    "stoi": "pystoi",
    "estoi": "pystoi",
    "dnsmos_ovrl": "speechmos",
    "speaker_likeness": "resemblyzer",
}


def installed_judges() -> tuple[str, ...]:
    """Return the judges that can be asked; requirements-battery.txt has what the others need."""
    return tuple(
        name
        for name in JUDGES
        if importlib.util.find_spec(_PACKAGES.get(name, "numpy")) is not None
    )
