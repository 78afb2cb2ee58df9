"""MeLU and the closed form in one: gradient steps adapt the hidden layers, then the last layer is solved for."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.answers import Answers
from models.learners.base import ItemScorer, LearnerConfig, LearnerParts, Support, Variant
from models.learners.closed_form import ClosedForm, ClosedFormConfig
from models.learners.closed_form_rows import ClosedFormItems, ClosedFormUsers, Posterior
from models.learners.heads.base import Latent
from models.learners.layer_rates import log_rates, rates_of
from models.learners.local_steps import after, curve_of
from models.learners.low_rank_update import AdaptedLayers, FirstLayerRows, Layer, local_update
from models.learners.network import item_inputs
from models.learners.pieces import ScoresInPieces

_ROWS_AT_ONCE = 1024
"""Items of a catalogue that are scored at once."""


class MeLUClosedFormConfig(LearnerConfig):
    """The choices of MeLU with a closed form.

    Attributes:
        steps: Local steps on the hidden layers.
        rate: Initial local learning rate of all parameters; training changes it (`models.learners.layer_rates`).
        prior_ratings: Initial c of `models.learners.low_rank_update.local_update`; training changes it.
        closed_form: The choices of the network and of the closed form. There must be a hidden layer to adapt.
    """

    kind: Literal["melu_closed_form"] = "melu_closed_form"
    steps: Annotated[int, Field(ge=1)] = 2
    rate: Annotated[float, Field(gt=0)] = 0.02
    prior_ratings: Annotated[float, Field(gt=0)] = 3.0
    closed_form: ClosedFormConfig = ClosedFormConfig()

    @model_validator(mode="after")
    def _has_a_hidden_layer(self) -> Self:
        if not self.closed_form.hidden:
            raise ValueError("closed_form.hidden is empty: the local steps adapt hidden layers")
        return self

    def build(self, parts: LearnerParts) -> "MeLUClosedForm":
        """The learner."""
        return MeLUClosedForm(parts, self)


@dataclass(frozen=True)
class AdaptableItems(ClosedFormItems):
    """Embedded items, as they are before the layers are adapted to a user.

    Attributes:
        inputs: float32 [inputs], the inputs of the decision layers.
        first_layer: float32 [out], the output of the first decision layer.
        offset: float32 [], the part of the level that the network predicts.
    """

    inputs: Tensor
    first_layer: Tensor
    offset: Tensor


@dataclass(frozen=True)
class AdaptedPosterior(Posterior):
    """The layers of B users, given their support sets.

    Attributes:
        layers: The users' hidden layers, and the layer that gives the offset.
    """

    layers: AdaptedLayers


class MeLUClosedForm(ClosedForm):
    """`models.learners.closed_form` on hidden layers that are adapted to each user.

    k local steps on the squared error, as in MeLU, adapt the layers that give an item's hidden units h and its offset.
    Then the last layer is solved for on the adapted features. The local loss is the one of level + offset, the
    prediction without the last layer. Both parts are trained together, by the loss after the solution.

    Leave-one-out residuals leave a rating out of the solution only; the hidden layers have seen all ratings.
    """

    def __init__(self, parts: LearnerParts, config: MeLUClosedFormConfig) -> None:
        super().__init__(parts, config.closed_form)
        self.steps = config.steps
        linear = self._linear_layers()
        self.log_output_rates, self.log_input_rates = log_rates(linear, config.rate, learned=True)
        self.log_prior = nn.Parameter(torch.tensor(config.prior_ratings).log())

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> AdaptableItems:
        """Embed items."""
        items = item_inputs(self.item_fields, self.collaborative, rows, out_of_fold)
        hidden = self.decision(items.inputs)
        embedded = self._items_of(items, hidden)
        return AdaptableItems(
            level=embedded.level,
            variance=embedded.variance,
            features=embedded.features,
            inputs=items.inputs,
            first_layer=self.decision[0](items.inputs),
            offset=self.offset(hidden).squeeze(-1),
        )

    def adapt(self, support: Support[ClosedFormUsers, Any], *, steps: int | None = None) -> AdaptedPosterior:
        """Adapt the hidden layers of B users, and solve for their last layers; `steps=0` ignores the support sets."""
        steps = self.steps if steps is None else steps
        items: AdaptableItems = support.items
        layers, _ = local_update(
            [Layer(layer.weight, layer.bias) for layer in self._linear_layers()],
            rates_of(self.log_output_rates, self.log_input_rates),
            _first_layer_rows(items),
            ratings=support.ratings - (items.level - items.offset),
            mask=support.mask,
            prior_ratings=self.log_prior.exp(),
            steps=steps,
            second_order=False,
        )
        posterior = super().adapt(
            replace(
                support, items=self._adapted(layers, items), answers=self._adapted_answers(layers, support.answers)
            ),
            steps=steps,
        )
        return AdaptedPosterior(**vars(posterior), layers=layers)

    def prepare(self, items: ClosedFormItems) -> ItemScorer[ClosedFormUsers, Posterior]:
        """Score a catalogue in pieces. The features depend on the user, so ranking is no inner product search."""
        return ScoresInPieces(
            lambda adapted, _users, piece: self.means(adapted, piece), items, rows_at_once=_ROWS_AT_ONCE
        )

    def variants(self, steps: int | None = None) -> tuple[Variant, ...]:
        """The adapted learner and the same without adaptation."""
        return after(self.steps if steps is None else steps), after(0)

    def step_variants(self) -> tuple[Variant, ...]:
        """After some numbers of local steps; with 0 steps, nothing is solved for either."""
        return curve_of(self.steps)

    def gradient_norms(self, adapted: Posterior, users: ClosedFormUsers, items: ClosedFormItems) -> Tensor:
        """Norms over the last layer, with the adapted features: `‖φ‖`; float32 [B, Q]."""
        return super().gradient_norms(adapted, users, self._of_users(adapted, items))

    def means(self, posterior: Posterior, items: ClosedFormItems) -> Tensor:
        """The posterior means, which rank the items ([B, Q]); float32 [B, Q]."""
        adapted = self._of_users(posterior, items)
        return adapted.level + (adapted.features @ posterior.weights.unsqueeze(-1)).squeeze(-1)

    def _linear_layers(self) -> list[nn.Linear]:
        """The hidden decision layers, then the one that gives the offset."""
        return [*(layer for layer in self.decision if isinstance(layer, nn.Linear)), self.offset]

    def _latent(self, posterior: Posterior, items: ClosedFormItems) -> Latent:
        return super()._latent(posterior, self._of_users(posterior, items))

    def _of_users(self, posterior: Posterior, items: ClosedFormItems) -> ClosedFormItems:
        """The items ([B, Q]) as the users' layers see them."""
        assert isinstance(posterior, AdaptedPosterior)  # noqa: S101 - `adapt` made it
        assert isinstance(items, AdaptableItems)  # noqa: S101 - `embed_items` made them
        return self._adapted(posterior.layers, items)

    def _adapted_answers(self, layers: AdaptedLayers, answers: Answers[Any] | None) -> Answers[Any] | None:
        """The answers with the items of adapted layers."""
        if answers is None:
            return None
        shape = answers.weights.shape
        items = self._adapted(layers, answers.items.map(lambda values: values.flatten(1, 2)))
        return replace(answers, items=items.map(lambda values: values.view(*shape, *values.shape[2:])))

    def _adapted(self, layers: AdaptedLayers, items: AdaptableItems) -> ClosedFormItems:
        """The items with the hidden units and the offset of adapted layers."""
        *_, hidden, offset = layers.activations(_first_layer_rows(items))
        scaled = hidden * nn.functional.softplus(self.hidden_scales)
        # The first features are those of the hidden units. The others do not depend on the layers.
        features = torch.cat([scaled, items.features[..., scaled.shape[-1] :]], dim=-1)
        return ClosedFormItems(items.level - items.offset + offset.squeeze(-1), items.variance, features)


def _first_layer_rows(items: AdaptableItems) -> FirstLayerRows:
    """The rows of B users; no inputs depend on the user."""
    no_inputs = items.inputs.new_zeros(len(items), 0)
    return FirstLayerRows(no_inputs, items.inputs, items.first_layer)
