from itertools import pairwise, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from models.data.rating_scale import RatingScale
from models.metrics import MEASURES, NDCG, Gain
from tests.unit.models.predictions import predicted_ratings

Pairs = list[tuple[int, float]]
"""Rating and prediction of each item."""

GAINS = pytest.mark.parametrize("gain", list(Gain))
LENGTHS = pytest.mark.parametrize("k", [1, 3, 10])

BELOW_ZERO = RatingScale(minimum=-10, maximum=10)
ABOVE_ZERO = RatingScale(minimum=0, maximum=5)


def ndcg(
    ratings: NDArray[np.float32],
    predictions: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    k: int,
    gain: Gain,
    scale: RatingScale = ABOVE_ZERO,
) -> NDArray[np.float64]:
    return NDCG(k, gain).per_user(predicted_ratings(predictions, scale=scale), ratings, mask)


def ndcg_of_one(pairs: Pairs, *, k: int, gain: Gain, scale: RatingScale = ABOVE_ZERO) -> float:
    ratings, predictions = np.array(pairs, dtype=np.float32).T[:, None]
    return float(ndcg(ratings, predictions, np.ones(ratings.shape, dtype=np.bool_), k=k, gain=gain, scale=scale)[0])


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
    """Twenty users with 2 to 12 items. Few levels of predictions give many ties."""
    generator = np.random.default_rng(0)
    mask = np.arange(12) < generator.integers(2, 13, 20)[:, None]
    ratings = np.where(mask, generator.integers(1, 6, mask.shape), 0).astype(np.float32)
    predictions = generator.uniform(1, 5, mask.shape) if levels is None else generator.integers(0, levels, mask.shape)
    return ratings, predictions.astype(np.float32), mask


@GAINS
@LENGTHS
class TestAgainstReferences:
    @pytest.mark.parametrize("levels", [None, 3, 1], ids=["no-ties", "ties", "all-tied"])
    def test_ndcg_of_each_user_equals_scikit_learn(self, k: int, gain: Gain, levels: int | None) -> None:
        ratings, predictions, mask = ragged_batch(levels=levels)
        expected = [
            ndcg_score(
                [[gain_of(float(rating), gain) for rating in ratings[user, :size]]], [predictions[user, :size]], k=k
            )
            for user, size in enumerate(mask.sum(axis=1))
        ]
        np.testing.assert_allclose(ndcg(ratings, predictions, mask, k=k, gain=gain), expected, rtol=1e-12)

    @pytest.mark.parametrize("junk", [1e30, -1e30, np.inf, -np.inf, np.nan, 3.0])
    def test_ndcg_predictions_of_padding_are_ignored(self, k: int, gain: Gain, junk: float) -> None:
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
    def test_ndcg_of_ties_is_the_mean_over_their_orders(self, k: int, gain: Gain, pairs: Pairs) -> None:
        assert ndcg_of_one(pairs, k=k, gain=gain) == pytest.approx(ndcg_over_all_orders(pairs, k=k, gain=gain))


class TestKnownAnswers:
    def test_ndcg_of_two_items_in_the_wrong_order_is_the_ratio_of_their_dcg(self) -> None:
        # (2^1 − 1 + (2^3 − 1)/log2 3) / (2^3 − 1 + (2^1 − 1)/log2 3)
        expected = (1 + 7 / np.log2(3)) / (7 + 1 / np.log2(3))
        assert ndcg_of_one([(3, 0.0), (1, 1.0)], k=2, gain=Gain.EXPONENTIAL) == pytest.approx(expected)

    def test_ndcg_at_1_with_linear_gain_is_the_first_rating_over_the_best(self) -> None:
        assert ndcg_of_one([(5, 0.0), (2, 1.0), (4, 0.5)], k=1, gain=Gain.LINEAR) == pytest.approx(2 / 5)

    @GAINS
    def test_ndcg_without_any_gain_is_undefined(self, gain: Gain) -> None:
        assert np.isnan(ndcg_of_one([(0, 1.0), (0, 2.0)], k=3, gain=gain))


class TestScaleBelowZero:
    """A scale from −10 to 10: the gain is computed from rating − minimum, so from 0 to 20."""

    def test_ndcg_with_linear_gain_takes_the_rating_minus_the_minimum(self) -> None:
        # Gains 2 (first) and 12 (second): (2 + 12/log2 3) / (12 + 2/log2 3)
        expected = (2 + 12 / np.log2(3)) / (12 + 2 / np.log2(3))
        found = ndcg_of_one([(2, 0.0), (-8, 1.0)], k=2, gain=Gain.LINEAR, scale=BELOW_ZERO)
        assert found == pytest.approx(expected)

    def test_ndcg_with_exponential_gain_takes_the_rating_minus_the_minimum(self) -> None:
        first, second = 2.0**2 - 1, 2.0**12 - 1
        expected = (first + second / np.log2(3)) / (second + first / np.log2(3))
        found = ndcg_of_one([(2, 0.0), (-8, 1.0)], k=2, gain=Gain.EXPONENTIAL, scale=BELOW_ZERO)
        assert found == pytest.approx(expected)

    @GAINS
    @LENGTHS
    def test_ndcg_equals_scikit_learn_of_shifted_ratings(self, k: int, gain: Gain) -> None:
        generator = np.random.default_rng(1)
        ratings = generator.integers(-10, 11, (20, 12)).astype(np.float32)
        predictions = generator.integers(-3, 4, ratings.shape).astype(np.float32)
        found = ndcg(ratings, predictions, np.ones(ratings.shape, np.bool_), k=k, gain=gain, scale=BELOW_ZERO)
        gains = [[gain_of(float(rating) + 10, gain) for rating in user_ratings] for user_ratings in ratings]
        expected = [
            ndcg_score([user_gains], [scores], k=k) for user_gains, scores in zip(gains, predictions, strict=True)
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert (found >= 0).all()

    @GAINS
    def test_ndcg_of_lowest_ratings_is_undefined(self, gain: Gain) -> None:
        assert np.isnan(ndcg_of_one([(-10, 1.0), (-10, 2.0)], k=3, gain=gain, scale=BELOW_ZERO))

    def test_gain_on_other_scales_is_of_the_rating_itself(self) -> None:
        ratings = np.array([1, 5], dtype=np.float32)
        for minimum in (0.0, 1.0):
            scale = RatingScale(minimum=minimum, maximum=5)
            assert Gain.LINEAR.of(ratings, scale).tolist() == [1, 5]
            assert Gain.EXPONENTIAL.of(ratings, scale).tolist() == [1, 31]


def test_ndcg_name_and_title_tell_length_and_gain() -> None:
    measure = MEASURES["ndcg@3_exponential"]
    assert (measure.name, measure.title) == ("ndcg@3_exponential", "nDCG@3, exponential gain")


items = st.lists(st.tuples(st.integers(1, 5), st.integers(-20, 20).map(lambda half: half / 2)), min_size=1, max_size=12)
options = st.fixed_dictionaries({"k": st.integers(1, 12), "gain": st.sampled_from(list(Gain))})


class TestProperties:
    @given(items, options, st.randoms(use_true_random=False))
    def test_ndcg_is_the_same_for_any_order_of_the_items(self, pairs: Pairs, options: dict, draws: Random) -> None:
        shuffled = draws.sample(pairs, len(pairs))
        assert ndcg_of_one(shuffled, **options) == pytest.approx(ndcg_of_one(pairs, **options))

    @given(items, options)
    def test_ndcg_is_the_same_for_monotone_transformed_predictions(self, pairs: Pairs, options: dict) -> None:
        transformed = [(rating, float(np.exp(prediction / 2) - 3)) for rating, prediction in pairs]
        assert ndcg_of_one(transformed, **options) == pytest.approx(ndcg_of_one(pairs, **options))

    @given(items, options)
    def test_ndcg_of_the_best_order_is_1(self, pairs: Pairs, options: dict) -> None:
        assert ndcg_of_one([(rating, 2.0 * rating) for rating, _ in pairs], **options) == pytest.approx(1.0)

    @given(items, options)
    def test_ndcg_lies_between_0_and_1(self, pairs: Pairs, options: dict) -> None:
        assert 0.0 <= ndcg_of_one(pairs, **options) <= 1.0 + 1e-12


def test_exponential_gain_on_a_scale_of_seconds_is_that_of_the_place_on_the_scale() -> None:
    scale = RatingScale(minimum=0, maximum=3600, continuous=True)
    gains = Gain.EXPONENTIAL.of(np.array([0.0, 720.0, 3600.0], dtype=np.float32), scale)
    assert gains.tolist() == pytest.approx([0.0, 1.0, 31.0])
