"""What the metric-based and the in-context learners share: vectors of users and items, and a prior prediction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import LearnerParts
from models.learners.network import (
    EmbeddingLayers,
    hidden_layers,
    input_linear,
    inverse_softplus,
    item_inputs,
    zero_linear,
)

_ITEM_VARIANCE = 0.15
"""Initial variance t of a new item's level that the attributes do not explain, in squared units."""

_SETTLING_COUNT = 5.0
"""Initial number of ratings c after which half of that variance is left."""


@dataclass(frozen=True)
class UserVectors(TensorRows):
    """Embedded users.

    Attributes:
        hidden: float32 [width], hidden units of the user's attributes.
        weights: float32 [1 + width], w(u), the user's prior weights of a constant and of an item's hidden units.
    """

    hidden: Tensor
    weights: Tensor


@dataclass(frozen=True)
class PriorItems(TensorRows):
    """What is predicted of items without any rating of the user.

    Attributes:
        level: float32 [], l, the predicted rating for an unknown user.
        variance: float32 [], τ, what is unknown about the item for all users, in squared rating units.
        hidden: float32 [width], h, hidden units of the item's inputs.
    """

    level: Tensor
    variance: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class ItemVectors(PriorItems):
    """Embedded items.

    Attributes:
        components: float32 [components], z, principal components of the attributes, of length 1 or 0.
    """

    components: Tensor


class Backbone(nn.Module):
    """Vectors of users and items, and the prediction without any rating of the user: `l_j + w(u) · [1, h_j]`.

    An item's level `l = mean + b_j + o(h_j)` has its bias b_j from the collaborative inputs. Its variance is
    `τ = t/(1 + n/c)` for n ratings, with t and c learned, as in the closed-form learner.

    Attributes:
        unit: A quarter of the rating scale's length, a rating point of a scale from 1 to 5.
        width: Hidden units of a user and of an item.
        component_width: Principal components of an item.
    """

    def __init__(self, parts: LearnerParts, hidden: tuple[int, ...]) -> None:
        """Build the layers.

        Args:
            parts: What the learner is built from.
            hidden: Widths of the layers from an item's inputs to its hidden units; at least one.
        """
        super().__init__()
        self.mean_rating = parts.mean_rating
        self.unit = (parts.scale.maximum - parts.scale.minimum) / 4
        self.collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        self.user_fields = EmbeddingLayers(parts.user_encoder, parts.inputs)
        self.item_fields = EmbeddingLayers(parts.item_encoder, parts.inputs)
        inputs = self.item_fields.width + (self.collaborative.width if self.collaborative else 0)
        self.width = hidden[-1]
        self.component_width = self.collaborative.component_width if self.collaborative else 0
        self.item_layers = nn.Sequential(*hidden_layers((inputs, *hidden)))
        self.item_offset = zero_linear(self.width, 1)
        self.user_layer = nn.Sequential(input_linear(self.user_fields.width, self.width), nn.ReLU())
        self.user_weights = zero_linear(self.width, 1 + self.width)
        self.item_variance = nn.Parameter(inverse_softplus(_ITEM_VARIANCE * self.unit**2))
        self.settling_count = nn.Parameter(inverse_softplus(_SETTLING_COUNT))

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs."""
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def users(self, rows: EncodedRows) -> UserVectors:
        """Embed users."""
        hidden = self.user_layer(self.user_fields(rows))
        return UserVectors(hidden, self.user_weights(hidden))

    def items(self, rows: EncodedRows, out_of_fold: OutOfFold | None) -> ItemVectors:
        """Embed items."""
        items = item_inputs(self.item_fields, self.collaborative, rows, out_of_fold)
        hidden = self.item_layers(items.inputs)
        return ItemVectors(
            level=self.mean_rating + items.biases + self.item_offset(hidden).squeeze(-1),
            variance=F.softplus(self.item_variance) / (1 + items.counts / F.softplus(self.settling_count)),
            hidden=hidden,
            components=items.components,
        )


def prior_ratings(users: UserVectors, items: PriorItems) -> Tensor:
    """`l_j + w(u) · [1, h_j]`, what is predicted without ratings; float32 [B, Q].

    Args:
        users: [B].
        items: [B, Q].
    """
    tastes = (items.hidden @ users.weights[:, 1:].unsqueeze(-1)).squeeze(-1)
    return items.level + users.weights[:, :1] + tastes
