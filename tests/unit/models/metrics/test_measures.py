import re

import numpy as np
import pytest

from models.metrics import MEASURES, Direction, measure_caption, measure_title, measure_users
from models.metrics.measure import Measure
from tests.unit.models.predictions import predicted_ratings

EVERY_MEASURE = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
LEVELS = np.arange(1, 6)


def distribution_around(ratings: np.ndarray) -> np.ndarray:
    """Probabilities [B, Q, 5] that fall with the distance to the ratings."""
    weights = np.exp(-np.abs(LEVELS - ratings[..., None]))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float32)


@EVERY_MEASURE
def test_measure_of_better_predictions_is_better_in_its_direction(measure: Measure) -> None:
    ratings = np.array([[1, 2, 3, 4, 5], [5, 1, 4, 2, 3]], dtype=np.float32)
    mask = np.ones(ratings.shape, dtype=np.bool_)
    good, bad = (
        measure.per_user(predicted_ratings(values, probabilities=distribution_around(values)), ratings, mask)
        for values in (ratings, 6 - ratings)
    )
    assert (measure.direction.sign * (good - bad) < 0).all()
    assert measure.direction.sign * (measure.average(good) - measure.average(bad)) < 0


@EVERY_MEASURE
def test_measure_average_inverts_its_summands(measure: Measure) -> None:
    values = np.array([0.25, 0.5, 1.0])
    np.testing.assert_allclose(measure.from_mean(measure.to_summand(values)), values)
    assert measure.average(np.array([0.5, np.nan, 0.5])) == pytest.approx(0.5)
    assert np.isnan(measure.average(np.array([np.nan, np.nan])))


def test_measure_names_are_keys_and_titles_are_unique() -> None:
    assert all(measure.name == name for name, measure in MEASURES.items())
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*|ndcg@\d+_[a-z]+", name) for name in MEASURES)
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)


def test_measure_users_has_every_measure_of_every_user() -> None:
    ratings, mask = np.array([[4.0], [5.0]], dtype=np.float32), np.ones((2, 1), dtype=np.bool_)
    found = measure_users(predicted_ratings([[3.0], [5.0]]), ratings, mask)
    assert list(found) == list(MEASURES)
    assert {values.shape for values in found.values()} == {(2,)}
    assert found["mae"].tolist() == found["rmse"].tolist() == [1.0, 0.0]
    assert np.isnan(found["nll"]).all()


@pytest.mark.parametrize(
    ("name", "title", "caption"),
    [
        ("mae", "MAE", "MAE (rating points, lower is better)"),
        ("ndcg@3_exponential", "nDCG@3, exponential gain", "nDCG@3, exponential gain (higher is better)"),
        ("nll", "Negative log-likelihood", "Negative log-likelihood (nats, lower is better)"),
        ("list_ndcg@10", "nDCG@10", "nDCG@10 (higher is better)"),
        ("distinct_items@10", "Distinct items in the top 10", "Distinct items in the top 10 (items, higher is better)"),
        ("of_another_version", "of_another_version", "of_another_version"),
    ],
)
def test_measure_title_and_caption_are_for_people(name: str, title: str, caption: str) -> None:
    assert (measure_title(name), measure_caption(name)) == (title, caption)


def test_direction_sign_makes_better_values_smaller() -> None:
    assert (Direction.LOWER.sign, Direction.HIGHER.sign) == (1, -1)
