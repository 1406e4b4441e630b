"""Decode the payload from the data cells of a voice whose offset is known.

Superframes are summed cell by cell; all four possible beginnings of a superframe are tried.
A wrong payload is worse than none, so one is shown only if three things hold: its check is
right; no word that differs in any bit comes near it; and its data cells agree with the audio
so well that among all 2^64 payloads and all that was tried, unmarked audio would yield such
agreement with probability at most 1e-6.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.coding import (
    GENERATORS_OCTAL,
    MEMORY,
    decode,
    encode,
    make_data_signs,
    make_interleaver,
)
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.pattern import (
    make_scrambling_signs,
    make_sync_signs,
)
from sottovoce.core.payload import Notice, bits_to_notice, notice_to_bits
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PayloadReading",
    "compare_payload",
    "find_candidates",
    "make_code",
    "match_payload",
    "read_payload",
]

_N_PAYLOADS = 2.0**64
_MOST_OWNER_ID = (1 << 48) - 1
_MAX_LOG10_P = -6.0
_LEAST_MARGIN = 2.0
"""Least log-likelihood ratio to the second-best word.  With the 16 bits of the check and the
four reserved ones a wrong word passes about once in 2^20 e^2 = 8e6 near misses."""
_SAME_SCORE = 5.0
_CANDIDATE_SCORE = _SAME_SCORE - 0.01
_CANDIDATE_BATCH = 64
_SAME_SHARE = 0.5
"""What the cells of a payload must reach to count as the same one: a score, and a share of what
the sync cells predict.  Those of another owner reach a share of 0 +- 0.07."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PayloadReading:
    """A payload that may be shown.

    Attributes
    ----------
    notice : Notice
        The decoded notice.
    alignment : int
        Which of the four periods of the sum is the first of a superframe.
    log10_p : float
        Bound on the probability that unmarked audio yields any payload this clearly.
    margin : float
        Log-likelihood ratio to the nearest other word.
    """

    notice: Notice
    alignment: int
    log10_p: float
    margin: float


def read_payload(sums: Floats, *, n_looks: int = 1) -> PayloadReading | None:
    """Decode the sum of superframes.

    Parameters
    ----------
    sums : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=float32
        Cell scores summed by place in the superframe, starting at an unknown one of its periods.
        Missing upper bands may be left out.
    n_looks : int
        How many sums have been tried in this audio; they count as hypotheses.

    Returns
    -------
    reading : PayloadReading or None
        None if no payload is certain enough.
    """
    fmt = FORMAT_1
    padded = np.zeros((fmt.n_periods, fmt.n_cells, fmt.n_bands), dtype=np.float32)
    padded[..., : sums.shape[-1]] = sums
    rolled = np.stack([np.roll(padded, -start, axis=0) for start in range(fmt.n_periods)])
    clear = (rolled * make_scrambling_signs()).reshape(fmt.n_periods, -1)
    cells = clear[:, make_interleaver()]  # (alignment, coded bit, cell)
    energy = np.sqrt((cells.astype(np.float64) ** 2).sum(axis=(1, 2)))
    if not energy.all():
        return None
    soft = cells.sum(axis=-1)
    all_bits, all_margins = decode(soft / np.abs(soft).max(axis=1, keepdims=True))
    n_hypotheses = _N_PAYLOADS * fmt.n_periods * n_looks
    best: PayloadReading | None = None
    for start, (bits, margins) in enumerate(zip(all_bits, all_margins, strict=True)):
        try:
            notice = bits_to_notice(bits)
        except PayloadError:
            continue
        agreement = encode(bits) * soft[start].astype(np.float64)
        z = float(agreement.sum() / energy[start])
        log10_p = float(log10_p_value(z, n_hypotheses=n_hypotheses))
        margin = float(margins.min()) * np.abs(soft[start]).max() * _likelihood_scale(agreement)
        vouched = log10_p <= _MAX_LOG10_P and margin >= _LEAST_MARGIN
        if vouched and (best is None or log10_p < best.log10_p):
            best = PayloadReading(notice, start, log10_p, margin)
    return best


def make_code(reading: PayloadReading) -> npt.NDArray[np.int8]:
    """Return the signs of the data cells that a payload writes.

    Parameters
    ----------
    reading : PayloadReading
        Its notice and alignment.

    Returns
    -------
    signs : np.ndarray, shape=(n_periods * n_cells, n_bands), dtype=int8
        In the order of the sum that it was read from; 0 in sync cells.
    """
    signs = make_data_signs(encode(notice_to_bits(reading.notice)))
    return np.roll(signs, reading.alignment, axis=0).reshape(-1, FORMAT_1.n_bands)


def match_payload(sums: Floats, reading: PayloadReading) -> PayloadReading | None:
    """Find a payload that was read elsewhere in the audio in a sum of superframes.

    Parameters
    ----------
    sums : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=float32
        As for `read_payload`.
    reading : PayloadReading
        The other one.

    Returns
    -------
    reading : PayloadReading or None
        The same payload with its alignment here; None if it is not present.
    """
    best: PayloadReading | None = None
    for start, (score, share, _) in enumerate(compare_payload(sums, reading)):
        if score >= _SAME_SCORE and share >= _SAME_SHARE:
            log10_p = float(log10_p_value(score, n_hypotheses=FORMAT_1.n_periods))
            if best is None or log10_p < best.log10_p:
                best = PayloadReading(reading.notice, start, log10_p, reading.margin)
    return best


def compare_payload(sums: Floats, reading: PayloadReading) -> list[tuple[float, float, float]]:
    """Compare a sum of superframes with a payload that was read elsewhere in the audio.

    Payloads of two owners agree in the other fields, so only coded bits that depend on the owner
    id are compared: for ids that are hashes they are as good as random.

    Parameters
    ----------
    sums, reading
        As for `match_payload`.

    Returns
    -------
    matches : list of (float, float, float)
        For each alignment the score; the share of what the sync cells predict, 1 for the same
        payload and about 0 for another; and the standard deviation of the share.
    """
    sync = make_sync_signs()[:, : sums.shape[-1]]
    promised = float((sums * sync).sum()) / (np.count_nonzero(sync) * len(sums))
    signs = _make_own_signs(reading)[..., : sums.shape[-1]]
    matches: list[tuple[float, float, float]] = []
    for start in range(FORMAT_1.n_periods):
        rolled = np.roll(signs, start, axis=0)
        total = float((rolled * sums).sum())
        noise = float(np.sqrt((sums.astype(np.float64) ** 2)[rolled != 0].sum()))
        expected = max(promised * np.count_nonzero(rolled), 1e-30)
        matches.append((total / max(noise, 1e-30), total / expected, noise / expected))
    return matches


def find_candidates(
    sums: Sequence[Floats | None], readings: Sequence[PayloadReading]
) -> list[list[int]]:
    """Return which payloads to compare with which sums: for many, a hundred times faster.

    Parameters
    ----------
    sums : sequence of np.ndarray or None
        Each as for `match_payload`.
    readings : sequence of PayloadReading
        Payloads read elsewhere in the audio.

    Returns
    -------
    candidates : list of list of int
        For each sum the numbers of the readings that `match_payload` may find in it; it finds no
        others.
    """
    found: list[list[int]] = [[] for _ in sums]
    heard = [number for number, one in enumerate(sums) if one is not None]
    if not heard or not readings:
        return found
    for begin in range(0, len(readings), _CANDIDATE_BATCH):
        part = readings[begin : begin + _CANDIDATE_BATCH]
        signs = np.stack([_make_own_signs(reading) for reading in part]).astype(np.float32)
        for number in heard:
            one = sums[number]
            if one is None:
                continue
            own = signs[..., : one.shape[-1]].reshape(len(part), -1)
            rolled = np.stack([np.roll(one, -start, axis=0) for start in range(len(one))])
            rolled = rolled.reshape(len(one), -1)
            noise = np.sqrt(np.square(rolled) @ (own[0] != 0))
            scores = (own @ rolled.T) / np.maximum(noise, 1e-30)
            near = np.flatnonzero(scores.max(axis=1) >= _CANDIDATE_SCORE)
            found[number] += (begin + near).tolist()
    return found


def _make_own_signs(reading: PayloadReading) -> npt.NDArray[np.int8]:
    """Return the signs of a payload that depend on its owner; zero elsewhere.

    The places are the same for every payload, as the check is linear.
    """
    nobody = dataclasses.replace(reading.notice, owner_id=0)
    everybody = dataclasses.replace(reading.notice, owner_id=_MOST_OWNER_ID)
    differs = notice_to_bits(nobody) != notice_to_bits(everybody)
    return make_data_signs(encode(notice_to_bits(reading.notice)) * _touched_symbols(differs))


def _touched_symbols(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Return 1 for each coded bit that depends on any of the payload bits, else 0."""
    near = [np.roll(bits, delay) for delay in range(MEMORY + 1)]
    return np.repeat(np.any(near, axis=0), len(GENERATORS_OCTAL)).astype(np.int8)


def _likelihood_scale(agreement: npt.NDArray[np.float64]) -> float:
    """Return the factor that turns a sum of soft values into a log-likelihood ratio.

    For values m + s n with Gaussian n, ln p(x | +) - ln p(x | -) = 2 m x / s^2.
    """
    return float(2.0 * agreement.mean() / max(agreement.var(), 1e-30))
