"""Each measure of one user's list, against answers computed by hand and independent references."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from models.metrics.lists import LIST_MEASURES, NO_ITEM, RankedLists
from models.metrics.lists.novelty import information

NO_INFORMATION = np.zeros(10)


def lists(hits: list[list[int]], relevant: list[int]) -> RankedLists:
    """Lists of the items 0, 1, 2, … of which some are hits."""
    marks = np.array(hits, dtype=np.bool_)
    return RankedLists(np.tile(np.arange(marks.shape[1]), (len(hits), 1)), marks, np.array(relevant), NO_INFORMATION)


def value(name: str, ranked: RankedLists) -> list[float]:
    return LIST_MEASURES[name].per_user(ranked).tolist()


class TestKnownAnswers:
    def test_recall_with_few_relevant_items_is_their_share_in_the_list(self) -> None:
        assert value("recall@10", lists([[0, 1, 0, 0], [1, 1, 0, 0]], [2, 3])) == pytest.approx([1 / 2, 2 / 3])

    def test_recall_with_many_relevant_items_is_the_share_of_hits(self) -> None:
        assert value("recall@10", lists([[1, 1, 0, 1]], [100])) == pytest.approx([3 / 4])

    def test_ndcg_of_one_hit_is_its_discount(self) -> None:
        ranked = lists([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [1, 1, 1])
        assert value("list_ndcg@10", ranked) == pytest.approx([1.0, 1 / math.log2(3), 1 / 2])

    def test_ndcg_with_more_relevant_items_than_places_is_1_for_a_list_of_hits(self) -> None:
        assert value("list_ndcg@10", lists([[1, 1, 1], [1, 1, 0]], [7, 2])) == pytest.approx([1.0, 1.0])

    def test_hit_rate_is_1_with_any_hit(self) -> None:
        assert value("hit_rate@10", lists([[0, 0], [0, 1], [1, 1]], [1, 1, 2])) == [0.0, 1.0, 1.0]

    def test_novelty_is_the_mean_information(self) -> None:
        ranked = RankedLists(
            items=np.array([[0, 1], [2, NO_ITEM], [NO_ITEM, NO_ITEM]]),
            hits=np.zeros((3, 2), dtype=np.bool_),
            relevant=np.ones(3, dtype=np.int64),
            information=np.array([1.0, 2.0, 5.0]),
        )
        assert value("novelty@10", ranked) == pytest.approx([1.5, 5.0, math.nan], nan_ok=True)

    def test_information_is_finite_without_ratings_and_0_where_everybody_rated(self) -> None:
        # Of 7 users and one more who rated everything: shares 8/8, 4/8 and 1/8.
        assert information(np.array([7, 3, 0]), 7).tolist() == [0.0, 1.0, 3.0]


def test_ndcg_of_random_lists_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        relevance = generator.random(30) < 0.3
        if not relevance.any():
            continue
        scores = generator.random(30)
        best = np.argsort(-scores)[:10]
        ranked = RankedLists(best[None], relevance[best][None], np.array([relevance.sum()]), np.zeros(30))
        expected = ndcg_score([relevance], [scores], k=10)
        assert value("list_ndcg@10", ranked) == pytest.approx([expected])
