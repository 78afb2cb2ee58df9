"""Normalised discounted cumulative gain, with either gain and with ties averaged."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Gain(StrEnum):
    """What an item of rating R is worth at the top of a list."""

    EXPONENTIAL = "exponential"
    """2^R − 1, the MeLU paper's."""
    LINEAR = "linear"
    """R."""

    def of(self, ratings: NDArray[np.float32]) -> NDArray[np.float64]:
        """The gains of ratings, elementwise."""
        values = ratings.astype(np.float64)
        return np.exp2(values) - 1.0 if self is Gain.EXPONENTIAL else values


def ndcg(
    ratings: NDArray[np.float32],
    predictions: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    k: int,
    gain: Gain,
) -> NDArray[np.float64]:
    """nDCG@k of each user: DCG of the order of the predictions over DCG of the best order.

    `DCG@k = Σ_{r≤k} gain(r)/log2(1+r)`. Items with equal predictions share the mean of their gains, which is the
    expectation over their orders (McSherry & Najork, ECIR 2008, §3): input order never counts.

    Args:
        ratings: float32 [B, Q], not negative.
        predictions: float32 [B, Q].
        mask: bool [B, Q]; every user has at least one rating.
        k: Length of the list; a user with fewer query items has a shorter one.
        gain: What a rating is worth.

    Returns:
        float64 [B] in [0, 1]; 0 for a user none of whose items has a gain.
    """
    gains = np.where(mask, gain.of(ratings), 0.0)
    discounts = 1.0 / np.log2(np.arange(2, gains.shape[1] + 2))
    discounts[k:] = 0.0
    best = -np.sort(-gains, axis=1) @ discounts
    # Padding ranks below everything, whatever was predicted for it.
    scores = np.where(mask, predictions, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = _average_ties(np.take_along_axis(scores, order, 1), np.take_along_axis(gains, order, 1))
    return np.divide(ranked @ discounts, best, out=np.zeros(len(best)), where=best > 0)


def _average_ties(scores: NDArray[np.float32], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace the gains of neighbours with equal scores by their mean; rows are sorted by score."""
    starts_group = np.ones(scores.shape, dtype=np.bool_)
    starts_group[:, 1:] = scores[:, 1:] != scores[:, :-1]
    # Every row starts a group, so groups of the flattened array never span two rows.
    group = np.cumsum(starts_group.ravel()) - 1
    means = np.bincount(group, weights=gains.ravel()) / np.bincount(group)
    return np.asarray(means[group].reshape(gains.shape))
