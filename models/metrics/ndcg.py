"""Normalised discounted cumulative gain, with either gain and with ties averaged."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.data.rating_scale import RatingScale
from models.metrics.measure import Direction, Measure, PredictedRatings

_LARGEST_EXPONENT = 32
"""Largest R of the gain 2^R − 1 that is not rescaled."""


class Gain(StrEnum):
    """What an item with the rating R is worth at the top of a list.

    A negative gain would make nDCG negative or undefined. So on a scale that reaches below 0, R stands for the rating
    minus the scale's minimum, with both gains. On every other scale R is the rating.

    On a long scale, such as one of seconds, 2^R would overflow. Where R could be more than 32, the exponential gain
    takes R as 5 times the rating's place on the scale, from 0 to 1.
    """

    EXPONENTIAL = "exponential"
    """2^R − 1, as in the MeLU paper."""
    LINEAR = "linear"
    """R."""

    def of(self, ratings: NDArray[np.float32], scale: RatingScale) -> NDArray[np.float64]:
        """The gains of ratings on a scale, elementwise; none is negative."""
        values = ratings.astype(np.float64) - min(scale.minimum, 0.0)
        if self is Gain.EXPONENTIAL and scale.maximum - min(scale.minimum, 0.0) > _LARGEST_EXPONENT:
            # Padding may lie below the scale.
            values = 5 * (ratings.astype(np.float64) - scale.minimum).clip(0) / (scale.maximum - scale.minimum)
        return np.exp2(values) - 1.0 if self is Gain.EXPONENTIAL else values


class NDCG(Measure):
    """nDCG@k of each user's query items, ranked by the predicted score; mean over users.

    Undefined for a user none of whose query items has a gain.

    Args:
        k: The length of the list. A user with fewer query items has a shorter one.
        gain: What a rating is worth.
    """

    unit = ""
    direction = Direction.HIGHER

    def __init__(self, k: int, gain: Gain) -> None:
        self.name = f"ndcg@{k}_{gain}"
        self.title = f"nDCG@{k}, {gain} gain"
        self._k = k
        self._gain = gain

    def per_user(
        self, predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Each user's nDCG@k, in [0, 1]."""
        gains = np.where(mask, self._gain.of(ratings, predicted.scale), 0.0)
        # Padding ranks below every item.
        scores = np.where(mask, predicted.score, -np.inf)
        return ndcg(gains, scores, k=self._k)


def ndcg(gains: NDArray[np.float64], scores: NDArray[np.float32], *, k: int) -> NDArray[np.float64]:
    """nDCG@k of each row: the DCG of the order of the scores, divided by the DCG of the best order.

    `DCG@k = Σ_{r≤k} gain(r)/log2(1+r)` (Järvelin & Kekäläinen, TOIS 20 (2002) 422). Items with equal scores share the
    mean of their gains, which is the expectation over their orders (McSherry & Najork, ECIR 2008, §3). So the order of
    the input never counts.

    Args:
        gains: float64 [B, Q], not negative.
        scores: float32 [B, Q]; higher scores rank first.
        k: The length of the list.

    Returns:
        float64 [B] in [0, 1]; NaN for a row without any gain.
    """
    discounts = 1.0 / np.log2(np.arange(2, gains.shape[1] + 2))
    discounts[k:] = 0.0
    best = -np.sort(-gains, axis=1) @ discounts
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = _average_ties(np.take_along_axis(scores, order, 1), np.take_along_axis(gains, order, 1))
    return np.asarray(np.divide(ranked @ discounts, best, out=np.full(len(best), np.nan), where=best > 0))


def _average_ties(scores: NDArray[np.float32], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace the gains of neighbours with equal scores by their mean; rows are sorted by score."""
    starts_group = np.ones(scores.shape, dtype=np.bool_)
    starts_group[:, 1:] = scores[:, 1:] != scores[:, :-1]
    # Every row starts a group, so groups of the flattened array never span two rows.
    group = np.cumsum(starts_group.ravel()) - 1
    means = np.bincount(group, weights=gains.ravel()) / np.bincount(group)
    return np.asarray(means[group].reshape(gains.shape))
