from itertools import pairwise, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from models.metrics.ndcg import Gain, ndcg

Pairs = list[tuple[int, float]]
"""Rating and prediction of each item."""

GAINS = pytest.mark.parametrize("gain", list(Gain))
LENGTHS = pytest.mark.parametrize("k", [1, 3, 10])


def ndcg_of_one(pairs: Pairs, *, k: int, gain: Gain) -> float:
    ratings, predictions = np.array(pairs, dtype=np.float32).T[:, None]
    return float(ndcg(ratings, predictions, np.ones(ratings.shape, dtype=np.bool_), k=k, gain=gain)[0])


def gain_of(rating: float, gain: Gain) -> float:
    return {Gain.EXPONENTIAL: 2.0**rating - 1, Gain.LINEAR: rating}[gain]


def ndcg_of_one_order(ratings: list[float], *, k: int, gain: Gain) -> float:
    """DCG of ratings in this order over that of their best order, from the definition."""

    def dcg(order: list[float]) -> float:
        return float(sum(gain_of(rating, gain) / np.log2(1 + rank) for rank, rating in enumerate(order[:k], start=1)))

    return dcg(ratings) / dcg(sorted(ratings, reverse=True))


def ndcg_over_all_orders(pairs: Pairs, *, k: int, gain: Gain) -> float:
    """The mean over all orders of the items in which no prediction is lower than the next one."""
    values = [
        ndcg_of_one_order([rating for rating, _ in order], k=k, gain=gain)
        for order in permutations(pairs)
        if all(above[1] >= below[1] for above, below in pairwise(order))
    ]
    return float(np.mean(values))


def ragged_batch(*, levels: int | None) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Twenty users of 2 to 12 items; with few levels of prediction, many ties."""
    generator = np.random.default_rng(0)
    mask = np.arange(12) < generator.integers(2, 13, 20)[:, None]
    ratings = np.where(mask, generator.integers(1, 6, mask.shape), 0).astype(np.float32)
    predictions = generator.uniform(1, 5, mask.shape) if levels is None else generator.integers(0, levels, mask.shape)
    return ratings, predictions.astype(np.float32), mask


@GAINS
@LENGTHS
class TestAgainstReferences:
    @pytest.mark.parametrize("levels", [None, 3, 1], ids=["no-ties", "ties", "all-tied"])
    def test_equals_scikit_learn_user_by_user(self, k: int, gain: Gain, levels: int | None) -> None:
        ratings, predictions, mask = ragged_batch(levels=levels)
        expected = [
            ndcg_score([[gain_of(float(rating), gain) for rating in own_ratings[own]]], [own_predictions[own]], k=k)
            for own_ratings, own_predictions, own in zip(ratings, predictions, mask, strict=True)
        ]
        np.testing.assert_allclose(ndcg(ratings, predictions, mask, k=k, gain=gain), expected, rtol=1e-12)

    @pytest.mark.parametrize("junk", [1e30, -1e30, np.inf, -np.inf, np.nan, 3.0])
    def test_what_was_predicted_for_padding_does_not_matter(self, k: int, gain: Gain, junk: float) -> None:
        ratings, predictions, mask = ragged_batch(levels=3)
        expected = ndcg(ratings, predictions, mask, k=k, gain=gain)
        predictions[~mask] = junk
        np.testing.assert_array_equal(ndcg(ratings, predictions, mask, k=k, gain=gain), expected)

    @pytest.mark.parametrize(
        "pairs",
        [
            [(5, 1.0), (1, 1.0)],
            [(5, 3.0), (1, 3.0), (4, 3.0), (2, 1.0), (3, 1.0)],
            [(1, 2.0), (5, 1.0), (4, 1.0), (3, 1.0), (2, 0.0)],
        ],
    )
    def test_ties_are_the_mean_over_all_their_orders(self, k: int, gain: Gain, pairs: Pairs) -> None:
        assert ndcg_of_one(pairs, k=k, gain=gain) == pytest.approx(ndcg_over_all_orders(pairs, k=k, gain=gain))


class TestKnownAnswers:
    def test_exponential_gain_of_two_items_in_the_wrong_order(self) -> None:
        # (2^1 − 1 + (2^3 − 1)/log2 3) / (2^3 − 1 + (2^1 − 1)/log2 3)
        expected = (1 + 7 / np.log2(3)) / (7 + 1 / np.log2(3))
        assert ndcg_of_one([(3, 0.0), (1, 1.0)], k=2, gain=Gain.EXPONENTIAL) == pytest.approx(expected)

    def test_linear_gain_at_1_is_the_first_rating_over_the_best(self) -> None:
        assert ndcg_of_one([(5, 0.0), (2, 1.0), (4, 0.5)], k=1, gain=Gain.LINEAR) == pytest.approx(2 / 5)

    @GAINS
    def test_user_without_any_gain_has_0(self, gain: Gain) -> None:
        assert ndcg_of_one([(0, 1.0), (0, 2.0)], k=3, gain=gain) == 0.0


items = st.lists(st.tuples(st.integers(1, 5), st.integers(-20, 20).map(lambda half: half / 2)), min_size=1, max_size=12)
options = st.fixed_dictionaries({"k": st.integers(1, 12), "gain": st.sampled_from(list(Gain))})


class TestProperties:
    @given(items, options, st.randoms(use_true_random=False))
    def test_order_of_the_items_does_not_matter(self, pairs: Pairs, options: dict, draws: Random) -> None:
        shuffled = draws.sample(pairs, len(pairs))
        assert ndcg_of_one(shuffled, **options) == pytest.approx(ndcg_of_one(pairs, **options))

    @given(items, options)
    def test_only_the_order_of_the_predictions_matters(self, pairs: Pairs, options: dict) -> None:
        transformed = [(rating, float(np.exp(prediction / 2) - 3)) for rating, prediction in pairs]
        assert ndcg_of_one(transformed, **options) == pytest.approx(ndcg_of_one(pairs, **options))

    @given(items, options)
    def test_best_order_has_1(self, pairs: Pairs, options: dict) -> None:
        assert ndcg_of_one([(rating, 2.0 * rating) for rating, _ in pairs], **options) == pytest.approx(1.0)

    @given(items, options)
    def test_lies_between_0_and_1(self, pairs: Pairs, options: dict) -> None:
        assert 0.0 <= ndcg_of_one(pairs, **options) <= 1.0 + 1e-12
