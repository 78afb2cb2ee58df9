"""Learners that adapt the decision layers by gradient steps: MeLU and, by preset, its relatives."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, TrainingView
from models.inputs.features import EncodedRows
from models.learners.base import ItemScorer, Learner, Support
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary
from models.learners.local_update import AdaptedLayers, FirstLayerRows, Layer, LayerRates, local_update
from models.learners.network import PreferenceEstimator
from models.training.preset import LocalUpdateConfig, Rates

_ROWS_AT_ONCE = 1024
"""Items scored at once on a CPU, so that all between the layers stays in the processor's cache."""


@dataclass(frozen=True)
class AdaptedUsers:
    """B users' own models.

    Attributes:
        layers: Their decision layers θ2^i.
        summary: Of the support set, for the head.
    """

    layers: AdaptedLayers
    summary: SupportSummary


class GradientLearner(Learner[AdaptedUsers]):
    """MeLU (Lee et al., KDD 2019): global embedding layers, decision layers locally updated for each user.

    An item's vector is its bias, its inputs (embedded fields and, where the preset asks for them, collaborative
    inputs), and what the first decision layer makes of these; a user's vector is the same without a bias. The decision
    layers predict what is left of a rating after the item's bias, which is 0 without collaborative inputs.

    Attributes:
        log_output_rates: Logarithms of the local rates α of each decision layer's output units, which are multiplied by
        log_input_rates: those of its inputs and, last, of the constant behind its biases. They are learned with the
            rest where the preset says so: as logarithms, rates stay positive.
        log_prior: Logarithm of the prior ratings c, learned likewise.
    """

    def __init__(
        self,
        estimator: PreferenceEstimator,
        config: LocalUpdateConfig,
        head: Head,
        reception: CollaborativeInputs | None = None,
    ) -> None:
        super().__init__()
        self.estimator = estimator
        self.config = config
        self.head = head
        self.reception = reception
        learned = config.rates is Rates.LEARNED
        linear = [layer for layer in estimator.decision if isinstance(layer, nn.Linear)]
        self.log_output_rates = nn.ParameterList(
            nn.Parameter(torch.full((layer.out_features,), config.rate).log(), requires_grad=learned)
            for layer in linear
        )
        self.log_input_rates = nn.ParameterList(
            nn.Parameter(torch.zeros(layer.in_features + 1), requires_grad=learned) for layer in linear
        )
        self.log_prior = nn.Parameter(
            torch.tensor(config.prior_ratings).log(), requires_grad=learned and config.prior_ratings > 0
        )

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Estimate the collaborative inputs and what the head takes as given."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.reception is not None:
            self.reception.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> Tensor:
        """Inputs and their share of the first layer, with its bias; float32 [rows, user width + out]."""
        inputs = self.estimator.embed_users(rows)
        first = self._layers()[0]
        return torch.cat([inputs, F.linear(inputs, first.weight[:, : self._user_width], first.bias)], dim=-1)

    def embed_items(self, rows: EncodedRows, *, training: TrainingView | None = None) -> Tensor:
        """Biases, inputs and their share of the first layer; float32 [rows, 1 + item width + out]."""
        inputs = self.estimator.embed_items(rows)
        biases = inputs.new_zeros(len(rows))
        if self.reception is not None:
            reception = self.reception(rows, training)
            biases, inputs = reception.biases, torch.cat([inputs, reception.inputs], dim=-1)
        share = F.linear(inputs, self._layers()[0].weight[:, self._user_width :])
        return torch.cat([biases.unsqueeze(-1), inputs, share], dim=-1)

    def adapt(self, support: Support, *, steps: int | None = None) -> AdaptedUsers:
        """Locally update the decision layers of B users."""
        steps = self.config.steps if steps is None else steps
        layers, residuals = local_update(
            self._layers(),
            [
                LayerRates(outputs.exp(), *inputs.exp().tensor_split([-1]))
                for outputs, inputs in zip(self.log_output_rates, self.log_input_rates, strict=True)
            ],
            self._first_layer_rows(support.users, support.items),
            ratings=support.ratings - support.items[..., 0],
            mask=support.mask,
            prior_ratings=self.log_prior.exp(),
            steps=steps,
            second_order=self.config.second_order,
        )
        mask = support.mask if steps else torch.zeros_like(support.mask)
        # Leaving each rating out would take as many local updates; before any, all of them are left out.
        return AdaptedUsers(layers, SupportSummary(support.ratings, residuals, residuals, mask))

    def predict(self, adapted: AdaptedUsers, users: Tensor, items: Tensor) -> Predictions:
        """Run each user's decision layers on the items, and read the result as ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: AdaptedUsers, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def prepare(self, items: Tensor) -> ItemScorer[AdaptedUsers]:
        """On a CPU the items are scored some at a time for one user after the other; a GPU wants all work at once."""
        if items.device.type != "cpu":
            return super().prepare(items)
        return _ScoresInPieces(items, user_width=self._user_width, outputs=self._layers()[0].weight.shape[0])

    def gradient_norms(self, adapted: AdaptedUsers, users: Tensor, items: Tensor) -> Tensor:
        """Norms over the decision layers' parameters at each user's θ2^i; float32 [B, Q]."""
        return adapted.layers.gradient_norms(self._first_layer_rows(users, items))

    def _latent(self, adapted: AdaptedUsers, users: Tensor, items: Tensor) -> Latent:
        mean = items[..., 0] + adapted.layers.predict(self._first_layer_rows(users, items))
        return Latent(mean, torch.zeros_like(mean))

    def _layers(self) -> list[Layer]:
        return [Layer(layer.weight, layer.bias) for layer in self.estimator.decision if isinstance(layer, nn.Linear)]

    @property
    def _user_width(self) -> int:
        return self.estimator.embed_users.width

    def _first_layer_rows(self, users: Tensor, items: Tensor) -> FirstLayerRows:
        """Take embedded users and items apart."""
        width = self._user_width
        inputs, share = torch.split(users, [width, users.shape[1] - width], dim=1)
        out = share.shape[1]
        _, item_inputs, item_share = torch.split(items, [1, items.shape[-1] - out - 1, out], dim=-1)
        return FirstLayerRows(inputs, item_inputs, item_share + share.unsqueeze(1))


class _ScoresInPieces(ItemScorer[AdaptedUsers]):
    """Runs one user's decision layers on one piece of the catalogue after the other."""

    def __init__(self, items: Tensor, *, user_width: int, outputs: int) -> None:
        self._items = items
        self._user_width = user_width
        self._widths = [1, items.shape[1] - 1 - outputs, outputs]
        self._pieces = [torch.split(piece, self._widths, dim=1) for piece in torch.split(items, _ROWS_AT_ONCE)]

    def scores(self, adapted: AdaptedUsers, users: Tensor, rows: Tensor | None = None) -> Tensor:
        scores = users.new_empty(len(users), len(self._items) if rows is None else len(rows))
        for place, own in enumerate(scores):
            layers = adapted.layers.of_user(place, adapted.summary.mask[place], users[place, self._user_width :])
            pieces = self._pieces if rows is None else map(self._piece, torch.split(rows, _ROWS_AT_ONCE))
            for (biases, items, outputs), out in zip(pieces, torch.split(own, _ROWS_AT_ONCE), strict=True):
                torch.add(biases.squeeze(-1), layers.predict(items, outputs), out=out)
        return scores

    def _piece(self, rows: Tensor) -> tuple[Tensor, ...]:
        return torch.split(self._items[rows], self._widths, dim=1)
