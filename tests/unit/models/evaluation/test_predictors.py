from typing import ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from models.baselines import Baseline
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.schema import RatingScale
from models.evaluation.predictors import by_baseline, measure_users

HALF_STARS = RatingScale(minimum=0.5, maximum=5.0, step=0.5)
PREDICTIONS = np.array([[0.1, 2.6, 2.8, 7.0]], dtype=np.float32)


class Fixed(Baseline):
    """Predicts the same, whatever it is asked."""

    name: ClassVar[str] = "fixed"

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        raise NotImplementedError

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:  # noqa: ARG002 - the interface
        return PREDICTIONS


@pytest.fixture
def batch() -> EpisodeBatch:
    items, ratings = np.arange(4, dtype=np.int32), np.array([0.5, 2.5, 3.5, 5.0], dtype=np.float32)
    return EpisodeBatch.of([Episode(State.WARM, 0, items[:0], ratings[:0], items, ratings)])


def test_baseline_is_clipped_to_the_scale_but_ranks_as_it_is(batch: EpisodeBatch) -> None:
    decoded = by_baseline(Fixed(), HALF_STARS)(batch)
    np.testing.assert_allclose(decoded.mean, [[0.5, 2.6, 2.8, 5.0]])
    np.testing.assert_array_equal(decoded.median, decoded.mean)
    np.testing.assert_array_equal(decoded.score, PREDICTIONS)


def test_rounded_baseline_guesses_the_nearest_rating(batch: EpisodeBatch) -> None:
    decoded = by_baseline(Fixed(), HALF_STARS, rounded=True)(batch)
    np.testing.assert_array_equal(decoded.median, [[0.5, 2.5, 3.0, 5.0]])
    np.testing.assert_allclose(decoded.mean, [[0.5, 2.6, 2.8, 5.0]])


def test_absolute_error_is_of_the_median_and_squared_error_of_the_mean(batch: EpisodeBatch) -> None:
    measures = measure_users(batch, by_baseline(Fixed(), HALF_STARS, rounded=True)(batch))
    assert measures["mae"] == pytest.approx([0.5 / 4])
    assert measures["mae_of_mean"] == pytest.approx([(0.1 + 0.7) / 4])
    assert measures["rmse"] == pytest.approx([(0.1**2 + 0.7**2) / 4])  # squared until users are averaged
    assert "nll" not in measures


@pytest.mark.parametrize(("minimum", "maximum", "step", "liked"), [(1, 5, 1, 4), (0.5, 5, 0.5, 4), (1, 10, 1, 8)])
def test_liking_begins_three_quarters_up_the_scale(minimum: float, maximum: float, step: float, liked: float) -> None:
    scale = RatingScale(minimum=minimum, maximum=maximum, step=step)
    assert scale.liked_from == liked
    assert scale.minimum + scale.level(liked) * scale.step == liked


def test_where_liking_begins_can_be_said() -> None:
    assert RatingScale(minimum=1, maximum=5, liked_from=3).liked_from == 3
