"""The usual objective: the mean query loss."""

from typing import Literal

from torch import Tensor

from models.learners.base import OuterBatch
from models.training.objectives.base import ObjectiveConfig


class QueryLossConfig(ObjectiveConfig):
    """The weighted mean of the users' query losses (MeLU, Lee et al., KDD 2019, eq. 5).

    The paper sums over the batch. The mean only rescales the gradient, which Adam does not notice, and keeps the last,
    smaller batch of an epoch from weighing less.
    """

    kind: Literal["query_loss"] = "query_loss"

    def loss(self, batch: OuterBatch) -> Tensor:
        """`Σ_i w_i L'_i / Σ_i w_i`."""
        losses, weights = batch.query_losses(), batch.weights
        return (losses * weights).sum() / weights.sum()
