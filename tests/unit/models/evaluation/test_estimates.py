"""Averages over users of which some have no value."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.estimates import (
    compare_measures,
    concatenate_users,
    estimate_difference,
    estimate_inequality,
    estimate_means,
    estimate_measures,
)
from models.metrics import GINI, INEQUALITIES, WORST_TENTH

GENERATOR = np.random.default_rng(0)
MAES, NDCGS, RMSES = GENERATOR.gamma(2.0, 0.5, (3, 50))
UNDEFINED = np.arange(50) < 7


def test_estimate_measures_leaves_out_and_counts_undefined_users() -> None:
    values = {"mae": MAES, "ndcg@3_linear": np.where(UNDEFINED, np.nan, NDCGS)}
    found = estimate_measures(values, resamples=200, seed=0)
    assert found["mae"].undefined_users == 0
    assert found["ndcg@3_linear"].undefined_users == 7
    assert found["ndcg@3_linear"].value == pytest.approx(NDCGS[7:].mean())
    assert found["ndcg@3_linear"].low < found["ndcg@3_linear"].value < found["ndcg@3_linear"].high


def test_estimate_measures_without_any_defined_user_has_no_estimate() -> None:
    assert list(estimate_measures({"mae": MAES, "nll": np.full(50, np.nan)}, resamples=100, seed=0)) == ["mae"]


def test_estimate_measures_rmse_is_the_root_of_the_mean_square() -> None:
    (found,) = estimate_measures({"rmse": RMSES}, resamples=100, seed=0).values()
    assert found.value == pytest.approx(np.sqrt(np.mean(RMSES**2)))


def test_estimate_means_counts_users_without_a_value_by_column() -> None:
    first, second = estimate_means(np.column_stack([MAES, np.where(UNDEFINED, np.nan, MAES)]), resamples=100, seed=0)
    assert (first.undefined_users, second.undefined_users) == (0, 7)
    assert (first.value, second.value) == (pytest.approx(MAES.mean()), pytest.approx(MAES[7:].mean()))


@pytest.mark.parametrize("users", [np.array([0.5]), np.array([0.5, np.nan])], ids=["alone", "the others undefined"])
def test_figure_of_a_single_user_has_no_interval(users: NDArray[np.float64]) -> None:
    (of_measure,) = estimate_measures({"mae": users}, resamples=100, seed=0).values()
    (of_mean,) = estimate_means(users[:, None], resamples=100, seed=0)
    (compared,) = compare_measures({"mae": users}, {"mae": users + 1}, resamples=100, seed=0).values()
    for estimate in (of_measure, of_mean, compared.difference):
        assert (estimate.low, estimate.high) == (None, None)
        assert estimate.ends == (estimate.value, estimate.value)


def test_compare_measures_leaves_out_users_who_are_undefined_for_either_model() -> None:
    new = {"ndcg@3_linear": np.where(np.arange(50) < 3, np.nan, NDCGS + 0.25)}
    active = {"ndcg@3_linear": np.where(np.arange(50) >= 46, np.nan, NDCGS)}
    (found,) = compare_measures(new, active, resamples=100, seed=0).values()
    assert found.active == pytest.approx(NDCGS[3:46].mean())
    assert found.difference.undefined_users == 7
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx((0.25,) * 3)


def test_compare_measures_that_one_model_lacks_are_missing() -> None:
    new, active = {"nll": MAES, "rmse": RMSES}, {"nll": np.full(50, np.nan), "rmse": RMSES}
    assert list(compare_measures(new, active, resamples=100, seed=0)) == ["rmse"]


def test_concatenate_users_keeps_the_order_of_the_batches() -> None:
    found = concatenate_users([{"mae": MAES[:3]}, {"mae": MAES[3:]}])
    np.testing.assert_array_equal(found["mae"], MAES)


def test_estimate_inequality_has_the_values_of_the_measures_and_intervals_around_them() -> None:
    found = estimate_inequality(MAES, resamples=200, seed=0)
    assert list(found) == ["worst_tenth", *INEQUALITIES]
    assert found["gini"].value == pytest.approx(GINI.of(MAES))
    assert found["worst_tenth"].value == pytest.approx(np.sort(MAES)[-5:].mean())
    for estimate in found.values():
        assert estimate.low < estimate.value < estimate.high


def test_estimate_inequality_interval_is_that_of_resampled_users() -> None:
    generator = np.random.default_rng(3)
    resampled = [WORST_TENTH.of(generator.choice(MAES, 50)) for _ in range(4000)]
    found = estimate_inequality(MAES, resamples=4000, seed=0)["worst_tenth"]
    assert found.ends == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])), abs=0.1)


def test_estimate_inequality_of_a_single_user_has_no_interval() -> None:
    for estimate in estimate_inequality(np.array([0.5]), resamples=100, seed=0).values():
        assert not estimate.has_interval


def test_estimate_difference_interval_is_that_of_two_independent_means() -> None:
    first, second = MAES[:30], RMSES
    found = estimate_difference(first, second, resamples=4000, seed=0)
    error = np.sqrt(first.var() / 30 + second.var() / 50)
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert not estimate_difference(first[:1], second, resamples=100, seed=0).has_interval
