"""The support sets that a learner gets from ranking queries."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel
from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.explanation import explain
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.supports import QuerySupports

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


OTHERS = {"interactions": "interaction", "skipped": "skipped"}
"""What a query has beside ratings, and how the support set calls it."""


def without_ratings(kind: str) -> tuple[RankingQuery, ...]:
    """Queries with interactions or skipped items; the first user has rated i3, and i5 and i7 are left."""
    given = (["i5", "gone", "i3", "i7"], ["i9"], [])
    if kind == "interactions":
        given = tuple([ItemInteraction(item_id, "view", time=7) for item_id in ids] for ids in given)
    return tuple(replace(query, **{kind: ids}) for query, ids in zip((*QUERIES, QUERIES[1]), given, strict=True))


@pytest.mark.parametrize("rank_by", RankBy)
@pytest.mark.parametrize(("kind", "other"), [("interactions", "skipped"), ("skipped", "interactions")])
def test_support_of_queries_with_interactions_or_skipped_items_has_these_items_with_their_mask(
    recommender: Recommender, rank_by: RankBy, kind: str, other: str
) -> None:
    support = QuerySupports(recommender.catalogue, without_ratings(kind)).of(rank_by)

    rows = [recommender.items.row_of[item_id] for item_id in ("i5", "i7", "i9")]
    expected = recommender.catalogue.vectors(np.array(rows), rank_by)
    mask, items = getattr(support, f"{OTHERS[kind]}_mask"), getattr(support, f"{OTHERS[kind]}_items")
    assert mask.tolist() == [[True, True], [True, False], [False, False]]
    for actual, wanted in zip(items.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(actual[mask], wanted, rtol=0, atol=0)
    assert getattr(support, f"{OTHERS[other]}_items") is getattr(support, f"{OTHERS[other]}_mask") is None


def test_support_of_queries_with_interactions_has_their_kinds_and_times(recommender: Recommender) -> None:
    support = QuerySupports(recommender.catalogue, without_ratings("interactions")).of(RankBy.CHOICE)

    view = list(recommender.model.schema.kinds).index("view")
    assert support.interaction_kinds[support.interaction_mask].tolist() == [view] * 3
    assert support.interaction_times.tolist() == [[7, 7], [7, 0], [0, 0]]


def test_interaction_of_a_kind_that_the_schema_does_not_name_is_ignored(recommender: Recommender) -> None:
    query = replace(QUERIES[1], interactions=[ItemInteraction("i9", "wave")])

    assert QuerySupports(recommender.catalogue, [query]).of(RankBy.CHOICE).interaction_items is None


def test_support_of_queries_without_interactions_and_skipped_items_has_none(
    recommender: Recommender, supports: list[Support]
) -> None:
    recommender.recommend_many(QUERIES)

    support = supports[-1]
    assert support.interaction_items is support.interaction_mask is None
    assert support.skipped_items is support.skipped_mask is None


@pytest.mark.parametrize(("kind", "variants"), [("interactions", 5), ("skipped", 3)])
def test_support_of_reasons_for_a_query_with_interactions_or_skipped_items_has_these_items(
    recommender: Recommender, supports: list[Support], kind: str, variants: int
) -> None:
    explain(recommender, without_ratings(kind)[0], ["i9"])

    everything = getattr(supports[-1], f"{OTHERS[kind]}_mask")
    assert everything[-1].tolist() == [True, True]
    assert {len(values) for values in getattr(supports[-1], f"{OTHERS[kind]}_items").tensors()} == {variants}


def test_skipped_items_may_be_recommended(recommender: Recommender) -> None:
    query = replace(QUERIES[1], n=100, skipped=["i9"])

    assert "i9" in {item.item_id for item in recommender.recommend(query)}


@pytest.mark.parametrize(("kind", "include_rated", "listed"), [("view", False, False), ("view", True, True)])
def test_items_with_interactions_are_recommended_on_request_only(
    recommender: Recommender, kind: str, include_rated: bool, listed: bool
) -> None:
    query = replace(QUERIES[1], n=100, include_rated=include_rated, interactions=[ItemInteraction("i9", kind)])

    assert ("i9" in {item.item_id for item in recommender.recommend(query)}) is listed


@pytest.mark.parametrize("include_rated", [False, True])
def test_disliked_item_is_never_recommended(recommender: Recommender, include_rated: bool) -> None:
    query = replace(QUERIES[1], n=100, include_rated=include_rated, interactions=[ItemInteraction("i9", "dislike")])

    assert "i9" not in {item.item_id for item in recommender.recommend(query)}
