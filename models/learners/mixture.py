"""The mixture of several learners' predictions, and the losses of learners and mixture on known ratings."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.data.distribution import Distribution, cell_probabilities, median
from models.learners.heads.base import Predictions

_MIN_PROBABILITY = 1e-5
"""The likelihood of a rating is cut off below this, so that one odd rating cannot dominate a batch."""


@dataclass(frozen=True)
class Outcomes:
    """What the members' predictions of some ratings are compared by: likelihoods, or errors without distributions.

    The likelihood of a mixture is the mixture of its members' likelihoods, and so it is with errors.

    Attributes:
        values: float32 [B, Q, K], the likelihoods of the ratings, or the errors.
        scores: float32 [B, Q, K], the members' scores.
        are_likelihoods: Whether the values are likelihoods.
    """

    values: Tensor
    scores: Tensor
    are_likelihoods: bool

    @classmethod
    def of(cls, predictions: Sequence[Predictions], ratings: Tensor) -> "Outcomes":
        """The outcomes of K members' predictions (float32 [B, Q])."""
        scores = torch.stack([each.score for each in predictions], dim=-1)
        if all(each.distribution is not None for each in predictions):
            values = [cell_probabilities(each.distribution, ratings) for each in predictions if each.distribution]
            return cls(torch.stack(values, dim=-1), scores, are_likelihoods=True)
        return cls(scores - ratings.unsqueeze(-1), scores, are_likelihoods=False)

    def loss(self, values: Tensor) -> Tensor:
        """The losses that belong to such values, mixed or not; any shape."""
        return -values.clamp(min=_MIN_PROBABILITY).log() if self.are_likelihoods else values.square()

    def where(self, chosen: Tensor, other: "Outcomes") -> "Outcomes":
        """These outcomes where `chosen` (bool [B, Q]), and the others elsewhere."""
        chosen = chosen.unsqueeze(-1)
        values, scores = (
            torch.where(chosen, own, others)
            for own, others in ((self.values, other.values), (self.scores, other.scores))
        )
        return Outcomes(values, scores, self.are_likelihoods)


def mixture(predictions: Sequence[Predictions], weights: Tensor) -> Predictions:
    """Members' predictions, mixed with the weights (float32 [B, K])."""
    score = weighted_sum([each.score for each in predictions], weights)
    mean = weighted_sum([each.mean for each in predictions], weights)
    distributions = [each.distribution for each in predictions if each.distribution is not None]
    if len(distributions) < len(predictions):
        return Predictions(score, mean, weighted_sum([each.median for each in predictions], weights), distribution=None)
    probabilities = weighted_sum([each.probabilities for each in distributions], weights.unsqueeze(1))
    mixed = Distribution(distributions[0].scale, distributions[0].edges, probabilities)
    return Predictions(score, mean, median(mixed), mixed)


def weighted_sum(values: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Σ_k λ_k v_k of K tensors [B, Q] or [B, Q, cells], with weights [B, K] or [B, 1, K]."""
    return (torch.stack(list(values), dim=-1) * weights.unsqueeze(1)).sum(dim=-1)
