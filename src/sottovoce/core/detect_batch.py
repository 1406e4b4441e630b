"""`detect_batch`: many short clips of equal length in one call, for scanning."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_max_fpr
from sottovoce.core.detector import detect
from sottovoce.core.evidence import FOUND_FPR, best_of_families, log10_e_value
from sottovoce.core.features import CONTEXT_FRAMES, band_energies, measure_floors, window_length
from sottovoce.core.framing import check_floating, check_sr, frame_starts
from sottovoce.core.front_end import CHUNK_FRAMES, MIN_FRAMES, score_energies
from sottovoce.core.levels import is_ordinary
from sottovoce.core.results import Detection
from sottovoce.core.score import CellScorer
from sottovoce.core.search import fold, offset_scores
from sottovoce.core.windows import (
    GATE,
    HYPOTHESES_PER_WINDOW,
    count_hypotheses,
    fold_short_windows,
    price_hypotheses,
)
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError

__all__ = ["detect_batch"]

_BATCH_FRAMES = 2_048
_MAX_AMPLITUDE = np.float32(1e6)


def detect_batch(
    y: npt.NDArray[np.floating[Any]], *, sr: float, max_fpr: float = FOUND_FPR
) -> list[Detection]:
    """Look for marks in many clips of one length.

    Parameters
    ----------
    y : np.ndarray, shape=(n_clips, n), dtype=float32 or float64
        One mono clip per row.
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    max_fpr : float in [1e-300, 1)
        Allowed probability of a false alarm, for each clip.

    Returns
    -------
    detections : list of Detection
        For each row the result of `sottovoce.detect`.

    Raises
    ------
    ParameterError
        If `y` is not two-dimensional floating point, is empty, or holds NaN or infinity.

    Notes
    -----
    Clips of up to one superframe (10.24 s) are scored together; longer ones, and those with weak
    evidence of a mark, one by one.

    Examples
    --------
    >>> import numpy as np
    >>> clips = np.zeros((3, 16_000), dtype=np.float32)
    >>> [detection.found for detection in detect_batch(clips, sr=16_000)]
    [False, False, False]
    """
    sr = check_sr(sr)
    check_floating(y)
    if y.ndim != 2 or y.shape[1] == 0:
        raise ParameterError(f"y has shape {y.shape}; (n_clips, n) is required")
    if not np.isfinite(y).all():
        raise ParameterError("y holds NaN or infinity")
    max_fpr = check_max_fpr(max_fpr)
    hop = sr * FORMAT_1.frame_s
    starts = frame_starts(0, int(y.shape[1] / hop) + 1, hop)
    starts = starts[starts + window_length(sr) <= y.shape[1]]
    if not MIN_FRAMES <= len(starts) <= CHUNK_FRAMES:
        return [detect(row, sr=sr, max_fpr=max_fpr) for row in y]
    step = max(1, _BATCH_FRAMES // len(starts))
    scorer = CellScorer()
    detections: list[Detection] = []
    for begin in range(0, len(y), step):
        clips = np.clip(y[begin : begin + step], -_MAX_AMPLITUDE, _MAX_AMPLITUDE, dtype=np.float32)
        energies = band_energies(clips, starts, sr=sr)
        floors = measure_floors(energies)
        around = ((0, 0), (CONTEXT_FRAMES, CONTEXT_FRAMES), (0, 0))
        scores = score_energies(np.pad(energies, around, mode="edge"), floors, scorer)
        short_z = np.zeros((len(clips), 0), dtype=np.float32)
        if count_hypotheses(len(starts))[2]:
            short = fold_short_windows(scores)
            short_z = offset_scores(short.reshape(-1, *short.shape[2:])).reshape(len(clips), -1)
        peaks, tops = np.abs(clips).max(axis=1), energies.max(axis=(1, 2))
        # Too loud to be distinguished here, or so quiet that nothing is left of it.
        tops[(peaks >= _MAX_AMPLITUDE) | ((peaks > 0) & (tops == 0))] = np.inf
        rows = y[begin : begin + step]
        folded = offset_scores(fold(scores))
        for row, top, z, own in zip(rows, tops.tolist(), folded, short_z, strict=True):
            if max(z.max(), own.max(initial=0.0)) >= GATE or not is_ordinary(top):
                detections.append(detect(row, sr=sr, max_fpr=max_fpr))
            else:
                detections.append(_nothing(z, own, y.shape[1] / sr))
    return detections


def _nothing(
    z: npt.NDArray[np.float32], short_z: npt.NDArray[np.float32], duration_s: float
) -> Detection:
    """Return the verdict on a clip without evidence on the plain grid."""
    paid, short_paid = price_hypotheses(HYPOTHESES_PER_WINDOW, len(short_z))
    families = [(max(float(z.max()), 0.0), paid)]
    if len(short_z):
        families.append((max(float(short_z.max()), 0.0), short_paid))
    log10_p, score, n_paid = best_of_families(families)
    return Detection(
        found=False,
        log10_p=log10_p,
        score=score,
        n_hypotheses=int(np.ceil(n_paid)),
        log10_e=float(log10_e_value(z)),
        voices=(),
        duration_s=duration_s,
    )
