"""DeepFM (Guo et al., IJCAI 2017), and its parts alone: a factorisation machine, and logistic regression."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.fields import InputLayer
from models.inputs.collaborative_inputs import CollaborativeInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import Learner, LearnerConfig, LearnerParts, Support
from models.learners.functional import call_with
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.inner_loop import Parameters, inner_loop
from models.learners.network import EmbeddingLayers, hidden_layers, input_linear, item_inputs
from models.learners.parameter_rates import ParameterRates


class DeepFMConfig(LearnerConfig):
    """The choices of DeepFM.

    Attributes:
        pairs: Whether pairs of fields are factorised. Without pairs and hidden layers, this is logistic regression
            (with the head `likes`; linear regression with `squared_error`).
        vector_dim: Dimensions of a field's vector in the pairs.
        hidden: Widths of the hidden layers; none for a factorisation machine (Rendle, ICDM 2010).
        steps: Local steps on the linear and the deep part; 0 gives all users the same model.
        rate: Initial local learning rate, which training changes, one for each weight (Meta-SGD, Li et al. 2017).
    """

    kind: Literal["deep_fm"] = "deep_fm"
    pairs: bool = True
    vector_dim: Annotated[int, Field(ge=1)] = 8
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 32)
    steps: Annotated[int, Field(ge=0)] = 1
    rate: Annotated[float, Field(gt=0)] = 0.02

    def build(self, parts: LearnerParts) -> "DeepFM":
        """The learner."""
        return DeepFM(parts, self)


@dataclass(frozen=True)
class FieldRows(TensorRows):
    """Embedded users or items.

    Attributes:
        level: float32 [], an item's mean residual and the pairs of its own fields; a user's pairs.
        inputs: float32 [width], the embedded fields.
        vector: float32 [vector_dim], Σ_f v_f, the sum of the fields' vectors; no dimensions without pairs.
    """

    level: Tensor
    inputs: Tensor
    vector: Tensor


@dataclass(frozen=True)
class AdaptedWeights:
    """The linear and the deep part of B users.

    Attributes:
        weights: Of every user, by name; None where all users have the same.
        summary: Of the support set, for the head.
    """

    weights: Parameters | None
    summary: SupportSummary


class _Decision(nn.Module):
    """The linear part `w · x + b` and the deep part, an MLP, on the embedded fields x of a user and an item."""

    def __init__(self, width: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = input_linear(width, 1)
        nn.init.zeros_(self.linear.bias)
        self.deep = None
        if hidden:
            self.deep = nn.Sequential(
                input_linear(width, hidden[0]), nn.ReLU(), *hidden_layers(hidden), nn.Linear(hidden[-1], 1)
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 [..., width] → [...]."""
        outputs: Tensor = self.linear(inputs)
        if self.deep is not None:
            outputs = outputs + self.deep(inputs)
        return outputs.squeeze(-1)


class DeepFM(Learner[FieldRows, FieldRows, AdaptedWeights]):
    """`m = μ + b_j + w · x + Σ_{f<g} v_f · v_g + MLP(x)` over the fields f, g of user and item.

    A field's vector v_f is a linear map of its embedding. The sum over pairs is `½ (|Σ_f v_f|² − Σ_f |v_f|²)` (Rendle,
    ICDM 2010, lemma 3.1), so users and items are embedded apart. The collaborative inputs are one field of the item.
    """

    def __init__(self, parts: LearnerParts, config: DeepFMConfig) -> None:
        super().__init__()
        self.config = config
        self.head = parts.head
        self.collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        self.mean_rating = parts.mean_rating
        self.user_fields = EmbeddingLayers(parts.user_encoder, parts.inputs)
        self.item_fields = EmbeddingLayers(parts.item_encoder, parts.inputs)
        self._user_widths = _widths(self.user_fields)
        self._item_widths = [*_widths(self.item_fields), *([self.collaborative.width] if self.collaborative else [])]
        self.user_vectors = _vectors(self._user_widths, config)
        self.item_vectors = _vectors(self._item_widths, config)
        self.decision = _Decision(sum(self._user_widths) + sum(self._item_widths), config.hidden)
        self.log_rates = ParameterRates(dict(self.decision.named_parameters()) if config.steps else {}, config.rate)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> FieldRows:
        """Embed users."""
        inputs = self.user_fields(rows)
        vector, pairs = self._pairs(inputs, self._user_widths, self.user_vectors)
        return FieldRows(pairs, inputs, vector)

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> FieldRows:
        """Embed items."""
        items = item_inputs(self.item_fields, self.collaborative, rows, out_of_fold)
        vector, pairs = self._pairs(items.inputs, self._item_widths, self.item_vectors)
        return FieldRows(self.mean_rating + items.biases + pairs, items.inputs, vector)

    def adapt(self, support: Support[FieldRows, FieldRows], *, steps: int | None = None) -> AdaptedWeights:
        """Locally update the linear and the deep part of B users along the head's loss."""
        residuals = (support.ratings - self._means(None, support.users, support.items)) * support.mask
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        summary = SupportSummary(support.ratings, residuals, residuals, mask)
        steps = self.config.steps if steps is None else steps
        if not steps or not self.config.steps:
            return AdaptedWeights(None, summary)
        weights = inner_loop(
            self._local_loss,
            dict(self.decision.named_parameters()),
            (
                _pairs_of(support.users, support.items),
                self._fixed(support.users, support.items),
                support.ratings,
                mask.to(support.ratings.dtype),
            ),
            self.log_rates.descent(),
            steps=steps,
            second_order=False,
        )
        return AdaptedWeights(weights, summary)

    def predict(self, adapted: AdaptedWeights, users: FieldRows, items: FieldRows) -> Predictions:
        """Predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: AdaptedWeights, users: FieldRows, items: FieldRows, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def _local_loss(self, weights: Parameters, user: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """The mean of the head's loss over one user's support set, before the head knows the user."""
        inputs, fixed, ratings, mask = user
        means = (fixed + call_with(self.decision, weights, (inputs,))).unsqueeze(0)
        nothing = torch.zeros_like(means)
        unknown = SupportSummary(nothing, nothing, nothing, nothing.bool())
        losses = self.head.loss(Latent(means, nothing), unknown, ratings.unsqueeze(0))[0]
        mean: Tensor = (losses * mask).sum() / mask.sum().clamp(min=1)
        return mean

    def _latent(self, adapted: AdaptedWeights, users: FieldRows, items: FieldRows) -> Latent:
        means = self._means(adapted.weights, users, items)
        return Latent(means, torch.zeros_like(means))

    def _means(self, weights: Parameters | None, users: FieldRows, items: FieldRows) -> Tensor:
        """m; float32 [B, Q]."""
        inputs, fixed = _pairs_of(users, items), self._fixed(users, items)
        if weights is None:
            own: Tensor = self.decision(inputs)
        else:
            own = torch.vmap(lambda of_user, rows: call_with(self.decision, of_user, (rows,)))(weights, inputs)
        return fixed + own

    @staticmethod
    def _fixed(users: FieldRows, items: FieldRows) -> Tensor:
        """What no local step changes: the mean, the item's residual and the pairs; float32 [B, Q]."""
        shared = (items.vector @ users.vector.unsqueeze(-1)).squeeze(-1)
        return items.level + users.level.unsqueeze(1) + shared

    def _pairs(self, inputs: Tensor, widths: list[int], maps: nn.ModuleList) -> tuple[Tensor, Tensor]:
        """Σ_f v_f, float32 [rows, vector_dim], and `Σ_{f<g} v_f · v_g`, float32 [rows], of rows of fields."""
        if not len(maps):  # no pairs, or users without fields
            dim = self.config.vector_dim if self.config.pairs else 0
            return inputs.new_zeros(len(inputs), dim), inputs.new_zeros(len(inputs))
        fields = torch.split(inputs, widths, dim=-1)
        stacked = torch.stack([own(field) for own, field in zip(maps, fields, strict=True)])
        total = stacked.sum(dim=0)
        return total, (total.square() - stacked.square().sum(dim=0)).sum(dim=-1) / 2


def _pairs_of(users: FieldRows, items: FieldRows) -> Tensor:
    """The embedded fields of each user and item together; float32 [B, Q, width]."""
    of_users = users.inputs.unsqueeze(1).expand(-1, items.inputs.shape[1], -1)
    return torch.cat([of_users, items.inputs], dim=-1)


def _widths(fields: EmbeddingLayers) -> list[int]:
    """The width of each embedded field."""
    return [layer.width for layer in fields.layers if isinstance(layer, InputLayer)]


def _vectors(widths: list[int], config: DeepFMConfig) -> nn.ModuleList:
    """The maps from embedded fields to their vectors in the pairs; none without pairs."""
    return nn.ModuleList(nn.Linear(width, config.vector_dim, bias=False) for width in widths if config.pairs)
