from __future__ import annotations

import numpy as np
import pytest

from sottovoce.core.pattern import SYNC, make_roles, make_sync_signs
from sottovoce.core.search import find_peaks, fold, interleave, offset_scores, sync_spectra


@pytest.mark.parametrize("n_bands", [20, 15])
def test_correlation_matches_the_sum_written_out(rng: np.random.Generator, n_bands: int) -> None:
    folded = rng.standard_normal((2, 320, n_bands)).astype(np.float32)
    z = offset_scores(folded)
    signs, role = make_sync_signs()[:, :n_bands], make_roles()[:, :n_bands] == SYNC
    for clip, offset in ((0, 0), (0, 319), (1, 5), (1, 162)):
        rows = folded[clip, (offset + 4 * np.arange(80)) % 320]
        expected = (signs * rows).sum() / np.sqrt((rows[role] ** 2).sum())
        assert z[clip, offset] == pytest.approx(expected, abs=1e-4)


def test_folding_adds_frames_of_one_number(rng: np.random.Generator) -> None:
    scores = rng.standard_normal((1_000, 3)).astype(np.float32)
    folded = fold(scores, first=7)
    expected = scores[(5 - 7) % 320 :: 320].sum(axis=0)
    np.testing.assert_allclose(folded[5], expected, rtol=1e-5)


def test_interleaving_smooths_by_half(rng: np.random.Generator) -> None:
    even, odd = rng.standard_normal((2, 10, 2)).astype(np.float32)
    fine = interleave(even, odd)
    np.testing.assert_allclose(fine[6], even[3] + 0.5 * (odd[2] + odd[3]), rtol=1e-6)
    np.testing.assert_allclose(fine[7], odd[3] + 0.5 * (even[3] + even[4]), rtol=1e-6)


def test_decoys_are_searched_together(rng: np.random.Generator) -> None:
    folded = rng.standard_normal((1, 640, 20)).astype(np.float32)
    labels = ("decoy 1", "decoy 2")
    together = offset_scores(folded, spectra=sync_spectra(labels))
    assert together.shape == (1, 640, 2)
    alone = offset_scores(folded, spectra=sync_spectra(labels[1:]))
    np.testing.assert_allclose(together[..., 1], alone[..., 0], atol=1e-4)


def test_no_sound_scores_nothing() -> None:
    assert not offset_scores(np.zeros((1, 320, 20), dtype=np.float32)).any()


def test_peaks_hide_their_side_lobes() -> None:
    z = np.zeros(640, dtype=np.float32)
    z[[2, 6, 639, 100]] = [9.0, 8.0, 7.0, 6.5]
    assert [offset for offset, _ in find_peaks(z, least=6.0, n_steps=8)] == [2, 100]
