import numpy as np
import pytest
from sklearn.metrics import log_loss

from models.data.rating_scale import RatingScale
from models.metrics import MEASURES
from tests.unit.models.predictions import predicted_ratings

NLL = MEASURES["nll"]
LEVELS = 5
HALF_STARS = RatingScale(minimum=0.5, maximum=2.5, step=0.5)


def test_nll_of_each_user_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(LEVELS), (5, 7)).astype(np.float32)
    true_levels = generator.integers(0, LEVELS, (5, 7))
    sizes = [7, 1, 3, 6, 2]
    mask = np.arange(7) < np.array(sizes)[:, None]
    expected = [
        log_loss(
            true_levels[user, :size],
            probabilities[user, :size] / probabilities[user, :size].sum(axis=1, keepdims=True, dtype=np.float64),
            labels=range(LEVELS),
        )
        for user, size in enumerate(sizes)
    ]
    ratings = (0.5 + 0.5 * true_levels).astype(np.float32)
    predicted = predicted_ratings(np.zeros((5, 7)), scale=HALF_STARS, probabilities=probabilities)
    np.testing.assert_allclose(NLL.per_user(predicted, ratings, mask), expected, rtol=1e-5)


@pytest.mark.parametrize("probability", [0.0, 1e-7])
def test_nll_of_an_impossible_rating_is_cut_off_at_1_in_100_000(probability: float) -> None:
    probabilities = np.array([[[probability, 1, 0, 0, 0]]], dtype=np.float32)
    predicted = predicted_ratings([[2.0]], probabilities=probabilities)
    found = NLL.per_user(predicted, np.array([[1.0]], dtype=np.float32), np.array([[True]]))
    assert found.tolist() == pytest.approx([-np.log(1e-5)])


@pytest.mark.parametrize("junk", [0.0, 0.3, 1.0, np.nan])
def test_nll_predictions_of_padding_are_ignored(junk: float) -> None:
    probabilities = np.full((1, 2, LEVELS), 0.25, dtype=np.float32)
    probabilities[0, 1] = junk
    predicted = predicted_ratings([[2.0, 2.0]], probabilities=probabilities)
    found = NLL.per_user(predicted, np.array([[4.0, 0.0]], dtype=np.float32), np.array([[True, False]]))
    assert found.tolist() == pytest.approx([np.log(4)])


def test_nll_without_predicted_distribution_is_undefined() -> None:
    found = NLL.per_user(predicted_ratings([[2.0]]), np.array([[2.0]], dtype=np.float32), np.array([[True]]))
    assert np.isnan(found).tolist() == [True]
