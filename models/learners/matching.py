"""Matching networks (Vinyals et al., NIPS 2016): support ratings, weighted by the similarity of their items."""

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
from models.learners.network import inverse_softplus
from models.learners.search_space import HIDDEN_WIDTHS, Between, OneOf, SearchSpace

Positive = Annotated[float, Field(gt=0)]


class MatchingConfig(LearnerConfig):
    """The choices of a matching network. Initial values are changed by training.

    Attributes:
        hidden: Widths of the layers from an item's inputs to its hidden units.
        key: Length of an item's key.
        sharpness: Initial factor γ of the cosine similarity of keys.
        component_sharpness: Initial factor δ of the similarity of the attributes' principal components.
        prior_ratings: Initial number of ratings c after which half of a user's mean residual is believed.
        variance: Initial variance ω of a prediction without support ratings, in squared units. A unit is a quarter of
            the rating scale's length: a rating point of a scale from 1 to 5.
    """

    kind: Literal["matching"] = "matching"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 64)
    key: Annotated[int, Field(ge=1)] = 32
    sharpness: Positive = 5.0
    component_sharpness: Positive = 1.0
    prior_ratings: Positive = 3.0
    variance: Positive = 0.3

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.key": OneOf(values=(16, 32, 64)),
        "learner.sharpness": Between(low=1.0, high=20.0),
    }

    def build(self, parts: LearnerParts) -> "Matching":
        """The learner."""
        return Matching(parts, self)


@dataclass(frozen=True)
class MatchingItems(PriorItems):
    """Embedded items.

    Attributes:
        key: float32 [dim], √γ k/‖k‖ and √δ z: the inner product of two keys is the items' similarity.
    """

    key: Tensor


@dataclass(frozen=True)
class Memory:
    """The support sets of B users.

    Attributes:
        keys: float32 [B, S, dim].
        offset: float32 [B], b, the user's shrunk mean residual.
        summary: Of the support set; its residuals are what the memory returns.
    """

    keys: Tensor
    offset: Tensor
    summary: SupportSummary


class Matching(Learner[UserVectors, MatchingItems, Memory]):
    """`ŷ_q = m_q + Σ_s a_qs r_s + a_q0 b` with residuals `r_s = y_s − m_s`.

    The attention a_q is the softmax of the similarities `γ cos(k_q, k_s) + δ z_q · z_s` of the query to each support
    item, and of one more slot with a learned logit. The metric is learned: a network gives the keys k. The principal
    components z of the attributes say that two items share rare values.

    The paper averages the labels themselves. Here m is the prediction without ratings, and residuals from it are
    averaged. So an item keeps its level, and the user's attributes are the prior. The last slot holds the user's shrunk
    mean residual `b = Σ_s r_s / (n + c)`. So few or distant ratings move the prediction little, and without ratings it
    is m. The latent variance is `ω a_q0` plus that of the item.
    """

    def __init__(self, parts: LearnerParts, config: MatchingConfig) -> None:
        super().__init__()
        self.head = parts.head
        self.backbone = Backbone(parts, config.hidden)
        self.key = nn.Linear(self.backbone.width, config.key)
        self.sharpness = nn.Parameter(inverse_softplus(config.sharpness))
        self.component_sharpness = nn.Parameter(inverse_softplus(config.component_sharpness))
        self.null_logit = nn.Parameter(torch.tensor(config.sharpness))
        self.prior_ratings = nn.Parameter(inverse_softplus(config.prior_ratings))
        self.variance = nn.Parameter(inverse_softplus(config.variance * self.backbone.unit**2))

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        self.backbone.fit_statistics(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> UserVectors:
        """Embed users."""
        return self.backbone.users(rows)

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> MatchingItems:
        """Embed items."""
        items = self.backbone.items(rows, out_of_fold)
        key = [
            F.normalize(self.key(items.hidden), dim=-1) * F.softplus(self.sharpness).sqrt(),
            items.components * F.softplus(self.component_sharpness).sqrt(),
        ]
        return MatchingItems(items.level, items.variance, items.hidden, torch.cat(key, dim=-1))

    def adapt(self, support: Support[UserVectors, MatchingItems], *, steps: int | None = None) -> Memory:
        """Remember the support sets; `steps=0` forgets them, other numbers change nothing."""
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        residuals = (support.ratings - prior_ratings(support.users, support.items)) * mask
        total = residuals.sum(dim=1, keepdim=True)
        counts = mask.sum(dim=1, keepdim=True) + F.softplus(self.prior_ratings)
        memory = Memory(
            keys=support.items.key,
            offset=(total / counts).squeeze(1),
            summary=SupportSummary(support.ratings, residuals, residuals, mask),
        )
        others = mask.unsqueeze(1) & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        weights = self._weights(memory.keys, memory.keys, others)
        offsets = (total - residuals) / (counts - mask.to(counts.dtype))
        from_others = _product(weights[..., :-1], residuals) + weights[..., -1] * offsets
        return replace(memory, summary=replace(memory.summary, leave_one_out=residuals - from_others))

    def predict(self, adapted: Memory, users: UserVectors, items: MatchingItems) -> Predictions:
        """Predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: Memory, users: UserVectors, items: MatchingItems, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def _latent(self, memory: Memory, users: UserVectors, items: MatchingItems) -> Latent:
        weights = self._weights(items.key, memory.keys, memory.summary.mask.unsqueeze(1))
        remembered = _product(weights[..., :-1], memory.summary.residuals)
        unknown = weights[..., -1]
        mean = prior_ratings(users, items) + remembered + unknown * memory.offset.unsqueeze(1)
        return Latent(mean, items.variance + F.softplus(self.variance) * unknown)

    def _weights(self, queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """a, of the S support ratings and of the last slot; float32 [B, Q, S + 1]."""
        logits = (queries @ keys.mT).masked_fill(~mask, -torch.inf)
        null = self.null_logit.expand(*logits.shape[:2], 1)
        return torch.cat([logits, null], dim=-1).softmax(dim=-1)


def _product(matrices: Tensor, vectors: Tensor) -> Tensor:
    """[B, n, m] × [B, m] → [B, n]."""
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)
