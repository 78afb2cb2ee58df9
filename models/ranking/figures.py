"""What the models say about the items among which a list is chosen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.learners.heads.base import Predictions
from models.ranking.liking import like_probabilities, log_liking
from models.ranking.query import RankBy


@dataclass(frozen=True)
class Predicted:
    """The predicted ratings of B users' considered items.

    Attributes:
        shown: The predictions of the model. The answer shows them.
        drawn: The predictions that order the list. They follow a draw in lists that explore; others have `shown`.
    """

    shown: Predictions
    drawn: Predictions


@dataclass(frozen=True)
class Figures:
    """What the models say about the considered items of B users; [B, Q] each.

    Attributes:
        scores: float32, what chooses the items.
        means: Expected ratings, or None.
        shares: P(choose).
        likes: P(like), or None.
    """

    scores: NDArray[np.float32]
    means: list[list[float | None]]
    shares: list[list[float]]
    likes: list[list[float | None]]

    @classmethod
    def of(cls, model: TrainedModel, rank_by: RankBy, log_shares: Tensor, predicted: Predicted | None) -> "Figures":
        """Combine log P(choose) (float32 [B, Q]) with the predicted ratings; None from a model that predicts none."""
        unknown: list[list[float | None]] = [[None] * log_shares.shape[1]] * len(log_shares)
        shares = log_shares.exp().tolist()
        if predicted is None:
            return cls(log_shares.cpu().numpy(), means=unknown, shares=shares, likes=unknown)
        scale, predictions = model.rating_scale, predicted.shown
        likes = like_probabilities(predictions, scale)
        scores = predictions.score if rank_by is RankBy.RATING else log_shares + log_liking(predicted.drawn, scale)
        return cls(
            scores=scores.cpu().numpy(),
            means=predictions.mean.tolist(),
            shares=shares,
            likes=unknown if likes is None else likes.tolist(),
        )
