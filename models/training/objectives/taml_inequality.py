"""Task-agnostic meta-learning by a measure of inequality."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from models.learners.base import OuterBatch
from models.metrics.inequality import (
    Atkinson,
    GeneralisedEntropy,
    Gini,
    Inequality,
    Theil,
    VarianceOfLogarithms,
)
from models.training.objectives.base import ObjectiveConfig


class InequalityMeasure(StrEnum):
    """The measures of inequality of TAML; their values are the names in `models.metrics.inequality`."""

    THEIL = Theil.name
    GENERALISED_ENTROPY = GeneralisedEntropy.name
    ATKINSON = Atkinson.name
    GINI = Gini.name
    VARIANCE_OF_LOGARITHMS = VarianceOfLogarithms.name


class TAMLInequalityConfig(ObjectiveConfig):
    """`Σ_i w_i L'_i / Σ_i w_i + λ I(L_1, …, L_M)` (TAML, Jamal & Qi, CVPR 2019, §3.2).

    L_i is the support loss of user i before the local update. I is a measure of inequality over the users of a batch
    who have support ratings; each of them counts the same.

    Attributes:
        measure: The measure I.
        weight: λ, in units of the query loss.
        a: The order of the generalised entropy.
        epsilon: ε of the Atkinson index.
    """

    kind: Literal["taml_inequality"] = "taml_inequality"
    measure: InequalityMeasure = InequalityMeasure.THEIL
    weight: Annotated[float, Field(ge=0)] = 0.1
    a: float = 2.0
    epsilon: Annotated[float, Field(gt=0)] = 0.5

    def loss(self, batch: OuterBatch) -> Tensor:
        """The mean query loss plus the weighted inequality of the support losses."""
        losses, weights = batch.query_losses(), batch.weights
        inequality = self._inequality().of(batch.support_losses(steps=0), batch.has_support)
        return (losses * weights).sum() / weights.sum() + self.weight * inequality

    def _inequality(self) -> Inequality:
        match self.measure:
            case InequalityMeasure.THEIL:
                return Theil()
            case InequalityMeasure.GENERALISED_ENTROPY:
                return GeneralisedEntropy(self.a)
            case InequalityMeasure.ATKINSON:
                return Atkinson(self.epsilon)
            case InequalityMeasure.GINI:
                return Gini()
            case InequalityMeasure.VARIANCE_OF_LOGARITHMS:
                return VarianceOfLogarithms()
