"""The paper's head: the latent prediction is the rating."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.data.schema import RatingScale
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary


class SquaredErrorHead(Head):
    """`ŷ = m`, trained by `(y − ŷ)²` (MeLU, Lee et al., KDD 2019, eq. 4)."""

    def __init__(self, scale: RatingScale) -> None:
        super().__init__()
        self.scale = scale

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Nothing is taken as given."""

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:  # noqa: ARG002 - nothing to read
        """The latent prediction, clipped to the scale: the best guess for either error that it knows of."""
        clipped = latent.mean.clamp(self.scale.minimum, self.scale.maximum)
        return Predictions(score=latent.mean, mean=clipped, median=clipped, probabilities=None)

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:  # noqa: ARG002
        """Squared error; float32 [B, Q]."""
        return (latent.mean - ratings).square()
