from __future__ import annotations

import numpy as np

from sottovoce.core.features import CONTEXT_FRAMES, CellFeatures, make_features, measure_floors
from sottovoce.core.framing import count_usable_bands
from sottovoce.core.score import CellScorer, ScoreWeights, load_weights


def naive_score(
    features: CellFeatures, weights: ScoreWeights, clip: int, frame: int, band: int
) -> float:
    """Evaluate the network at one place, term by term."""
    n_bands = features.levels.shape[2]
    at, total = frame + CONTEXT_FRAMES, 0.0
    for j in range(4):
        seen = sum(
            float(
                np.dot(
                    weights.filters[j, d + 3], features.levels[clip, at - 10 : at + 11, band + d]
                )
            )
            for d in range(-3, 4)
            if 0 <= band + d < n_bands
        )
        hidden = weights.gate_biases[:, band] + (
            weights.gate_descriptors @ features.descriptors[clip, band]
        )
        for m, values in enumerate((features.snrs, features.volatilities)):
            for k in range(-3, 4):
                for d in (-1, 0, 1):
                    if 0 <= band + d < n_bands:
                        tap = weights.gate_maps[:, m, k + 3, d + 1]
                        hidden = hidden + tap * values[clip, at // 2 + k, band + d]
        x = weights.gate_outputs[j] @ np.maximum(hidden, 0) + weights.gate_output_biases[j]
        gate = x + np.sqrt(x * x + 4)
        total += float(weights.outputs[j, band] * gate * seen / np.sqrt(1 + seen * seen))
    return total


def random_features(rng: np.random.Generator, n_bands: int) -> CellFeatures:
    energies = rng.gamma(1.0, size=(3, 64 + 2 * CONTEXT_FRAMES, n_bands)).astype(np.float32)
    return make_features(energies, measure_floors(energies))


def test_matrix_products_match_the_network_term_by_term(rng: np.random.Generator) -> None:
    for n_bands in (20, 15):
        features = random_features(rng, n_bands)
        scores = CellScorer()(features)
        assert scores.shape == (3, 64, n_bands)
        for clip, frame, band in ((0, 0, 0), (1, 7, n_bands - 1), (2, 63, 4), (1, 32, 9)):
            expected = naive_score(features, load_weights(), clip, frame, band)
            assert abs(scores[clip, frame, band] - expected) < 1e-3


def test_clips_of_a_batch_do_not_touch_each_other(rng: np.random.Generator) -> None:
    energies = rng.gamma(1.0, size=(2, 88, 20)).astype(np.float32)
    both = CellScorer()(make_features(energies, measure_floors(energies)))
    alone = energies[1:]
    one = CellScorer()(make_features(alone, measure_floors(alone)))
    np.testing.assert_allclose(both[1:], one, atol=1e-4)


def test_gain_changes_no_feature(rng: np.random.Generator) -> None:
    energies = rng.gamma(1.0, size=(1, 100, 20)).astype(np.float32)
    scaled = energies * np.float32(2.0**20)
    plain = make_features(energies, measure_floors(energies))
    loud = make_features(scaled, measure_floors(scaled))
    np.testing.assert_allclose(loud.snrs, plain.snrs, atol=1e-4)
    np.testing.assert_allclose(loud.volatilities, plain.volatilities, atol=1e-3)
    np.testing.assert_allclose(loud.descriptors, plain.descriptors, atol=1e-3)


def test_filters_ignore_a_constant_level() -> None:
    assert np.abs(load_weights().filters.sum(axis=2)).max() < 1e-4


def test_the_weights_are_small() -> None:
    weights = load_weights()
    n = sum(getattr(weights, name).size for name in ScoreWeights.__slots__)
    assert n < 2_000


def test_bands_that_a_rate_can_carry() -> None:
    assert [count_usable_bands(sr) for sr in (8_000, 11_025, 14_401, 48_000)] == [15, 17, 20, 20]


def test_buffers_that_are_used_again_change_nothing(rng: np.random.Generator) -> None:
    scorer = CellScorer()
    large, small = random_features(rng, 20), random_features(rng, 15)
    first = scorer(large)
    kept = first.copy()
    scorer(small)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(scorer(large), kept)
    np.testing.assert_array_equal(scorer(small), CellScorer()(small))
