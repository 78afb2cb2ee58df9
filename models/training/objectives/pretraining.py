"""Pre-training: the loss before any adaptation, for a model that is fine-tuned to each user without meta-learning."""

from typing import Literal

from torch import Tensor

from models.learners.base import OuterBatch
from models.training.objectives.base import ObjectiveConfig


class PretrainingConfig(ObjectiveConfig):
    """The weighted mean of the users' losses before the local update, on support and query sets alike.

    Meta-learning is compared with this. The same network learns to predict all users' ratings together, and its
    training has no local steps. They adapt it to a user only afterwards (fine-tuning).
    """

    kind: Literal["pretraining"] = "pretraining"

    def loss(self, batch: OuterBatch) -> Tensor:
        """`Σ_i w_i (L_i + L'_i)/2 / Σ_i w_i`."""
        losses = (batch.support_losses(steps=0) + batch.query_losses(steps=0)) / 2
        return (losses * batch.weights).sum() / batch.weights.sum()
