"""What every head offers, and what it is given."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class Latent:
    """What a learner knows of the query ratings, before they are read as ratings.

    Attributes:
        mean: float32 [B, Q], in rating units; ranks the items.
        variance: float32 [B, Q], in squared rating units; 0 where a learner has no notion of it.
    """

    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class SupportSummary:
    """What a head may read a user's way of rating from.

    Attributes:
        ratings: float32 [B, S].
        residuals: float32 [B, S], ratings less what was predicted before the local update.
        left_out: float32 [B, S], ratings less what would be predicted of each from the others.
        mask: bool [B, S]; where it is unset the rest is meaningless.
    """

    ratings: Tensor
    residuals: Tensor
    left_out: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Predictions:
    """Predicted ratings, on the rating scale.

    Attributes:
        score: float32 [B, Q], what to rank by; need not be on the scale.
        mean: float32 [B, Q], the expected rating, which minimises the squared error.
        median: float32 [B, Q], which minimises the absolute error.
        probabilities: float32 [B, Q, K] of the K rating levels, or None from a head that predicts none.
    """

    score: Tensor
    mean: Tensor
    median: Tensor
    probabilities: Tensor | None


class Head(nn.Module, ABC):
    """Reads latent predictions as ratings, and says how wrong they are."""

    @abstractmethod
    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Estimate from the training ratings (float32 [ratings]) what meta-training takes as given."""

    @abstractmethod
    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:
        """Read latent predictions as ratings of these users."""

    @abstractmethod
    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:
        """How wrong the predictions are of true ratings; float32 [B, Q]."""
