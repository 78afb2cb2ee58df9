"""A network whose parameters are adapted to each user by the plain inner loop; the methods differ in the step rule.

MAML, Reptile, Meta-SGD and the learned optimiser each have a module of their own with a config and a learner.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import ItemScorer, Learner, LearnerConfig, LearnerParts, Support, Variant
from models.learners.functional import call_with
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.inner_loop import Parameters, StepRule, inner_loop
from models.learners.local_steps import after, curve_of
from models.learners.low_rank_update import Layer, gradient_norms
from models.learners.network import PreferenceEstimator
from models.learners.pieces import ScoresInPieces
from models.learners.search_space import HIDDEN_WIDTHS, Between, SearchSpace

_ROWS_AT_ONCE = 4096
"""Items of a catalogue that are scored at once."""

_INPUTS, _DECISION = "inputs.", "decision."
"""How the names of the embeddings' and of the decision layers' parameters begin."""

UserData = dict[str, Tensor]
"""What the support loss takes of one user; with the users as the first dimension, of all users."""


class Adapted(StrEnum):
    """Which parameters the local steps change."""

    ALL = "all"
    """Embeddings and decision layers."""
    DECISION = "decision"
    """The decision layers alone, as in MeLU."""


class GradientStepsConfig(LearnerConfig):
    """The choices that all methods have in common.

    Attributes:
        hidden: Widths of the hidden decision layers.
        adapted: Which parameters are adapted to a user.
        steps: Local steps k.
        prior_ratings: c. The support loss is the sum of the squared errors divided by n + c, so that few ratings move a
            user's model little. 0 gives the mean, as in the papers.
    """

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 64)
    adapted: Adapted = Adapted.ALL
    steps: Annotated[int, Field(ge=1)] = 1
    prior_ratings: Annotated[float, Field(ge=0)] = 0.0

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.prior_ratings": Between(low=0.3, high=30.0),
    }


@dataclass(frozen=True)
class UserColumns(TensorRows):
    """Users as the network takes them. Their embeddings may be adapted, so these are the inputs of the embeddings.

    Attributes:
        columns: float32 [user columns], the fields' columns (`EmbeddingLayers.columns`).
    """

    columns: Tensor


@dataclass(frozen=True)
class ItemColumns(TensorRows):
    """Items as the network takes them.

    Attributes:
        bias: float32 [], the item's mean residual, which is added to what the network predicts; 0 without
            collaborative inputs.
        columns: float32 [item columns], the fields' columns.
        collaborative: float32 [width], collaborative inputs.
    """

    bias: Tensor
    columns: Tensor
    collaborative: Tensor


@dataclass(frozen=True)
class AdaptedNetworks:
    """B users' networks.

    Attributes:
        parameters: The adapted parameters, each with B as its first dimension. The others are the learner's.
        summary: Of the support set, for the head.
    """

    parameters: Parameters
    summary: SupportSummary


class DecisionInputs(nn.Module):
    """The inputs of the decision layers, from columns."""

    def __init__(self, estimator: PreferenceEstimator) -> None:
        super().__init__()
        self.embed_users = estimator.embed_users
        self.embed_items = estimator.embed_items

    def forward(self, user: Tensor, items: Tensor, collaborative: Tensor) -> Tensor:
        """One user's and some items' vectors, concatenated; float32 [rows, width].

        Args:
            user: float32 [user columns].
            items: float32 [rows, item columns].
            collaborative: float32 [rows, width].
        """
        embedded = self.embed_users.of_columns(user).expand(len(items), -1)
        return torch.cat([embedded, self.embed_items.of_columns(items), collaborative], dim=-1)


class ColumnNetwork(nn.Module):
    """The preference estimator on columns, which takes embeddings that were adapted to the user."""

    def __init__(self, estimator: PreferenceEstimator) -> None:
        super().__init__()
        self.inputs = DecisionInputs(estimator)
        self.decision = estimator.decision

    def forward(self, user: Tensor, items: Tensor, collaborative: Tensor) -> Tensor:
        """One user's expected ratings, less the items' biases; float32 [rows]. Arguments as in `DecisionInputs`."""
        return self.decision(self.inputs(user, items, collaborative))  # type: ignore[no-any-return]


class GradientSteps(Learner[UserColumns, ItemColumns, AdaptedNetworks]):
    """A user's model is the network after k steps of a rule on the user's support loss.

    The network predicts a rating less the item's bias. With every head, the local loss is the squared error, and the
    local steps leave the head as it is.

    Columns have a number for each value of an embedded field. For data with many values, `inputs.max_embedded_values`
    keeps them few.
    """

    def __init__(self, parts: LearnerParts, config: GradientStepsConfig, *, second_order: bool) -> None:
        super().__init__()
        self.config = config
        self.second_order = second_order
        self.head = parts.head
        self.collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        self.network = ColumnNetwork(
            PreferenceEstimator(
                user_encoder=parts.user_encoder,
                item_encoder=parts.item_encoder,
                inputs=parts.inputs,
                hidden=config.hidden,
                mean_rating=parts.mean_rating,
                further_item_inputs=self.collaborative.width if self.collaborative else 0,
            )
        )

    @abstractmethod
    def rule(self) -> StepRule[Any]:
        """The step rule with its present rates or weights."""

    def adapted_parameters(self) -> Parameters:
        """θ, the parameters that the local steps change, by name."""
        return {
            name: parameter
            for name, parameter in self.network.named_parameters()
            if self.config.adapted is Adapted.ALL or name.startswith(_DECISION)
        }

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> UserColumns:
        """The users' columns."""
        return UserColumns(self.network.inputs.embed_users.columns(rows))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> ItemColumns:
        """The items' columns and collaborative inputs."""
        columns = self.network.inputs.embed_items.columns(rows)
        if self.collaborative is None:
            return ItemColumns(columns.new_zeros(len(rows)), columns, columns.new_zeros(len(rows), 0))
        collaborative = self.collaborative(rows, out_of_fold)
        return ItemColumns(collaborative.biases, columns, collaborative.inputs)

    def adapt(self, support: Support[UserColumns, ItemColumns], *, steps: int | None = None) -> AdaptedNetworks:
        """Adapt the network to B users. A user without ratings keeps θ."""
        steps = self.config.steps if steps is None else steps
        adapted = self.local_steps(support, steps)
        before = _call(self.network, {}, support.users, support.items)
        residuals = support.ratings - support.items.bias - before
        mask = support.mask if steps else torch.zeros_like(support.mask)
        # As in MeLU, the residuals before any update are those that leave all ratings out.
        return AdaptedNetworks(adapted, SupportSummary(support.ratings, residuals, residuals, mask))

    def predict(self, adapted: AdaptedNetworks, users: UserColumns, items: ItemColumns) -> Predictions:
        """Run each user's network on the items."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: AdaptedNetworks, users: UserColumns, items: ItemColumns, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def prepare(self, items: ItemColumns) -> ItemScorer[UserColumns, AdaptedNetworks]:
        """Score a catalogue in pieces."""
        return ScoresInPieces(self.means, items, rows_at_once=_ROWS_AT_ONCE)

    def variants(self, steps: int | None = None) -> tuple[Variant, ...]:
        """The adapted learner and the same without local steps."""
        return after(self.config.steps if steps is None else steps), after(0)

    def step_variants(self) -> tuple[Variant, ...]:
        """After 0, 1, 2, 3, 5 and 10 local steps, and after the preset's."""
        return curve_of(self.config.steps)

    def gradient_norms(self, adapted: AdaptedNetworks, users: UserColumns, items: ItemColumns) -> Tensor:
        """Norms over the decision layers' parameters at each user's network; float32 [B, Q]."""
        embeddings = {
            name.removeprefix(_INPUTS): value for name, value in adapted.parameters.items() if name.startswith(_INPUTS)
        }
        inputs = _call(self.network.inputs, embeddings, users, items)
        first, *later = self._decision_layers(adapted.parameters)
        outputs = torch.baddbmm(first.bias.unsqueeze(1), inputs, first.weight.mT)
        return gradient_norms(inputs.square().sum(dim=-1), outputs, later)

    def means(self, adapted: AdaptedNetworks, users: UserColumns, items: ItemColumns) -> Tensor:
        """The latent predictions, which rank the items; float32 [B, Q]."""
        return items.bias + _call(self.network, adapted.parameters, users, items)

    def local_steps(
        self,
        support: Support[UserColumns, ItemColumns],
        steps: int,
        *,
        at_step: Callable[[UserData, int], UserData] | None = None,
    ) -> Parameters:
        """θ^i of every user. `at_step` goes to `inner_loop`; by default every step sees the whole support set."""
        return inner_loop(
            self._support_loss,
            self.adapted_parameters(),
            _user_data(support),
            self.rule(),
            steps=steps,
            second_order=self.second_order,
            at_step=at_step,
        )

    def _latent(self, adapted: AdaptedNetworks, users: UserColumns, items: ItemColumns) -> Latent:
        mean = self.means(adapted, users, items)
        return Latent(mean, torch.zeros_like(mean))

    def _support_loss(self, parameters: Parameters, user: UserData) -> Tensor:
        """`1/(n + c) Σ_j (y_ij − ŷ_ij)²`, a scalar; 0 without ratings."""
        predicted = call_with(self.network, parameters, (user["user"], user["items"], user["collaborative"]))
        squares: Tensor = (user["targets"] - predicted).square() * user["mask"]
        # The clamp is for no ratings and c = 0.
        return squares.sum() / (user["mask"].sum() + self.config.prior_ratings).clamp(min=1e-6)

    def _decision_layers(self, parameters: Parameters) -> list[Layer]:
        """Each user's decision layers, which every method adapts."""
        linear = [
            f"{_DECISION}{name}"
            for name, layer in self.network.decision.named_children()
            if isinstance(layer, nn.Linear)
        ]
        return [Layer(parameters[f"{name}.weight"], parameters[f"{name}.bias"]) for name in linear]


def _user_data(support: Support[UserColumns, ItemColumns]) -> UserData:
    return {
        "user": support.users.columns,
        "items": support.items.columns,
        "collaborative": support.items.collaborative,
        "targets": support.ratings - support.items.bias,
        "mask": support.mask.to(support.ratings.dtype),
    }


def _call(module: nn.Module, parameters: Parameters, users: UserColumns, items: ItemColumns) -> Tensor:
    """Call a module with each user's own parameters. Parameters that are not given are the module's."""

    def of_user(own: Parameters, *inputs: Tensor) -> Tensor:
        output: Tensor = call_with(module, own, inputs)
        return output

    return torch.vmap(of_user)(parameters, users.columns, items.columns, items.collaborative)
