import numpy as np
import scipy.stats

from models.metrics.bootstrap import bootstrap_means, interval_95

VALUES = np.random.default_rng(0).gamma(2.0, 0.5, (60, 2))


def test_interval_agrees_with_scipys_percentile_bootstrap() -> None:
    actual = interval_95(bootstrap_means(VALUES, resamples=20_000, seed=1))
    reference = scipy.stats.bootstrap(
        (VALUES,), np.mean, axis=0, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    # Both are estimates; their own spread is about a hundredth of the interval.
    tolerance = 0.03 * float((reference.high - reference.low).min())
    np.testing.assert_allclose(actual, [reference.low, reference.high], rtol=0, atol=tolerance)


def test_columns_are_resampled_together() -> None:
    paired = np.column_stack([VALUES[:, 0], VALUES[:, 0] + 0.25])
    resampled = bootstrap_means(paired, resamples=200, seed=0)
    np.testing.assert_allclose(resampled[:, 1] - resampled[:, 0], 0.25)


def test_seed_decides_the_resamples() -> None:
    first, again, other = (bootstrap_means(VALUES, resamples=5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_one_user_has_no_spread() -> None:
    np.testing.assert_array_equal(bootstrap_means(np.array([[2.5]]), resamples=100, seed=0), np.full((100, 1), 2.5))


def test_interval_holds_the_middle_95_percent() -> None:
    np.testing.assert_allclose(interval_95(np.arange(1001.0)[:, None]), [[25.0], [975.0]])
