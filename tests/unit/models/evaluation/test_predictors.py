from typing import ClassVar, Self

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.baselines import Baseline
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.rating_scale import RatingScale
from models.evaluation.predictors import by_baseline
from models.learners.heads.base import Predictions
from models.metrics import PredictedRatings, measure_users

HALF_STARS = RatingScale(minimum=0.5, maximum=5.0, step=0.5)
PREDICTIONS = np.array([[0.1, 2.6, 2.8, 7.0]], dtype=np.float32)


class Fixed(Baseline):
    """Predicts the same for all episodes."""

    name: ClassVar[str] = "fixed"

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:  # noqa: ARG003 - the interface
        return cls()

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:  # noqa: ARG002 - the interface
        return PREDICTIONS


@pytest.fixture
def batch() -> EpisodeBatch:
    items, ratings = np.arange(4, dtype=np.int32), np.array([0.5, 2.5, 3.5, 5.0], dtype=np.float32)
    return EpisodeBatch.of([Episode(State.WARM, 0, items[:0], ratings[:0], items, ratings)])


def test_baseline_predictions_are_clipped_to_the_scale_but_scores_are_not(batch: EpisodeBatch) -> None:
    predicted = by_baseline(Fixed(), HALF_STARS)(batch)
    np.testing.assert_allclose(predicted.mean, [[0.5, 2.6, 2.8, 5.0]])
    np.testing.assert_array_equal(predicted.score, PREDICTIONS)


def test_median_of_learners_and_baselines_is_the_nearest_rating(batch: EpisodeBatch) -> None:
    point = torch.tensor(PREDICTIONS)
    learned = PredictedRatings.of(Predictions(score=point, mean=point, median=point, distribution=None), HALF_STARS)
    for predicted in (learned, by_baseline(Fixed(), HALF_STARS)(batch)):
        np.testing.assert_array_equal(predicted.median, [[0.5, 2.5, 3.0, 5.0]])


def test_median_on_a_continuous_scale_is_not_rounded(batch: EpisodeBatch) -> None:
    predicted = by_baseline(Fixed(), RatingScale(minimum=0.5, maximum=5.0, continuous=True))(batch)
    np.testing.assert_array_equal(predicted.median, predicted.mean)


def test_measures_of_a_baseline_take_the_median_for_the_mae_and_the_mean_for_the_rmse(batch: EpisodeBatch) -> None:
    predicted = by_baseline(Fixed(), HALF_STARS)(batch)
    measures = measure_users(predicted, batch.query_ratings, batch.query_mask)
    assert measures["mae"] == pytest.approx([0.5 / 4])
    assert measures["mae_of_mean"] == pytest.approx([(0.1 + 0.7) / 4])
    assert measures["rmse"] == pytest.approx([np.sqrt((0.1**2 + 0.7**2) / 4)])
    assert np.isnan(measures["nll"]).all()


@pytest.mark.parametrize(("minimum", "maximum", "step", "liked"), [(1, 5, 1, 4), (0.5, 5, 0.5, 4), (1, 10, 1, 8)])
def test_liked_from_default_is_the_level_three_quarters_up_the_scale(
    minimum: float, maximum: float, step: float, liked: float
) -> None:
    scale = RatingScale(minimum=minimum, maximum=maximum, step=step)
    assert scale.liked_from == liked
    assert scale.minimum + scale.level(liked) * scale.step == liked


def test_liked_from_given_value_is_kept() -> None:
    assert RatingScale(minimum=1, maximum=5, liked_from=3).liked_from == 3
