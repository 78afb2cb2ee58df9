"""The paper's head: the latent prediction is the rating."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.learners.heads.base import Head, HeadConfig, Latent, Predictions, SupportSummary


class SquaredErrorHead(Head):
    """`ŷ = m`, trained by `(y − ŷ)²` (MeLU, Lee et al., KDD 2019, eq. 4)."""

    def __init__(self, scale: RatingScale) -> None:
        super().__init__()
        self.scale = scale

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Nothing to estimate."""

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:  # noqa: ARG002 - the same for all users
        """The latent prediction, clipped to the scale, as mean and as median."""
        clipped = latent.mean.clamp(self.scale.minimum, self.scale.maximum)
        return Predictions(score=latent.mean, mean=clipped, median=clipped, distribution=None)

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:  # noqa: ARG002
        """Squared error; float32 [B, Q]."""
        return (latent.mean - ratings).square()


class SquaredErrorConfig(HeadConfig):
    """The squared-error head has no choices."""

    kind: Literal["squared_error"] = "squared_error"

    def build(self, scale: RatingScale, *, unit: float | None = None) -> SquaredErrorHead:  # noqa: ARG002
        """The head."""
        return SquaredErrorHead(scale)
