"""MeLU (Lee et al., KDD 2019): gradient steps on the decision layers with each user's support set."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

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
from models.learners.base import ItemScorer, Learner, LearnerConfig, LearnerParts, Support, Variant
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary
from models.learners.layer_rates import log_rates, rates_of
from models.learners.local_steps import after, curve_of
from models.learners.low_rank_update import AdaptedLayers, FirstLayerRows, Layer, local_update
from models.learners.network import PreferenceEstimator
from models.learners.search_space import HIDDEN_WIDTHS, LOCAL_RATES, SearchSpace

_ROWS_AT_ONCE = 1024
"""Items scored at once on a CPU, so that all values between the layers stay in the processor's cache."""


class Rates(StrEnum):
    """Where the local learning rates α come from."""

    FIXED = "fixed"
    LEARNED = "learned"
    """Meta-learned (Meta-SGD, Li et al. 2017), as products of a rate of the output unit and one of the input."""


class MeLUConfig(LearnerConfig):
    """The choices of MeLU.

    Attributes:
        hidden: Widths of the hidden decision layers (the paper: 64, 64).
        steps: Local steps k (the paper: 1 and 5).
        second_order: Whether the outer gradient flows through the local gradients.
        rate: Initial local learning rate α.
        rates: Whether the rates and the prior ratings stay fixed or are learned.
        prior_ratings: Initial c of `models.learners.low_rank_update.local_update`; 0, the paper's value, is never
            learned.
    """

    kind: Literal["melu"] = "melu"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 64)
    steps: Annotated[int, Field(ge=1)] = 1
    second_order: bool = False
    rate: Annotated[float, Field(gt=0)] = 0.02
    rates: Rates = Rates.LEARNED
    prior_ratings: Annotated[float, Field(ge=0)] = 0.0

    paper: ClassVar[dict[str, Any]] = {"steps": 5, "second_order": True, "rate": 5e-6, "rates": "fixed"}
    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.rate": LOCAL_RATES,
    }

    def build(self, parts: LearnerParts) -> "MeLU":
        """The learner, which begins at the mean rating."""
        collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        network = PreferenceEstimator(
            user_encoder=parts.user_encoder,
            item_encoder=parts.item_encoder,
            inputs=parts.inputs,
            hidden=self.hidden,
            mean_rating=parts.mean_rating,
            further_item_inputs=collaborative.width if collaborative else 0,
        )
        return MeLU(network, self, parts.head, collaborative)


@dataclass(frozen=True)
class MeLUUsers(TensorRows):
    """Embedded users.

    Attributes:
        inputs: float32 [user width], the embedded fields.
        first_layer: float32 [out], the users' share of the first decision layer's output, with its bias.
    """

    inputs: Tensor
    first_layer: Tensor


@dataclass(frozen=True)
class MeLUItems(TensorRows):
    """Embedded items.

    Attributes:
        bias: float32 [], the item's mean residual, which the decision layers need not predict; 0 without collaborative
            inputs.
        inputs: float32 [item width], embedded fields and collaborative inputs.
        first_layer: float32 [out], the items' share of the first decision layer's output.
    """

    bias: Tensor
    inputs: Tensor
    first_layer: Tensor


@dataclass(frozen=True)
class AdaptedUsers:
    """B users' models.

    Attributes:
        layers: The users' decision layers θ2^i.
        summary: Of the support set, for the head.
    """

    layers: AdaptedLayers
    summary: SupportSummary


class MeLU(Learner[MeLUUsers, MeLUItems, AdaptedUsers]):
    """Global embedding layers, and decision layers that are locally updated for each user.

    The decision layers predict a rating minus the item's bias. With every head, the local loss is the squared error.

    Attributes:
        log_output_rates: Logarithms of the local rates α of each decision layer's output units
            (`models.learners.layer_rates`).
        log_input_rates: Logarithms of the rates of the layer's inputs and, last, of its bias.
        log_prior: Logarithm of the prior ratings c; None for c = 0.
    """

    def __init__(
        self,
        network: PreferenceEstimator,
        config: MeLUConfig,
        head: Head,
        collaborative: CollaborativeInputs | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.head = head
        self.collaborative = collaborative
        learned = config.rates is Rates.LEARNED
        linear = [layer for layer in network.decision if isinstance(layer, nn.Linear)]
        self.log_output_rates, self.log_input_rates = log_rates(linear, config.rate, learned=learned)
        self.log_prior = (
            nn.Parameter(torch.tensor(config.prior_ratings).log(), requires_grad=learned)
            if config.prior_ratings
            else None
        )

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> MeLUUsers:
        """Embed users."""
        inputs = self.network.embed_users(rows)
        first = self._layers()[0]
        return MeLUUsers(inputs, F.linear(inputs, first.weight[:, : self._user_width], first.bias))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> MeLUItems:
        """Embed items."""
        inputs = self.network.embed_items(rows)
        bias = inputs.new_zeros(len(rows))
        if self.collaborative is not None:
            collaborative = self.collaborative(rows, out_of_fold)
            bias, inputs = collaborative.biases, torch.cat([inputs, collaborative.inputs], dim=-1)
        return MeLUItems(bias, inputs, F.linear(inputs, self._layers()[0].weight[:, self._user_width :]))

    def adapt(self, support: Support[MeLUUsers, MeLUItems], *, steps: int | None = None) -> AdaptedUsers:
        """Locally update the decision layers of B users."""
        steps = self.config.steps if steps is None else steps
        layers, residuals = local_update(
            self._layers(),
            rates_of(self.log_output_rates, self.log_input_rates),
            _first_layer_rows(support.users, support.items),
            ratings=support.ratings - support.items.bias,
            mask=support.mask,
            prior_ratings=self._prior_ratings(),
            steps=steps,
            second_order=self.config.second_order,
        )
        mask = support.mask if steps else torch.zeros_like(support.mask)
        # Leave-one-out residuals would need one local update a rating. Those before any update leave all ratings out.
        return AdaptedUsers(layers, SupportSummary(support.ratings, residuals, residuals, mask))

    def predict(self, adapted: AdaptedUsers, users: MeLUUsers, items: MeLUItems) -> Predictions:
        """Run each user's decision layers on the items."""
        return self.head.predict(_latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: AdaptedUsers, users: MeLUUsers, items: MeLUItems, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(_latent(adapted, users, items), adapted.summary, ratings)

    def prepare(self, items: MeLUItems) -> ItemScorer[MeLUUsers, AdaptedUsers]:
        """On a CPU, score some items at a time for one user after the other. A GPU is faster with all at once."""
        return _ScoresInPieces(items) if items.device.type == "cpu" else super().prepare(items)

    def variants(self, steps: int | None = None) -> tuple[Variant, ...]:
        """The adapted learner and the same without local steps."""
        steps = self.config.steps if steps is None else steps
        return after(steps), after(0)

    def step_variants(self) -> tuple[Variant, ...]:
        """After 0, 1, 2, 3, 5 and 10 local steps, and after the preset's."""
        return curve_of(self.config.steps)

    def gradient_norms(self, adapted: AdaptedUsers, users: MeLUUsers, items: MeLUItems) -> Tensor:
        """Norms over the decision layers' parameters at each user's θ2^i; float32 [B, Q]."""
        return adapted.layers.gradient_norms(_first_layer_rows(users, items))

    def _layers(self) -> list[Layer]:
        return [Layer(layer.weight, layer.bias) for layer in self.network.decision if isinstance(layer, nn.Linear)]

    def _prior_ratings(self) -> Tensor:
        """c, a scalar."""
        return self.log_output_rates[0].new_zeros(()) if self.log_prior is None else self.log_prior.exp()

    @property
    def _user_width(self) -> int:
        return self.network.embed_users.width


class _ScoresInPieces(ItemScorer[MeLUUsers, AdaptedUsers]):
    """Runs one user's decision layers on one piece of the catalogue after the other."""

    def __init__(self, items: MeLUItems) -> None:
        self._items = items
        # An empty catalogue is one empty piece, as `torch.split` has it.
        starts = range(0, max(len(items), 1), _ROWS_AT_ONCE)
        self._pieces = [items[start : start + _ROWS_AT_ONCE] for start in starts]

    def scores(self, adapted: AdaptedUsers, users: MeLUUsers, rows: Tensor | None = None) -> Tensor:
        scores = users.inputs.new_empty(len(users), len(self._items) if rows is None else len(rows))
        for user, user_scores in enumerate(scores):
            layers = adapted.layers.of_user(user, adapted.summary.mask[user], users.first_layer[user])
            pieces = self._pieces if rows is None else map(self._items.take, torch.split(rows, _ROWS_AT_ONCE))
            for piece, out in zip(pieces, torch.split(user_scores, _ROWS_AT_ONCE), strict=True):
                torch.add(piece.bias, layers.predict(piece.inputs, piece.first_layer), out=out)
        return scores


def _latent(adapted: AdaptedUsers, users: MeLUUsers, items: MeLUItems) -> Latent:
    mean = items.bias + adapted.layers.predict(_first_layer_rows(users, items))
    return Latent(mean, torch.zeros_like(mean))


def _first_layer_rows(users: MeLUUsers, items: MeLUItems) -> FirstLayerRows:
    return FirstLayerRows(users.inputs, items.inputs, items.first_layer + users.first_layer.unsqueeze(1))
