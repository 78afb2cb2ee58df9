"""The preference estimator: embedding layers and decision layers (MeLU, Lee et al., KDD 2019, §3.2)."""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from models.fields import BaseField, InputLayer
from models.inputs.collaborative_inputs import CollaborativeInputs, ItemInputs, OutOfFold
from models.inputs.config import InputConfig
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder


def _is_embedded(field: BaseField, encoder: FeatureEncoder, config: InputConfig) -> bool:
    if field.name == ID_FIELD:
        is_only_input = len(encoder.fields) == 1 and config.collaborative is None
        return config.item_ids or is_only_input
    most = config.max_embedded_values
    return field.embed and (most is None or (field.category_count or 0) <= most)


def input_linear(width: int, outputs: int) -> nn.Linear:
    """The first layer of a network of attributes. Without attributes, it has no inputs, and its bias begins at 0.

    An input that is always 0 is no replacement for that. The layer then has a random bias, which shifts the predictions
    of all users.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        return nn.Linear(width, outputs)


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that gives 0 at first."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def inverse_softplus(value: float) -> Tensor:
    """The number whose softplus is `value`."""
    return torch.tensor(value).expm1().log()


class EmbeddingLayers(nn.Module):
    """θ1 of the users or of the items: every field's vector, concatenated; never changed for one user.

    Attributes:
        width: Length of the concatenated vector; 0 where there are no fields.
    """

    width: int
    _no_fields: Tensor

    def __init__(self, encoder: FeatureEncoder, config: InputConfig) -> None:
        super().__init__()
        fields = [field for field in encoder.fields if _is_embedded(field, encoder, config)]
        # A list, because a field's name may hold characters that a module's name must not.
        self.names = [field.name for field in fields]
        layers = [
            field.input_layer(embedding_dim=config.embedding_dim, embedding_scale=config.embedding_scale)
            for field in fields
        ]
        self.layers = nn.ModuleList(layers)
        self.width = sum(layer.width for layer in layers)
        # It gives the device where there are no fields.
        self.register_buffer("_no_fields", torch.zeros(0), persistent=False)

    def forward(self, rows: EncodedRows) -> Tensor:
        """Embed rows; returns float32 [rows, width]."""
        if not self.names:
            return self._no_fields.new_zeros(len(rows), 0)
        vectors = [layer(rows.fields[name]) for name, layer in self._named_layers()]
        return torch.cat(vectors, dim=-1)

    def columns(self, rows: EncodedRows) -> Tensor:
        """The columns of all layers (`InputLayer.columns`), concatenated; float32 [rows, columns]."""
        if not self.names:
            return self._no_fields.new_zeros(len(rows), 0)
        return torch.cat([layer.columns(rows.fields[name]) for name, layer in self._named_layers()], dim=-1)

    def of_columns(self, columns: Tensor) -> Tensor:
        """Embed rows by their columns, as `forward` does; [rows, columns] → [rows, width]."""
        if not self.names:
            return columns
        pieces = torch.split(columns, [layer.column_count for _, layer in self._named_layers()], dim=-1)
        vectors = [layer.of_columns(piece) for (_, layer), piece in zip(self._named_layers(), pieces, strict=True)]
        return torch.cat(vectors, dim=-1)

    def _named_layers(self) -> list[tuple[str, InputLayer]]:
        return list(zip(self.names, cast(Iterable[InputLayer], self.layers), strict=True))


def item_inputs(
    fields: EmbeddingLayers,
    collaborative: CollaborativeInputs | None,
    rows: EncodedRows,
    out_of_fold: OutOfFold | None,
) -> ItemInputs:
    """The embedded fields of items and their collaborative inputs, concatenated, and what else the latter have.

    Without collaborative inputs, the biases and counts are 0, and there are no principal components.
    """
    embedded = fields(rows)
    if collaborative is None:
        zeros = embedded.new_zeros(len(rows))
        return ItemInputs(zeros, zeros, embedded, embedded.new_zeros(len(rows), 0))
    items: ItemInputs = collaborative(rows, out_of_fold)
    return replace(items, inputs=torch.cat([embedded, items.inputs], dim=-1))


class PreferenceEstimator(nn.Module):
    """Embedding layers θ1 and decision layers θ2: attributes of a user and an item → the expected rating.

    The embedding layers are called on distinct users and items. `decision` takes their concatenated vectors, so that
    adapting the decision layers embeds nothing twice.
    """

    def __init__(
        self,
        *,
        user_encoder: FeatureEncoder,
        item_encoder: FeatureEncoder,
        inputs: InputConfig,
        hidden: tuple[int, ...],
        mean_rating: float,
        further_item_inputs: int = 0,
    ) -> None:
        """Build the network.

        Args:
            user_encoder: Of the users.
            item_encoder: Of the items.
            inputs: Which fields are embedded, and how.
            hidden: Widths of the hidden decision layers (the paper: 64, 64).
            mean_rating: What the network predicts at first.
            further_item_inputs: How many inputs the decision layers take after the embedded item.
        """
        super().__init__()
        self.embed_users = EmbeddingLayers(user_encoder, inputs)
        self.embed_items = EmbeddingLayers(item_encoder, inputs)
        widths = (self.embed_users.width + self.embed_items.width + further_item_inputs, *hidden)
        layers = hidden_layers(widths)
        output = nn.Linear(widths[-1], 1)
        # The first epochs then only have to find differences from the mean.
        nn.init.constant_(output.bias, mean_rating)
        self.decision = nn.Sequential(*layers, output, nn.Flatten(start_dim=-2))

    def forward(self, users: EncodedRows, items: EncodedRows) -> Tensor:
        """Expected ratings of users[i] for items[i], where there are no further item inputs; float32 [rows]."""
        vectors = torch.cat([self.embed_users(users), self.embed_items(items)], dim=-1)
        return self.decision(vectors)  # type: ignore[no-any-return]


def hidden_layers(widths: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers, each followed by a ReLU.

    Args:
        widths: Of the inputs, then of each layer.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers
