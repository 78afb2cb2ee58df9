"""In-context learner: a transformer without positions reads the support set, and the queries attend to it.

The support set is encoded by self-attention (Vaswani et al., NIPS 2017), and each query reads it by cross-attention, as
in attentive neural processes (Kim et al., ICLR 2019). Serving takes no gradient.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.backbone import Backbone, PriorItems, UserVectors, prior_ratings
from models.learners.base import Learner, LearnerConfig, LearnerParts, Support
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.network import zero_linear
from models.learners.search_space import HIDDEN_WIDTHS, OneOf, SearchSpace


class InContextConfig(LearnerConfig):
    """The choices of the in-context learner.

    Attributes:
        hidden: Widths of the layers from an item's inputs to its hidden units.
        dim: Width of the tokens.
        heads: Attention heads, into which a token is divided.
        layers: Layers of self-attention over the support set.
        feed_forward: Hidden units of a layer's feed-forward network.
    """

    kind: Literal["in_context"] = "in_context"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 64)
    dim: Annotated[int, Field(ge=1)] = 32
    heads: Annotated[int, Field(ge=1)] = 4
    layers: Annotated[int, Field(ge=1)] = 1
    feed_forward: Annotated[int, Field(ge=1)] = 64

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.dim": OneOf(values=(16, 32, 64)),
        "learner.layers": OneOf(values=(1, 2)),
    }

    @model_validator(mode="after")
    def _heads_divide_tokens(self) -> Self:
        if self.dim % self.heads:
            raise ValueError("heads does not divide dim")
        return self

    def build(self, parts: LearnerParts) -> "InContext":
        """The learner."""
        return InContext(parts, self)


@dataclass(frozen=True)
class InContextItems(PriorItems):
    """Embedded items.

    Attributes:
        token: float32 [dim], of the item as a query.
        query: float32 [dim], what the token looks for in the support set.
    """

    token: Tensor
    query: Tensor


@dataclass(frozen=True)
class Context:
    """The support sets of B users, as queries read them.

    Attributes:
        keys: float32 [B, heads, 1 + S, dim / heads], of the user and of the support ratings.
        values: float32 [B, heads, 1 + S, dim / heads].
        mask: bool [B, 1 + S], where there is something to attend to.
        weights: float32 [B, 1 + width], the user's weights of a constant and of an item's hidden units.
        summary: Of the support set, for the head.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor
    weights: Tensor
    summary: SupportSummary


class InContext(Learner[UserVectors, InContextItems, Context]):
    """`ŷ_q = m_q + Δw · [1, h_q] + δ_q`, where m is predicted without ratings, and a transformer gives Δw and δ.

    A support rating becomes a token that is linear in its residual `r = y − m`. One more token stands for the user: it
    depends on the attributes and on the number of ratings, and is the only token of a user without ratings. Layers of
    self-attention encode the tokens. The user's token then gives the weights Δw. Each query attends to all tokens, and
    gives δ and a variance. Queries do not see each other, so that a catalogue is scored in one pass.
    """

    def __init__(self, parts: LearnerParts, config: InContextConfig) -> None:
        super().__init__()
        self.head = parts.head
        self.backbone = Backbone(parts, config.hidden)
        width, dim = self.backbone.width, config.dim
        self.query_token = nn.Linear(width, dim)
        self.item_token = nn.Linear(width, dim)
        self.rated_token = nn.Linear(width, dim)
        self.user_token = nn.Linear(width, dim)
        self.count_token = nn.Parameter(torch.zeros(dim))
        self.encoder = nn.ModuleList([_Layer(config) for _ in range(config.layers)])
        self.encoded = nn.LayerNorm(dim)
        self.reader = _Layer(config)
        self.read = nn.LayerNorm(dim)
        self.weights = zero_linear(dim, 1 + width)
        self.output = zero_linear(dim, 2)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        self.backbone.fit_statistics(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> UserVectors:
        """Embed users."""
        return self.backbone.users(rows)

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> InContextItems:
        """Embed items."""
        items = self.backbone.items(rows, out_of_fold)
        token = self.query_token(items.hidden)
        return InContextItems(items.level, items.variance, items.hidden, token, self.reader.queries(token))

    def adapt(self, support: Support[UserVectors, InContextItems], *, steps: int | None = None) -> Context:
        """Encode the support sets; `steps=0` ignores them, other numbers change nothing."""
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        residuals = (support.ratings - prior_ratings(support.users, support.items)) * mask
        scaled = (residuals / self.backbone.unit).unsqueeze(-1)
        hidden = support.items.hidden
        user = self.user_token(support.users.hidden) + mask.sum(dim=1, keepdim=True).log1p() * self.count_token
        tokens = torch.cat([user.unsqueeze(1), self.item_token(hidden) + scaled * self.rated_token(hidden)], dim=1)
        attended = F.pad(mask, (1, 0), value=True)
        for layer in self.encoder:
            tokens = layer(tokens, attended)
        tokens = self.encoded(tokens)
        keys, values = self.reader.keys_and_values(tokens)
        return Context(
            keys=keys,
            values=values,
            mask=attended,
            weights=self.weights(tokens[:, 0]),
            summary=SupportSummary(support.ratings, residuals, residuals, mask),
        )

    def predict(self, adapted: Context, users: UserVectors, items: InContextItems) -> Predictions:
        """Predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: Context, users: UserVectors, items: InContextItems, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def _latent(self, context: Context, users: UserVectors, items: InContextItems) -> Latent:
        read = self.read(self.reader.attend(items.token, items.query, context.keys, context.values, context.mask))
        offset, variance = self.output(read).unbind(dim=-1)
        unit = self.backbone.unit
        weights = UserVectors(users.hidden, users.weights + unit * context.weights)
        return Latent(prior_ratings(weights, items) + unit * offset, items.variance + unit**2 * F.softplus(variance))


class _Layer(nn.Module):
    """A layer of a transformer: attention, then a feed-forward network, each with a normalised input and a shortcut."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.dim)
        self.to_queries = nn.Linear(config.dim, config.dim)
        self.to_keys_and_values = nn.Linear(config.dim, 2 * config.dim)
        self.from_values = nn.Linear(config.dim, config.dim)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(config.dim),
            nn.Linear(config.dim, config.feed_forward),
            nn.ReLU(),
            nn.Linear(config.feed_forward, config.dim),
        )

    def queries(self, tokens: Tensor) -> Tensor:
        """What tokens (float32 [..., dim]) look for; the same shape."""
        queries: Tensor = self.to_queries(self.norm(tokens))
        return queries

    def keys_and_values(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of tokens (float32 [B, S, dim]) to attend to; float32 [B, heads, S, dim / heads] each."""
        keys, values = self.to_keys_and_values(self.norm(tokens)).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (float32 [B, S, dim]) after attending to all of them where `mask` (bool [B, S]) is set."""
        return self.attend(tokens, self.queries(tokens), *self.keys_and_values(tokens), mask)

    def attend(self, tokens: Tensor, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Tokens after attending to S others.

        Args:
            tokens: float32 [B, Q, dim].
            queries: float32 [B, Q, dim], what they look for.
            keys: Of the others.
            values: Of the others.
            mask: bool [B, S], which of the others there are.

        Returns:
            float32 [B, Q, dim].
        """
        others = mask.unsqueeze(1).unsqueeze(1)
        attended = F.scaled_dot_product_attention(self._split(queries), keys, values, attn_mask=others)
        tokens = tokens + self.from_values(attended.transpose(1, 2).flatten(start_dim=2))
        changed: Tensor = tokens + self.feed_forward(tokens)
        return changed

    def _split(self, tokens: Tensor) -> Tensor:
        """[B, S, dim] → [B, heads, S, dim / heads]."""
        batch, count, dim = tokens.shape
        return tokens.reshape(batch, count, self.heads, dim // self.heads).transpose(1, 2)
