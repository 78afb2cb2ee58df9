"""The times of ratings and queries, from a ranking query to the learner; recorded where the learner adapts."""

import pytest
import torch

from models.artifact import TrainedModel
from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.explanation import explain

QUERIES = (
    RankingQuery(
        {}, [ItemRating("i3", 4.0, 300), ItemRating("gone", 1.0, 200), ItemRating("i1", 5.0, 100)], 3, now=999
    ),
    RankingQuery({}, [ItemRating("i2", 1.0)], 3, now=500),
)
"""One of the items is not in the catalogue; one rating has no time."""


@pytest.fixture
def supports(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> list[Support]:
    """Every support set that the learner is given."""
    seen: list[Support] = []
    adapt = model.learner.adapt

    def record(support: Support) -> object:
        seen.append(support)
        return adapt(support)

    monkeypatch.setattr(model.learner, "adapt", record)
    return seen


@pytest.fixture
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def test_support_of_a_list_has_the_time_of_each_rating_and_of_each_query(
    recommender: Recommender, supports: list[Support]
) -> None:
    recommender.recommend_many(QUERIES)

    support = supports[-1]
    assert support.times.dtype is support.now.dtype is torch.int64
    assert support.times.tolist() == [[300, 100], [0, 0]]
    assert support.ratings.tolist() == [[4.0, 5.0], [1.0, 0.0]]
    assert support.mask.tolist() == [[True, True], [True, False]]
    assert support.now.tolist() == [999, 500]


def test_support_of_predicted_ratings_has_the_times(recommender: Recommender, supports: list[Support]) -> None:
    recommender.predicted_ratings(QUERIES, [["i5"], ["i5"]])

    assert supports[-1].times.tolist() == [[300, 100], [0, 0]]
    assert supports[-1].now.tolist() == [999, 500]


def test_support_of_reasons_has_the_times(recommender: Recommender, supports: list[Support]) -> None:
    explain(recommender, QUERIES[0], ["i5"])

    assert supports[-1].times.tolist() == [[300, 100]] * 3
    assert supports[-1].now.tolist() == [999] * 3
