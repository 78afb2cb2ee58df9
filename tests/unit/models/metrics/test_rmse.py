import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from models.metrics import MEASURES
from models.metrics.bootstrap import bootstrap_averages, bootstrap_means
from tests.unit.models.predictions import predicted_ratings

RMSE = MEASURES["rmse"]


def test_rmse_of_each_user_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    ratings = generator.integers(1, 6, (5, 7)).astype(np.float32)
    predictions = generator.uniform(1, 5, (5, 7)).astype(np.float32)
    sizes = [7, 1, 3, 6, 2]
    mask = np.arange(7) < np.array(sizes)[:, None]
    expected = [
        root_mean_squared_error(ratings[user, :size], predictions[user, :size]) for user, size in enumerate(sizes)
    ]
    np.testing.assert_allclose(RMSE.per_user(predicted_ratings(predictions), ratings, mask), expected, rtol=1e-6)


@pytest.mark.parametrize("junk", [1e15, -1e15, np.inf, np.nan])
def test_rmse_predictions_of_padding_are_ignored(junk: float) -> None:
    ratings, mask = np.array([[4, 0]], dtype=np.float32), np.array([[True, False]])
    assert RMSE.per_user(predicted_ratings([[2.5, junk]]), ratings, mask).tolist() == [1.5]


def test_rmse_average_is_the_root_of_the_mean_square() -> None:
    assert RMSE.average(np.array([1.0, 7.0])) == pytest.approx(5.0)


def test_rmse_average_leaves_out_undefined_users() -> None:
    assert RMSE.average(np.array([1.0, np.nan, 7.0])) == pytest.approx(5.0)
    assert np.isnan(RMSE.average(np.array([np.nan])))


def test_rmse_resampled_averages_are_roots_of_resampled_mean_squares() -> None:
    values = np.random.default_rng(0).gamma(2.0, 0.5, 40)
    averages, resampled = bootstrap_averages([(RMSE, values)], resamples=50, seed=3)
    assert averages == pytest.approx([np.sqrt(np.mean(values**2))])
    np.testing.assert_allclose(resampled, np.sqrt(bootstrap_means(values[:, None] ** 2, resamples=50, seed=3)))
