"""Each measure of one user's list, against answers computed by hand and independent references."""

import math

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import ndcg_score, roc_auc_score

from models.metrics.lists import LIST_MEASURES, NO_ITEM, RankedLists
from models.metrics.lists.novelty import information

NO_INFORMATION = np.zeros(10)


def lists(hits: list[list[int]], relevant: list[int]) -> RankedLists:
    """Lists of the items 0, 1, 2, … of which some are hits."""
    marks = np.array(hits, dtype=np.bool_)
    return ranked_lists(np.tile(np.arange(marks.shape[1]), (len(hits), 1)), marks, np.array(relevant))


def ranked_lists(
    items: np.ndarray, hits: np.ndarray, relevant: np.ndarray, information: np.ndarray = NO_INFORMATION
) -> RankedLists:
    """Lists without scores, for measures that look at the items of the lists alone."""
    users = len(items)
    return RankedLists(
        items,
        hits,
        relevant,
        information,
        [np.zeros(0, dtype=np.int64)] * users,
        np.zeros((users, 0)),
        False,
        np.arange(users),
    )


def scored(scores: list[float], relevant: list[int], *, are_logits: bool = True, user: int = 0) -> RankedLists:
    """One user whose items have these scores; −∞ is that of an item that is not ranked."""
    return RankedLists(
        items=np.zeros((1, 0), dtype=np.int64),
        hits=np.zeros((1, 0), dtype=np.bool_),
        relevant=np.array([len(relevant)]),
        information=NO_INFORMATION,
        relevant_items=[np.array(relevant)],
        scores=np.array([scores], dtype=np.float32),
        are_logits=are_logits,
        users=np.array([user]),
    )


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
        ranked = ranked_lists(
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
        ranked = ranked_lists(best[None], relevance[best][None], np.array([relevance.sum()]), np.zeros(30))
        expected = ndcg_score([relevance], [scores], k=10)
        assert value("list_ndcg@10", ranked) == pytest.approx([expected])


class TestAUC:
    def test_auc_is_that_of_scikit_learn_with_ties(self) -> None:
        generator = np.random.default_rng(0)
        for _ in range(20):
            scores = generator.integers(0, 8, size=40).astype(float).tolist()
            relevant = np.sort(generator.choice(40, 5, replace=False)).tolist()
            expected = roc_auc_score(np.isin(np.arange(40), relevant), scores)
            assert value("auc@all", scored(scores, relevant)) == pytest.approx([expected])

    def test_items_that_are_not_ranked_do_not_count(self) -> None:
        ranked = scored([3.0, -math.inf, 1.0, 2.0, -math.inf], [1, 3])
        assert value("auc@all", ranked) == [0.5]

    def test_sample_of_few_negatives_is_all_of_them(self) -> None:
        ranked = scored([float(place % 7) for place in range(90)], [3, 40])
        assert value("auc@100", ranked) == value("auc@all", ranked)

    def test_sample_depends_on_the_user_and_not_on_the_scores(self) -> None:
        scores = [float(place) for place in range(1000)]
        first, again, other = (value("auc@100", scored(scores, [500], user=user)) for user in (1, 1, 2))
        assert first == again != other
        assert value("auc@100", scored([-score for score in scores], [500], user=1)) == pytest.approx([1 - first[0]])

    def test_auc_without_negatives_is_undefined(self) -> None:
        assert value("auc@all", scored([1.0, 2.0], [0, 1])) == pytest.approx([math.nan], nan_ok=True)


class TestLogLoss:
    def test_log_loss_is_that_of_a_softmax_over_the_item_and_the_negatives(self) -> None:
        scores = [0.3, -1.0, 2.0, 0.0, -math.inf]
        shares = [softmax([scores[item], *(scores[other] for other in (1, 3))])[0] for item in (0, 2)]
        assert value("log_loss@all", scored(scores, [0, 2])) == pytest.approx([-np.log(shares).mean()])

    def test_log_loss_of_equal_scores_counts_the_sample(self) -> None:
        assert value("log_loss@100", scored([0.0] * 500, [7])) == pytest.approx([math.log(101)])

    @pytest.mark.parametrize("name", ["log_loss@all", "log_loss@100"])
    def test_log_loss_of_scores_that_are_no_logits_is_undefined(self, name: str) -> None:
        assert value(name, scored([1.0, 2.0], [0], are_logits=False)) == pytest.approx([math.nan], nan_ok=True)
