"""The interface of a head: from a latent prediction to a rating."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.data.distribution import Distribution
from models.data.rating_scale import RatingScale


@dataclass(frozen=True)
class Latent:
    """A learner's latent prediction of the query ratings.

    Attributes:
        mean: float32 [B, Q], in rating units; ranks the items.
        variance: float32 [B, Q], in squared rating units; 0 from a learner that estimates none.
    """

    mean: Tensor
    variance: Tensor

    def given(self, draw: "Draw") -> "Latent":
        """The prediction after a draw that settles a part of what is unknown.

        With the strength e, the mean becomes `m + e √v ε` and the variance `(1 − e²) v`. Averaged over draws, the
        predicted distribution is the same for any e.
        """
        mean = self.mean + draw.strength * self.variance.sqrt() * draw.deviations
        return Latent(mean, (1 - draw.strength.square()) * self.variance)


@dataclass(frozen=True)
class Draw:
    """Random deviations of latent predictions, for exploration.

    Attributes:
        deviations: float32 [B, Q], ε, standard normal.
        strength: float32 [B, 1], e, from 0 for no deviation to 1 for a draw from the posterior.
    """

    deviations: Tensor
    strength: Tensor


@dataclass(frozen=True)
class SupportSummary:
    """The part of a support set from which a head estimates how a user uses the rating scale.

    Attributes:
        ratings: float32 [B, S].
        residuals: float32 [B, S], ratings minus predictions before the local update.
        leave_one_out: float32 [B, S], each rating minus its prediction from the other ratings.
        mask: bool [B, S]; the other values mean nothing where it is unset.
    """

    ratings: Tensor
    residuals: Tensor
    leave_one_out: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Predictions:
    """Predicted ratings, on the rating scale.

    Attributes:
        score: float32 [B, Q], ranks the items; need not be on the scale.
        mean: float32 [B, Q], the expected rating, which minimises the squared error.
        median: float32 [B, Q], which minimises the absolute error.
        distribution: Of each rating, [B, Q]; None from a head that predicts none.
    """

    score: Tensor
    mean: Tensor
    median: Tensor
    distribution: Distribution[Tensor] | None


class Head(nn.Module, ABC):
    """Turns latent predictions into ratings, and gives their loss."""

    @abstractmethod
    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Estimate from the training ratings (float32 [ratings]) what meta-training takes as given."""

    @abstractmethod
    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:
        """Turn latent predictions into ratings of these users."""

    @abstractmethod
    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:
        """The loss of the predictions against true ratings; float32 [B, Q]."""


class HeadConfig(BaseModel, ABC):
    """The choices of one head; a subclass has a field `kind: Literal[…]` and stands in the head's module."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def bins_of(self, scale: RatingScale) -> int | None:  # noqa: ARG002
        """How many bins stand for the levels of a scale that is too fine for the head; None where it is not."""
        return None

    @abstractmethod
    def build(self, scale: RatingScale, *, unit: float | None = None) -> Head:
        """The untrained head.

        Args:
            scale: The rating scale; where it is too fine for the head, the inner scale of the bins.
            unit: The unit of the config's lengths, in rating points; one step by default.
        """
