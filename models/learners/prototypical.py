"""Prototypical networks (Snell et al., NIPS 2017): a prototype for each rating level, the mean of its support items."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.backbone import Backbone, PriorItems, UserVectors, prior_ratings
from models.learners.base import Learner, LearnerConfig, LearnerParts, Support
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.network import inverse_softplus, zero_linear
from models.learners.search_space import HIDDEN_WIDTHS, Between, OneOf, SearchSpace

Positive = Annotated[float, Field(gt=0)]

_LEAST_SHARE = 1e-6
"""Least number of ratings at a level, which rounding could make 0 or negative."""


class PrototypicalConfig(LearnerConfig):
    """The choices of a prototypical network. Initial values are changed by training.

    A unit is a quarter of the rating scale's length: a rating point of a scale from 1 to 5.

    Attributes:
        hidden: Widths of the layers from an item's inputs to its hidden units.
        dim: Length of the vectors among which distances are measured, without principal components.
        levels: How many prototypes a user has.
        span: The highest residual that has a prototype, in units; the lowest one is its opposite.
        component_scale: Initial scale of the attributes' principal components in these vectors.
        prototype_ratings: Initial number of ratings of a level after which half of its prototype is the user's own.
        share_ratings: Initial number of ratings after which half of the levels' shares are the user's own.
    """

    kind: Literal["prototypical"] = "prototypical"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 64)
    dim: Annotated[int, Field(ge=1)] = 32
    levels: Annotated[int, Field(ge=2)] = 5
    span: Positive = 2.0
    component_scale: Positive = 1.0
    prototype_ratings: Positive = 3.0
    share_ratings: Positive = 5.0

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.levels": OneOf(values=(5, 9)),
        "learner.prototype_ratings": Between(low=1.0, high=10.0),
    }

    def build(self, parts: LearnerParts) -> "Prototypical":
        """The learner."""
        return Prototypical(parts, self)


@dataclass(frozen=True)
class PrototypicalItems(PriorItems):
    """Embedded items.

    Attributes:
        vector: float32 [dim], e.
    """

    vector: Tensor


@dataclass(frozen=True)
class Prototypes:
    """The prototypes of B users.

    Attributes:
        totals: float32 [B, K, dim], sums of vectors at each level, with the prior's.
        weights: float32 [B, K], how many vectors are in each sum; a prototype is their quotient.
        shares: float32 [B, K], n_k plus its prior, which is proportional to π_k.
        summary: Of the support set, for the head.
    """

    totals: Tensor
    weights: Tensor
    shares: Tensor
    summary: SupportSummary


class Prototypical(Learner[UserVectors, PrototypicalItems, Prototypes]):
    """`ŷ_q = m_q + Σ_k p_k v_k` with `p = softmax_k(log π_k − ‖e_q − c_k‖²)`.

    The levels v are evenly spaced residuals `r = y − m`, where m is the prediction without ratings. With levels of the
    ratings themselves, a prototype would mostly say how good its items are for everyone. A residual between two levels
    counts for both, the nearer one more, so any scale has levels. The head gets the expectation as the latent mean, and
    the variance of p as the latent variance.

    The prototype of level k is the mean of the vectors e of the support items at that level, shrunk towards a learned
    prototype g_k of all users: `c_k = (κ g_k + Σ_s a_sk e_s) / (κ + n_k)`, where a_sk says how much of rating s is at
    level k, and `n_k = Σ_s a_sk`. A level's share π is shrunk in the same way towards the share that the user's
    attributes predict. So without ratings the attributes decide.
    """

    values: Tensor

    def __init__(self, parts: LearnerParts, config: PrototypicalConfig) -> None:
        super().__init__()
        self.config = config
        self.head = parts.head
        self.backbone = Backbone(parts, config.hidden)
        self.vector = nn.Linear(self.backbone.width, config.dim)
        self.component_scale = nn.Parameter(inverse_softplus(config.component_scale))
        span = config.span * self.backbone.unit
        self.register_buffer("values", torch.linspace(-span, span, config.levels), persistent=False)
        self.prototypes = nn.Parameter(0.1 * torch.randn(config.levels, config.dim + self.backbone.component_width))
        self.prototype_ratings = nn.Parameter(inverse_softplus(config.prototype_ratings))
        self.share_ratings = nn.Parameter(inverse_softplus(config.share_ratings))
        self.expected_shares = zero_linear(self.backbone.width, config.levels)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        self.backbone.fit_statistics(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> UserVectors:
        """Embed users."""
        return self.backbone.users(rows)

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> PrototypicalItems:
        """Embed items."""
        items = self.backbone.items(rows, out_of_fold)
        vector = [self.vector(items.hidden), items.components * F.softplus(self.component_scale)]
        return PrototypicalItems(items.level, items.variance, items.hidden, torch.cat(vector, dim=-1))

    def adapt(self, support: Support[UserVectors, PrototypicalItems], *, steps: int | None = None) -> Prototypes:
        """The prototypes of the support sets; `steps=0` leaves those of the prior, other numbers change nothing."""
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        residuals = (support.ratings - prior_ratings(support.users, support.items)) * mask
        at_level = self._at_levels(residuals) * mask.unsqueeze(-1)
        counts = at_level.sum(dim=1)
        prior, share_prior = F.softplus(self.prototype_ratings), F.softplus(self.share_ratings)
        expected = share_prior * self.expected_shares(support.users.hidden).softmax(dim=-1)
        prototypes = Prototypes(
            totals=prior * self.prototypes + at_level.mT @ support.items.vector,
            weights=prior + counts,
            shares=expected + counts,
            summary=SupportSummary(support.ratings, residuals, residuals, mask),
        )
        probabilities = self._probabilities(prototypes, support.items.vector, at_level)
        leave_one_out = residuals - probabilities @ self.values
        return replace(prototypes, summary=replace(prototypes.summary, leave_one_out=leave_one_out))

    def predict(self, adapted: Prototypes, users: UserVectors, items: PrototypicalItems) -> Predictions:
        """Predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: Prototypes, users: UserVectors, items: PrototypicalItems, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def _latent(self, prototypes: Prototypes, users: UserVectors, items: PrototypicalItems) -> Latent:
        probabilities = self._probabilities(prototypes, items.vector)
        mean = probabilities @ self.values
        variance = probabilities @ self.values.square() - mean.square()
        return Latent(prior_ratings(users, items) + mean, items.variance + variance.clamp(min=0))

    def _at_levels(self, residuals: Tensor) -> Tensor:
        """a, how much of each residual (float32 [B, S]) is at each level; float32 [B, S, K], rows sum to 1."""
        step = self.values[1] - self.values[0]
        places = residuals.clamp(self.values[0], self.values[-1]).unsqueeze(-1)
        return (1 - (places - self.values).abs() / step).clamp(min=0)

    def _probabilities(self, prototypes: Prototypes, vectors: Tensor, removed: Tensor | float = 0.0) -> Tensor:
        """p, for items with the given vectors (float32 [B, Q, dim]); float32 [B, Q, K].

        Args:
            prototypes: The users' prototypes.
            vectors: e.
            removed: float32 [B, Q, K], how much of each item itself is in the prototypes and is left out.
        """
        lengths = vectors.square().sum(dim=-1, keepdim=True)
        products = vectors @ prototypes.totals.mT
        total_lengths = prototypes.totals.square().sum(dim=-1).unsqueeze(1)
        weights = prototypes.weights.unsqueeze(1) - removed
        inner = (products - removed * lengths) / weights
        prototype_lengths = (total_lengths - 2 * removed * products + removed * removed * lengths) / weights.square()
        shares = (prototypes.shares.unsqueeze(1) - removed).clamp(min=_LEAST_SHARE)
        logits = shares.log() + 2 * inner - prototype_lengths
        return logits.softmax(dim=-1)
