import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from models.metrics import MAE, MEASURES, PredictedRatings
from tests.unit.models.predictions import STARS, predicted_ratings


def test_mae_of_each_user_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    ratings = generator.integers(1, 6, (5, 7)).astype(np.float32)
    predictions = generator.uniform(1, 5, (5, 7)).astype(np.float32)
    sizes = [7, 1, 3, 6, 2]
    mask = np.arange(7) < np.array(sizes)[:, None]
    expected = [mean_absolute_error(ratings[user, :size], predictions[user, :size]) for user, size in enumerate(sizes)]
    np.testing.assert_allclose(MAE.per_user(predicted_ratings(predictions), ratings, mask), expected, rtol=1e-6)


def test_mae_is_of_the_median_and_mae_of_mean_of_the_mean() -> None:
    predicted = PredictedRatings(STARS, mean=np.float32([[3.0]]), median=np.float32([[4.0]]), score=np.float32([[0.0]]))
    ratings, mask = np.float32([[5.0]]), np.array([[True]])
    assert MAE.per_user(predicted, ratings, mask).tolist() == [1.0]
    assert MEASURES["mae_of_mean"].per_user(predicted, ratings, mask).tolist() == [2.0]


@pytest.mark.parametrize("junk", [1e30, -1e30, np.inf, np.nan])
def test_mae_predictions_of_padding_are_ignored(junk: float) -> None:
    ratings, mask = np.array([[4, 0]], dtype=np.float32), np.array([[True, False]])
    assert MAE.per_user(predicted_ratings([[2.5, junk]]), ratings, mask).tolist() == [1.5]


def test_mae_without_query_ratings_is_undefined() -> None:
    ratings, mask = np.array([[4], [0]], dtype=np.float32), np.array([[True], [False]])
    np.testing.assert_array_equal(MAE.per_user(predicted_ratings([[3], [3]]), ratings, mask), [1.0, np.nan])
