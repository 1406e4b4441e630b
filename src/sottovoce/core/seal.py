"""The evidence of a keyed seal: what was found, and whether it counts as its owner's.

A p-value bounds what audio made without the key can do by chance.  It does not bound what somebody
can do who has a sealed recording: they can guess the signs from its sound, about six in ten right,
and write the guess into other speech.  Such a transplant agrees weakly for the strength of its
mark, so a seal must also agree as well as genuine ones do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_bytes
from sottovoce.core.evidence import FOUND_FPR, log10_p_value
from sottovoce.core.pattern import DATA, SEAL_KEY_BYTES, make_roles, seal_cells
from sottovoce.core.seal_signs import N_STARTS, list_signs
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.payload import Notice

__all__ = [
    "GUESSED_AGREEMENT",
    "LEAST_AGREEMENT",
    "LEAST_SHARE",
    "PooledSeal",
    "SealKeys",
    "SealMatch",
    "check_seal_keys",
    "choose_key",
    "heed_payload",
    "measure_seal",
    "pool_seals",
]

LEAST_SHARE = 0.65
"""Of the payload's agreement: genuine seals have 0.85 and more, transplanted ones up to 0.62,
unless the payload beside them was weakened."""
LEAST_AGREEMENT = 0.036
"""Without a payload: most genuine seals have 0.05 and more, transplanted ones up to 0.035."""
GUESSED_AGREEMENT = 0.06
"""Of 315 guesses that were made from strongly marked speech and written at 1.2 to 3 dB, one counted
and reached it (docs/measurements.md): a seal below it may be a guess."""
_NUMBERS_AT_ONCE = 1 << 11

SealKeys: TypeAlias = bytes | Mapping[int, bytes] | None
"""One key, or the keys of several owners by their ids."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealMatch:
    """A seal that was looked for in a recording.

    Attributes
    ----------
    log10_p : float
        Logarithm to base 10 of a bound on the probability that audio made without the key agrees
        so well, anywhere in the search.
    score : float
        Sum of seal cells times signs over the root of their energy.
    agreement : float
        The same sum over their energy: how well they agree for how strong they are.
    share : float or None
        Agreement as a share of that of the payload's own cells; None without a payload.
    first_number : int
        Number of the superframe that begins at `offset_s`.
    n_superframes : int
        Superframes whose evidence was added.
    offset_s : float
        Where the first superframe of the evidence begins; negative if before the recording.
    segments_s : tuple of (float, float)
        Where the seal seems to be present, in seconds.
    speed, pitch : float
        Factors by which the recording was changed.
    key_number : int
        Which of the keys that were looked for.
    """

    log10_p: float
    score: float
    agreement: float
    share: float | None = None
    first_number: int = 0
    n_superframes: int = 0
    offset_s: float = 0.0
    segments_s: tuple[tuple[float, float], ...] = ()
    speed: float = 1.0
    pitch: float = 1.0
    key_number: int = 0

    @property
    def is_likely(self) -> bool:
        """Whether chance is excluded: p is at most 1e-6."""
        return self.log10_p <= math.log10(FOUND_FPR)

    @property
    def fits_payload(self) -> bool:
        """Whether it is as strong as the payload beside it, if there is one."""
        return self.share is None or self.share >= LEAST_SHARE

    @property
    def holds(self) -> bool:
        """Whether it counts as its owner's: chance is excluded, and so is a guess at its signs."""
        return self.is_likely and self.agreement >= LEAST_AGREEMENT and self.fits_payload

    @property
    def may_be_guessed(self) -> bool:
        """Whether somebody with another recording of the owner could have made it, at best."""
        # The payload says nothing against it: whoever guesses can weaken that, too.
        return self.agreement < GUESSED_AGREEMENT

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "log10_p": round(self.log10_p, 3),
            "score": round(self.score, 3),
            "agreement": round(self.agreement, 4),
            "share": None if self.share is None else round(self.share, 3),
            "holds": self.holds,
            "may_be_guessed": self.may_be_guessed,
            "first_number": self.first_number,
            "n_superframes": self.n_superframes,
            "offset_s": round(self.offset_s, 4),
            "segments_s": [[round(a, 2), round(b, 2)] for a, b in self.segments_s],
            "speed": round(self.speed, 5),
            "pitch": round(self.pitch, 5),
            "public_mark": self.share is not None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledSeal:
    """A seal in several files together, each of which may say too little.

    Attributes
    ----------
    log10_p : float
        As of `SealMatch`, for all of the files.
    agreement : float
        Of all seal cells that count, as of `SealMatch`, less what the best of all hypotheses has by
        chance.
    n_files, n_counted : int
        Files that were given, and those that count.  Copies, and excerpts of one recording, count
        once; a seal that is too weak for the payload beside it does not.
    """

    log10_p: float
    agreement: float
    n_files: int
    n_counted: int

    @property
    def is_likely(self) -> bool:
        """Whether chance is excluded: p is at most 1e-6."""
        return self.log10_p <= math.log10(FOUND_FPR)

    @property
    def holds(self) -> bool:
        """Whether it counts as its owner's, as `SealMatch.holds`."""
        return self.is_likely and self.agreement >= LEAST_AGREEMENT

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "log10_p": round(self.log10_p, 3),
            "agreement": round(self.agreement, 4),
            "holds": self.holds,
            "n_files": self.n_files,
            "n_counted": self.n_counted,
        }


def pool_seals(matches: Sequence[SealMatch], *, n_files: int) -> PooledSeal:
    """Pool the best hypotheses of one key in several files.

    Parameters
    ----------
    matches : sequence of SealMatch
        At most one for each file; the p-value of each pays for its own search.
    n_files : int
        All files that were searched.

    Returns
    -------
    pooled : PooledSeal
        Over every choice of files.

    Notes
    -----
    Of K files, k with disjoint numbers have paid p-values of at most a with a probability of at
    most C(K, k) a^k: the signs of different superframes are independent, whatever the sound is and
    whether files share it, and a union runs over the hypotheses of each and over the choices of
    files.  The k-th smallest p-value a of the files is therefore turned into C(K, k) a^k, and the
    least of these is paid K times.
    """
    counted: list[SealMatch] = []
    for match in sorted(matches, key=lambda one: one.log10_p):
        if match.fits_payload and not any(_share_numbers(match, other) for other in counted):
            counted.append(match)
    best, n_best, log10_choices = 0.0, 0, 0.0
    for k, match in enumerate(counted, start=1):
        log10_choices += math.log10((n_files - k + 1) / k)
        log10_p = log10_choices + k * match.log10_p + math.log10(n_files)
        if log10_p < best:
            best, n_best = log10_p, k
    chosen = counted[:n_best]
    total = sum(_reduce_score(one) * one.score / one.agreement for one in chosen)
    energy = sum((one.score / one.agreement) ** 2 for one in chosen)
    return PooledSeal(
        log10_p=best,
        agreement=total / energy if energy else 0.0,
        n_files=n_files,
        n_counted=n_best,
    )


def _share_numbers(one: SealMatch, other: SealMatch) -> bool:
    begin, end = one.first_number, one.first_number + one.n_superframes
    return begin < other.first_number + other.n_superframes and other.first_number < end


def _reduce_score(match: SealMatch) -> float:
    """Return the score without what the best of all hypotheses has by chance.

    Its square exceeds that of the hypothesis which just pays for the search by 2 ln(1 / p).
    """
    return math.sqrt(min(-2.0 * math.log(10.0) * match.log10_p, match.score**2))


def heed_payload(match: SealMatch, beside: Sequence[SealMatch]) -> SealMatch:
    """Return what was found with no help from the public mark, in the light of that mark.

    A seal that is too weak for the payload beside it is a guess, however well it would do alone.

    Parameters
    ----------
    match : SealMatch
        As `SealSearch.matches` returns it.
    beside : sequence of SealMatch
        Seals of voices of the same recording that name the owner, as `measure_seal` returns them.

    Returns
    -------
    match : SealMatch
        With the best share of those that chance does not explain, if there are any.
    """
    shares = [one.share for one in beside if one.is_likely and one.share is not None]
    return replace(match, share=max(shares)) if shares else match


def check_seal_keys(keys: SealKeys) -> None:
    """Raise `ParameterError` if a key has not 32 bytes."""
    listed = list(keys.values()) if isinstance(keys, Mapping) else [keys]
    for key in listed if keys is not None else []:
        check_bytes("a seal key", key, n_bytes=SEAL_KEY_BYTES)


def choose_key(keys: SealKeys, notice: Notice | None) -> bytes | None:
    """Return the key that a voice with this notice is tested for."""
    if isinstance(keys, Mapping):
        return None if notice is None else keys.get(notice.owner_id)
    return keys


def measure_seal(
    superframes: dict[int, Floats], *, key: bytes, alignment: int, code: npt.NDArray[np.int8]
) -> SealMatch:
    """Test the seal of a voice whose payload is known.

    Parameters
    ----------
    superframes : dict of int to np.ndarray, shape=(n_periods, n_cells, n_bands)
        Cell scores of single superframes by their number in the audio, cut at the start of the sum
        that `alignment` refers to.
    key : bytes
        The owner's secret.
    alignment : int
        As in `PayloadReading`.
    code : np.ndarray, shape=(n_periods * n_cells, n_bands), dtype=int8
        Signs of the payload's cells, cut likewise.

    Returns
    -------
    match : SealMatch
        The p-value is over all numbers that the first superframe may have, and over the superframe
        from which on there is a seal; places are not known here.
    """
    n_cells = FORMAT_1.n_periods * FORMAT_1.n_cells
    numbers = sorted(superframes)
    n_rows = (numbers[-1] - numbers[0] + 2) * n_cells
    long = np.zeros((n_rows, FORMAT_1.n_bands), np.float32)
    for number in numbers:
        part = superframes[number].reshape(n_cells, -1)
        begin = (number - numbers[0]) * n_cells
        long[begin : begin + n_cells, : part.shape[1]] = part
    # A superframe of the pattern begins `alignment` periods after one of the sum; the part
    # before it belongs to the pattern's superframe that began earlier.
    shift = alignment * FORMAT_1.n_cells
    long = np.concatenate([np.zeros((n_cells - shift, FORMAT_1.n_bands), np.float32), long])
    parts = long[: len(long) // n_cells * n_cells].reshape(-1, n_cells, FORMAT_1.n_bands)
    values = parts[:, seal_cells().reshape(n_cells, -1)]  # (superframe, seal cell)
    n_numbers = N_STARTS + len(values)
    products = np.empty((n_numbers, len(values)), dtype=np.float32)
    for begin in range(0, n_numbers, _NUMBERS_AT_ONCE):
        numbers_here = range(begin, min(begin + _NUMBERS_AT_ONCE, n_numbers))
        signs = list_signs(key, numbers_here).astype(np.float32)
        products[begin : begin + len(signs)] = signs @ values.T
    # The beginning of a call has no seal: of every end of the recording, the best.
    energies = np.cumsum((values**2).sum(axis=1)[::-1])[::-1] + 1e-30
    sums = np.zeros(N_STARTS, dtype=np.float32)
    best, score, begin = 0, -math.inf, 0
    for i in reversed(range(len(values))):
        sums += products[i : i + N_STARTS, i]
        top = int(np.argmax(sums))
        if sums[top] > score * math.sqrt(energies[i]):
            best, score, begin = top, float(sums[top]) / math.sqrt(energies[i]), i
    agreement = score / math.sqrt(energies[begin])
    return SealMatch(
        log10_p=float(log10_p_value(score, n_hypotheses=N_STARTS * len(values))),
        score=score,
        agreement=agreement,
        share=agreement / max(_measure_payload(superframes, code), 1e-30),
        first_number=best + begin,
        n_superframes=len(values) - begin,
    )


def _measure_payload(superframes: dict[int, Floats], code: npt.NDArray[np.int8]) -> float:
    """Return the agreement of the data cells with the payload."""
    is_data = np.tile(make_roles() == DATA, (FORMAT_1.n_periods, 1))
    total, energy = 0.0, 0.0
    for part in superframes.values():
        cells = part.reshape(len(code), -1)
        signs = np.where(is_data, code, 0)[:, : cells.shape[1]]
        total += float((cells * signs).sum())
        energy += float((cells**2 * (signs != 0)).sum())
    return total / max(energy, 1e-30)
