"""Would the user like the item: the second factor of a list's order."""

import torch
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.learners.heads.base import Predictions
from models.ranking.query import RankedItem

_LEAST = 1e-3
"""Numerical tolerance: it keeps the logarithm of a probability finite."""


def like_probabilities(predictions: Predictions, scale: RatingScale) -> Tensor | None:
    """P(like), the probability of a rating from `liked_from` on; float32 [B, Q].

    None from a model that predicts no distribution over ratings.
    """
    return None if predictions.distribution is None else predictions.distribution.at_least(scale.liked_from)


def log_liking(predictions: Predictions, scale: RatingScale) -> Tensor:
    """Log P(like); float32 [B, Q].

    A model without a distribution has the place of the expected rating on the scale, from 0 to 1, instead of P(like).
    """
    likes = like_probabilities(predictions, scale)
    if likes is None:
        likes = (predictions.mean - scale.minimum) / (scale.maximum - scale.minimum)
    return torch.log(likes.clamp(min=_LEAST))


def chosen_and_liked(item: RankedItem, scale: RatingScale | None) -> float:
    """P(choose) · P(like) of a ranked item: what orders the list that it is in.

    Without ratings, P(choose). The place of the expected rating stands for P(like) as in `log_liking`.

    Args:
        item: The item.
        scale: The model's rating scale; None from a model without ratings.
    """
    if scale is None or item.predicted_rating is None:
        return item.choice_probability
    likes = item.like_probability
    if likes is None:
        likes = (item.predicted_rating - scale.minimum) / (scale.maximum - scale.minimum)
    return item.choice_probability * max(likes, _LEAST)
