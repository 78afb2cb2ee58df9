"""Task-agnostic meta-learning by entropies."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from models.learners.base import OuterBatch
from models.training.objectives.base import ObjectiveConfig


class TAMLEntropyConfig(ObjectiveConfig):
    """`Σ_i w_i (L'_i − λ (H_i(f_θ) − H_i(f_θi))) / Σ_i w_i` (TAML, Jamal & Qi, CVPR 2019, §3.1).

    H_i is the mean entropy of the distributions that are predicted for user i's query ratings. It should be large
    before the local update, so that the initial model prefers no user, and small after it.

    Attributes:
        weight: λ, in units of the query loss per nat.
    """

    kind: Literal["taml_entropy"] = "taml_entropy"
    weight: Annotated[float, Field(ge=0)] = 0.1

    needs_distribution: ClassVar[bool] = True

    def loss(self, batch: OuterBatch) -> Tensor:
        """The query losses less the weighted fall of the entropies."""
        falls = batch.query_entropies(steps=0) - batch.query_entropies()
        losses, weights = batch.query_losses() - self.weight * falls, batch.weights
        return (losses * weights).sum() / weights.sum()
