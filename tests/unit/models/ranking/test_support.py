"""The support sets that a learner gets from ranking queries."""

from dataclasses import replace

import numpy as np
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
"""One of the items is not in the catalogue. One rating has no time."""


@pytest.fixture
def supports(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> list[Support]:
    """Every support set that the learner gets."""
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


SKIPPING = (
    replace(QUERIES[0], skipped=["i7", "gone", "i3", "i5", "i7"]),
    replace(QUERIES[1], skipped={"i9"}),
    replace(QUERIES[1], skipped=()),
)
"""The first user has rated i3, and i5 and i7 are left."""


def test_support_of_queries_with_skipped_items_has_these_items_with_their_mask(
    recommender: Recommender, supports: list[Support]
) -> None:
    recommender.recommend_many(SKIPPING)

    support = supports[-1]
    rows = [recommender.items.row_of[item_id] for item_id in ("i5", "i7", "i9")]
    expected = recommender.catalogue.vectors(np.array(rows))
    assert support.seen_mask.tolist() == [[True, True], [True, False], [False, False]]
    for actual, wanted in zip(support.seen_items.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(actual[support.seen_mask], wanted, rtol=0, atol=0)


def test_support_of_queries_without_skipped_items_has_no_seen_items(
    recommender: Recommender, supports: list[Support]
) -> None:
    recommender.recommend_many(QUERIES)

    assert supports[-1].seen_items is None
    assert supports[-1].seen_mask is None


def test_support_of_reasons_for_a_query_with_skipped_items_has_these_items(
    recommender: Recommender, supports: list[Support]
) -> None:
    explain(recommender, SKIPPING[0], ["i9"])

    assert supports[-1].seen_mask.tolist() == [[True, True]] * 3
    assert {len(values) for values in supports[-1].seen_items.tensors()} == {3}


def test_skipped_items_may_be_recommended(recommender: Recommender) -> None:
    query = replace(QUERIES[1], n=100)

    assert recommender.recommend(replace(query, skipped=["i9"])) == recommender.recommend(query)
