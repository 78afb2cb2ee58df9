"""The interface of a learner: what training, evaluation and serving need from it.

A learner lives in a module of its own in this folder: a config with its `kind`, and the learner that the config builds.
`models.learners.registry` finds it there. docs/adding-a-learner.md shows an example.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.data.rating_scale import RatingScale
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.inputs.rows import TensorRows
from models.learners.answers import Answers
from models.learners.heads.base import Draw, Head, Predictions
from models.learners.search_space import Between, SearchSpace
from models.learners.warm_up import LaterRatings

UsersT = TypeVar("UsersT", bound=TensorRows)
ItemsT = TypeVar("ItemsT", bound=TensorRows)
AdaptedT = TypeVar("AdaptedT")


@dataclass(frozen=True)
class Support(Generic[UsersT, ItemsT]):
    """The support sets H_i of B users, padded to S ratings.

    Attributes:
        users: [B], as `Learner.embed_users` returns them.
        items: [B, S], as `Learner.embed_items` returns them. A learner that adapts its embeddings lets these rows hold
            the encoded attributes.
        ratings: float32 [B, S]; any finite number where there is padding.
        mask: bool [B, S], set where there is a rating. A user without ratings is allowed.
        interaction_items: [B, N], items with which the users interacted without rating them; None if there are none.
            A learner may ignore interactions.
        interaction_kinds: int64 [B, N], the place of each kind in `DatasetSchema.kinds`; `A_RATING` for a rating that
            is hidden in training.
        interaction_mask: bool [B, N], set where there is an interaction.
        interaction_times: int64 [B, N], as `times`.
        skipped_items: [B, M], items that the users do not know: they were asked about them and skipped them. None where
            nothing is known of that.
        skipped_mask: bool [B, M], set where `skipped_items` is not padding.
        times: int64 [B, S], when each rating was made, in seconds since 1970; 0 where that is unknown, and where there
            is padding. None means that no time is known. A learner may ignore times.
        now: int64 [B], when the predictions are wanted, in seconds since 1970: in serving, the time of the request; in
            training and evaluation, the time of the user's earliest query rating, which is earlier than some support
            ratings unless the episodes are in order of time. 0 where unknown; None means that no time is known.
        trains_combinations: bool [B], which users train the combination of several learners, and not the learners
            (`models.data.user_folds.trains_combinations`); None outside training. A learner without members ignores it.
        answers: Answers to questions about several items; None if there are none. Only a model that `takes_answers`
            is given them. Other models are given ratings of some of these items (`models.ranking.supports`).
    """

    users: UsersT
    items: ItemsT
    ratings: Tensor
    mask: Tensor
    interaction_items: ItemsT | None = None
    interaction_kinds: Tensor | None = None
    interaction_mask: Tensor | None = None
    interaction_times: Tensor | None = None
    skipped_items: ItemsT | None = None
    skipped_mask: Tensor | None = None
    times: Tensor | None = None
    now: Tensor | None = None
    trains_combinations: Tensor | None = None
    answers: Answers[ItemsT] | None = None


@dataclass(frozen=True)
class LastLayer:
    """Some items as a Bayesian last layer sees them: `y_j = φ_jᵀ w + ε_j` with `w ~ N(w_0, I)`, `ε_j ~ N(0, σ_j²)`.

    Answers have one too, with one row for each answer. They may have more features than items: those of errors that
    answers have in common.

    Attributes:
        features: float32 [items, features], φ.
        noise: float32 [items], σ_j², in squared rating units.
    """

    features: Tensor
    noise: Tensor


@dataclass(frozen=True)
class Variant:
    """One way to use a trained learner, which an evaluation shows by name.

    Attributes:
        label: What distinguishes it, such as "not adapted"; empty for a learner that has only one way to adapt.
        steps: The `steps` of `Learner.adapt`.
    """

    label: str
    steps: int | None

    def name(self, preset: str) -> str:
        """The variant's name in a report, such as "melu, 5 steps"."""
        return f"{preset}, {self.label}" if self.label else preset


class AdaptedBatch(Protocol):
    """A batch of training episodes after the local update."""

    @property
    def adapted(self) -> Any:  # noqa: ANN401 - only the learner knows its type
        """What `Learner.adapt` returned for the U own users."""


class OuterBatch(Protocol):
    """A batch of training episodes, as the outer update sees it.

    Several workers may train together (`models.workers`). Each adapts to some of the B users, its own U users,
    and the parts of the gradient are added up. With one worker, U = B.
    """

    @property
    def weights(self) -> Tensor:
        """How much each user's mean query loss counts; float32 [B]."""

    @property
    def own_shares(self) -> Tensor:
        """The share of each own user in the weights of all B users; float32 [U]."""

    def adapt(self, *, steps: int | None = None) -> AdaptedBatch:
        """Adapt to the support sets of the U own users, for a learner whose outer update needs the adapted users."""

    def all_ratings(self) -> Support[Any, Any]:
        """The support and the query ratings of each own user as one support set; [U, S + Q]."""

    def query_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean query loss after the local update; float32 [B]."""

    def support_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean support loss after `steps` local steps, 0 for before adaptation; float32 [B]."""

    @property
    def has_support(self) -> Tensor:
        """Which users have a support loss; bool [B]."""

    def query_entropies(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean entropy of the distributions predicted for the query set, in nats; float32 [B].

        Only a learner that predicts distributions has them.
        """


Objective = Callable[[OuterBatch], Tensor]
"""A batch → the scalar loss that the outer update minimises (`models.training.objectives`)."""


class ItemScorer(ABC, Generic[UsersT, AdaptedT]):
    """The items of a catalogue, prepared once for scoring many users."""

    @abstractmethod
    def scores(self, adapted: AdaptedT, users: UsersT, rows: Tensor | None = None) -> Tensor:
        """The scores that rank the items for B users: the same as `Learner.predict` gives.

        Args:
            adapted: What `Learner.adapt` returned for these users.
            users: [B], embedded.
            rows: int64 [n], the items to score; None for all of them.

        Returns:
            float32 [B, n].
        """


class ScoringModel(nn.Module, ABC, Generic[UsersT, ItemsT, AdaptedT]):
    """A model that becomes one user's model by that user's support set, and then scores items.

    The global part embeds each distinct user and item once. `adapt` makes what belongs to each user. The subclass
    chooses what embedded users (`UsersT`), embedded items (`ItemsT`) and adapted users (`AdaptedT`) are: weights,
    posteriors, prototypes, …
    """

    takes_answers: bool = False
    """Whether `adapt` uses `Support.answers`."""

    @abstractmethod
    def embed_users(self, rows: EncodedRows) -> UsersT:
        """Embed users; [rows]."""

    @abstractmethod
    def embed_items(self, rows: EncodedRows) -> ItemsT:
        """Embed items; [rows]."""

    @abstractmethod
    def adapt(self, support: Support[UsersT, ItemsT], *, steps: int | None = None) -> AdaptedT:
        """Adapt to B users at once; `steps` local steps instead of the preset's, 0 for no adaptation."""

    @abstractmethod
    def prepare(self, items: ItemsT) -> ItemScorer[UsersT, AdaptedT]:
        """Prepare a catalogue ([items], embedded) for ranking."""

    def warmed_up(self, items: ItemsT, later: LaterRatings, users: UsersT, adapted: AdaptedT) -> ItemsT:  # noqa: ARG002
        """The items after the ratings that they got after training. By default they stay as they are.

        Args:
            items: [items], as `embed_items` returns them.
            later: Their ratings after training.
            users: [1], an unknown user, who stands for the unknown raters; embedded.
            adapted: What `adapt` returned for that user.
        """
        return items


AnyScoringModel = ScoringModel[Any, Any, Any]
"""A scoring model, for code that passes its rows around without looking into them."""


class Learner(ScoringModel[UsersT, ItemsT, AdaptedT]):
    """A scoring model that predicts ratings.

    `predict` applies what `adapt` made to any items. The last methods have defaults. A learner overrides those that it
    can do better, and leaves out what it cannot do.
    """

    @abstractmethod
    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Estimate from the training ratings what meta-training takes as given.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            items: All items of the data set, encoded.
        """

    @abstractmethod
    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> ItemsT:
        """Embed items; [rows].

        Args:
            rows: The items.
            out_of_fold: In training, the choice of the collaborative inputs; None otherwise.
        """

    @abstractmethod
    def predict(self, adapted: AdaptedT, users: UsersT, items: ItemsT) -> Predictions:
        """Predict each user's ratings.

        Args:
            adapted: What `adapt` returned for these B users.
            users: [B], embedded.
            items: [B, Q], embedded; Q items for each user.
        """

    @abstractmethod
    def loss(self, adapted: AdaptedT, users: UsersT, items: ItemsT, ratings: Tensor) -> Tensor:
        """The loss of the predictions against true ratings (float32 [B, Q]); float32 [B, Q]."""

    def prepare(self, items: ItemsT) -> ItemScorer[UsersT, AdaptedT]:
        """Prepare a catalogue ([items], embedded) for ranking. By default the scorer calls `predict`."""
        return _PredictedScores(self, items)

    def predict_drawn(self, adapted: AdaptedT, users: UsersT, items: ItemsT, draw: Draw) -> Predictions:  # noqa: ARG002
        """Predict as in `predict`, after a random draw from what is unknown about each rating.

        The default ignores the draw, because not every learner knows how sure it is.
        """
        return self.predict(adapted, users, items)

    def outer_update(self, batch: OuterBatch, objective: Objective) -> Tensor:
        """Leave the gradient of one global update in the parameters' `grad`; with several workers, this one's part.

        By default it is the gradient of the objective. A method without a query loss sets `grad` itself, such as
        Reptile, whose step is the mean change of the weights.

        Args:
            batch: The training episodes.
            objective: What the update minimises.

        Returns:
            The loss to report, a scalar without a graph.
        """
        loss = objective(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        return loss.detach()

    def variants(self, steps: int | None = None) -> tuple[Variant, ...]:
        """What an evaluation compares: first the adapted learner, with `steps` local steps if given."""
        return Variant("", steps), Variant("not adapted", 0)

    def step_variants(self) -> tuple[Variant, ...]:
        """The points of a curve over local steps; empty for a learner that takes none."""
        return ()

    def gradient_norms(self, adapted: AdaptedT, users: UsersT, items: ItemsT) -> Tensor | None:  # noqa: ARG002
        """Norm over the adapted parameters of the gradient of each prediction, for evidence candidates.

        Shapes are those of `predict`; float32 [B, Q]. With the loss scaled to unit error, the gradient of one rating's
        loss is that of its prediction up to a constant (MeLU, Lee et al., KDD 2019, §3.4). None for a learner that
        adapts no parameters.
        """
        return None

    def last_layer(self, items: ItemsT) -> LastLayer | None:  # noqa: ARG002
        """The posterior's part that depends on items ([items], embedded) alone; None for a learner without one."""
        return None

    def last_layer_of_answers(self, answers: Answers[ItemsT]) -> LastLayer | None:  # noqa: ARG002
        """Answers as the last layer sees them: features [B, A, features] and noise [B, A]; None as in `last_layer`."""
        return None

    def answer_parameters(self) -> list[nn.Parameter]:
        """What the learner has to know of answers, which is fitted after training; empty without such parameters."""
        return []


AnyLearner = Learner[Any, Any, Any]
"""A learner, for code that passes its rows around without looking into them."""


@dataclass(frozen=True)
class LearnerParts:
    """What a learner is built from.

    Attributes:
        user_encoder: Encodes the users.
        item_encoder: Encodes the items.
        inputs: Which inputs to use.
        head: Turns latent predictions into ratings.
        scale: The rating scale.
        mean_rating: Mean of the training ratings.
    """

    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    inputs: InputConfig
    head: Head
    scale: RatingScale
    mean_rating: float


class LearnerConfig(BaseModel, ABC):
    """The choices of one learner; a subclass has a field `kind: Literal[…]` and stands in the learner's module.

    Attributes:
        paper: The values of the learner's paper, where they differ from the defaults; the contract tests run both.
        search_space: The settings of its presets that a search tries, by their paths in the preset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: ClassVar[dict[str, Any]] = {}
    search_space: ClassVar[SearchSpace] = {"training.learning_rate": Between(low=3e-4, high=1e-2)}

    @abstractmethod
    def build(self, parts: LearnerParts) -> AnyLearner:
        """The untrained learner; initial weights come from torch's global generator."""


class _PredictedScores(ItemScorer[UsersT, AdaptedT]):
    """Scores by predicting everything."""

    def __init__(self, learner: Learner[UsersT, ItemsT, AdaptedT], items: ItemsT) -> None:
        self._learner = learner
        self._items = items

    def scores(self, adapted: AdaptedT, users: UsersT, rows: Tensor | None = None) -> Tensor:
        items = self._items if rows is None else self._items.take(rows)
        return self._learner.predict(adapted, users, items.expand(len(users))).score
