"""Matching networks (Vinyals et al., NIPS 2016): support ratings, weighted by the similarity of their items."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import Learner, LearnerConfig, LearnerParts, Support
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.network import EmbeddingLayers, hidden_layers
from models.learners.search_space import Between, OneOf, SearchSpace


class MatchingConfig(LearnerConfig):
    """The choices of a matching network.

    Attributes:
        hidden: Widths of the layers from an item's inputs to its key; the last one is the key's.
        sharpness: Initial factor of the cosine similarity; training changes it.
    """

    kind: Literal["matching"] = "matching"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 32)
    sharpness: Annotated[float, Field(gt=0)] = 5.0

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": OneOf(values=((32, 16), (64, 32), (128, 64))),
        "learner.sharpness": Between(low=1.0, high=20.0),
    }

    def build(self, parts: LearnerParts) -> "Matching":
        """The learner."""
        return Matching(parts, self)


@dataclass(frozen=True)
class MatchingUsers(TensorRows):
    """Embedded users.

    Attributes:
        offset: float32 [], f(u), how much higher than the mean the users' attributes let them rate.
    """

    offset: Tensor


@dataclass(frozen=True)
class MatchingItems(TensorRows):
    """Embedded items.

    Attributes:
        level: float32 [], l, the predicted rating before any user is known.
        key: float32 [dim], k, of length 1.
    """

    level: Tensor
    key: Tensor


@dataclass(frozen=True)
class Memory:
    """The support sets of B users: keys, weights and residuals of their items.

    Attributes:
        keys: float32 [B, S, dim], of length 1.
        summary: Of the support set; its residuals are what the memory returns.
    """

    keys: Tensor
    summary: SupportSummary


class Matching(Learner[MatchingUsers, MatchingItems, Memory]):
    """`ŷ_q = l_q + f(u) + Σ_s a_qs r_s` with residuals `r_s = y_s − l_s − f(u)` and `a_q = softmax(γ cos(k_q, k_s))`.

    The paper averages the labels themselves. Residuals let an item keep its level l, and one more slot in the softmax,
    with residual 0 and a learned logit, lets few or distant ratings move the prediction little.
    """

    def __init__(self, parts: LearnerParts, config: MatchingConfig) -> None:
        super().__init__()
        self.head = parts.head
        self.collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        self.mean_rating = parts.mean_rating
        self.user_fields = EmbeddingLayers(parts.user_encoder, parts.inputs)
        self.item_fields = EmbeddingLayers(parts.item_encoder, parts.inputs)
        inputs = self.item_fields.width + (self.collaborative.width if self.collaborative else 0)
        self.user_offset = nn.Linear(self.user_fields.width, 1)
        self.item_offset = nn.Linear(inputs, 1)
        self.key = nn.Sequential(*hidden_layers((inputs, *config.hidden))[:-1])
        self.sharpness = nn.Parameter(torch.tensor(config.sharpness))
        self.null_logit = nn.Parameter(torch.tensor(config.sharpness))

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> MatchingUsers:
        """Embed users."""
        return MatchingUsers(self.user_offset(self.user_fields(rows)).squeeze(-1))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> MatchingItems:
        """Embed items."""
        inputs = self.item_fields(rows)
        level = inputs.new_full((len(rows),), self.mean_rating)
        if self.collaborative is not None:
            collaborative = self.collaborative(rows, out_of_fold)
            inputs, level = torch.cat([inputs, collaborative.inputs], dim=-1), level + collaborative.biases
        return MatchingItems(level + self.item_offset(inputs).squeeze(-1), F.normalize(self.key(inputs), dim=-1))

    def adapt(self, support: Support[MatchingUsers, MatchingItems], *, steps: int | None = None) -> Memory:
        """Remember the support sets; `steps=0` forgets them, other numbers change nothing."""
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        residuals = (support.ratings - support.items.level - support.users.offset.unsqueeze(1)) * mask
        return Memory(support.items.key, SupportSummary(support.ratings, residuals, residuals, mask))

    def predict(self, adapted: Memory, users: MatchingUsers, items: MatchingItems) -> Predictions:
        """Predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: Memory, users: MatchingUsers, items: MatchingItems, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def _latent(self, memory: Memory, users: MatchingUsers, items: MatchingItems) -> Latent:
        logits = self.sharpness * items.key @ memory.keys.mT
        logits = logits.masked_fill(~memory.summary.mask.unsqueeze(1), -torch.inf)
        null = self.null_logit.expand(*logits.shape[:2], 1)
        weights = torch.cat([logits, null], dim=-1).softmax(dim=-1)[..., :-1]
        mean = items.level + users.offset.unsqueeze(1) + (weights @ memory.summary.residuals.unsqueeze(-1)).squeeze(-1)
        return Latent(mean, torch.zeros_like(mean))
