"""What people choose changes with time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.choice.config import ChoiceConfig
from models.choice.trend import Trend
from models.data.dataset import UNKNOWN_TIME
from tests.choice import SMALL_CHOICE
from tests.unit.models.choice.halves import ITEMS, Halves

YEAR = 365 * 86_400
EARLY, LATE = 40 * YEAR, 42 * YEAR


@pytest.fixture
def trend() -> Trend:
    """Three points, a year apart, with vectors of two dimensions."""
    trend = Trend(3, 2).requires_grad_(requires_grad=False)
    trend.place_points(np.array([LATE, UNKNOWN_TIME, EARLY, EARLY + YEAR]))
    trend.vectors.copy_(torch.tensor([[0.0, 1.0], [2.0, 1.0], [2.0, 5.0]]))
    return trend


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (EARLY, [0.0, 1.0]),
        (EARLY + YEAR // 4, [0.5, 1.0]),
        (EARLY + YEAR, [2.0, 1.0]),
        (LATE - YEAR // 2, [2.0, 3.0]),
        (EARLY - YEAR, [0.0, 1.0]),
        (LATE + YEAR, [2.0, 5.0]),
        (UNKNOWN_TIME, [2.0, 5.0]),
    ],
)
def test_vector_is_interpolated_and_stays_the_same_outside(trend: Trend, now: int, expected: list[float]) -> None:
    torch.testing.assert_close(trend(torch.tensor([now])), torch.tensor([expected]))


@pytest.mark.parametrize("times", [[EARLY, EARLY, EARLY, LATE], [EARLY], [UNKNOWN_TIME], []])
def test_equal_or_unknown_times_give_finite_vectors(trend: Trend, times: list[int]) -> None:
    trend.place_points(np.array(times, dtype=np.int64))
    assert torch.isfinite(trend(torch.tensor([UNKNOWN_TIME, EARLY, LATE]))).all()


def test_one_point_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 2"):
        ChoiceConfig(trend_points=1)


def test_a_stranger_is_recommended_what_people_choose_at_the_time() -> None:
    config = SMALL_CHOICE.model_copy(
        update={"trend_points": 3, "learning_rate": 2e-2, "updates": 90, "empty_supports": 0.5}
    )
    data = Halves(config)
    ratings = data.dataset.ratings
    # Odd users, who choose odd items, came two years later.
    times = np.where(ratings.users % 2 == 0, EARLY, LATE) + 86_400 * (ratings.users // 2)
    data.dataset = replace(data.dataset, ratings=replace(ratings, times=times))
    data.trainer().fit(config.rounds)

    with torch.no_grad():
        items, strangers = data.model.embed_items(data.encoded.items), data.support({}, {}, {})
        timed = replace(strangers, now=torch.tensor([EARLY, LATE + YEAR, UNKNOWN_TIME]))
        early, late, unknown = data.model.prepare(items).scores(data.model.adapt(timed), timed.users).softmax(dim=1)

    even, odd = np.arange(0, ITEMS, 2), np.arange(1, ITEMS, 2)
    assert early[even].min() > 3 * early[odd].max()
    assert late[odd].min() > 3 * late[even].max()
    torch.testing.assert_close(unknown, late)
