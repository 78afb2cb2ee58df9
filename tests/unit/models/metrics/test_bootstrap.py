import numpy as np
import pytest
import scipy.stats

from models.metrics import MAE
from models.metrics.bootstrap import bootstrap_averages, bootstrap_means, interval_95, pair

VALUES = np.random.default_rng(0).gamma(2.0, 0.5, (60, 2))


def test_interval_95_agrees_with_the_percentile_bootstrap_of_scipy() -> None:
    actual = interval_95(bootstrap_means(VALUES, resamples=20_000, seed=1))
    reference = scipy.stats.bootstrap(
        (VALUES,), np.mean, axis=0, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    # Both are estimates, which vary by about a hundredth of the interval.
    tolerance = 0.03 * float((reference.high - reference.low).min())
    np.testing.assert_allclose(actual, [reference.low, reference.high], rtol=0, atol=tolerance)


def test_bootstrap_means_columns_are_resampled_together() -> None:
    paired = np.column_stack([VALUES[:, 0], VALUES[:, 0] + 0.25])
    resampled = bootstrap_means(paired, resamples=200, seed=0)
    np.testing.assert_allclose(resampled[:, 1] - resampled[:, 0], 0.25)


def test_bootstrap_means_same_seed_gives_the_same_resamples() -> None:
    first, again, other = (bootstrap_means(VALUES, resamples=5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_bootstrap_means_of_one_user_do_not_vary() -> None:
    np.testing.assert_array_equal(bootstrap_means(np.array([[2.5]]), resamples=100, seed=0), np.full((100, 1), 2.5))


def test_interval_95_holds_the_middle_95_percent() -> None:
    np.testing.assert_allclose(interval_95(np.arange(1001.0)[:, None]), [[25.0], [975.0]])


def test_bootstrap_means_leave_out_undefined_values_of_the_same_draws() -> None:
    values = VALUES[:, :1].copy()
    values[::3] = np.nan
    # The reference draws users one by one from the same counts.
    counts = np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60), size=30)
    expected = [np.nanmean(np.repeat(values[:, 0], drawn)) for drawn in counts]
    np.testing.assert_allclose(bootstrap_means(values, resamples=30, seed=7)[:, 0], expected)


def test_bootstrap_means_of_defined_columns_do_not_depend_on_undefined_ones() -> None:
    with_undefined = np.column_stack([VALUES, np.full(60, np.nan)])
    found = bootstrap_means(with_undefined, resamples=20, seed=0)
    np.testing.assert_array_equal(found[:, :2], bootstrap_means(VALUES, resamples=20, seed=0))
    assert np.isnan(found[:, 2]).all()


def test_interval_95_ignores_undefined_samples() -> None:
    samples = np.append(np.arange(1001.0), np.nan)[:, None]
    np.testing.assert_allclose(interval_95(samples), [[25.0], [975.0]])


def test_bootstrap_averages_of_paired_values_are_paired() -> None:
    first, second = VALUES[:, 0].copy(), VALUES[:, 0] + 0.25
    first[:5], second[3:9] = np.nan, np.nan
    averages, resampled = bootstrap_averages([(MAE, values) for values in pair(first, second)], resamples=50, seed=0)
    assert averages[1] - averages[0] == pytest.approx(0.25)
    np.testing.assert_allclose(resampled[:, 1] - resampled[:, 0], 0.25)


def test_pair_keeps_users_for_whom_both_are_defined() -> None:
    first, second = pair(np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, 4.0]))
    np.testing.assert_array_equal(first, [np.nan, np.nan, 3.0])
    np.testing.assert_array_equal(second, [np.nan, np.nan, 4.0])
