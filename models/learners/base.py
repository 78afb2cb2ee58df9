"""What every learner offers to training, evaluation and serving, whatever it does inside."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import TrainingView
from models.inputs.features import EncodedRows
from models.learners.heads.base import Predictions

AdaptedT = TypeVar("AdaptedT")


@dataclass(frozen=True)
class Support:
    """The support sets H_i of B users, padded to S ratings.

    Attributes:
        users: float32 [B, user width], embedded.
        items: float32 [B, S, item width], embedded.
        ratings: float32 [B, S]; anything finite where there is padding.
        mask: bool [B, S], set where there is a rating. A user without any ratings is allowed.
    """

    users: Tensor
    items: Tensor
    ratings: Tensor
    mask: Tensor


@dataclass(frozen=True)
class LastLayer:
    """Some items as a Bayesian last layer sees them: `y_j = φ_jᵀ w + ε_j` with `w ~ N(w_0, I)`, `ε_j ~ N(0, σ_j²)`.

    Attributes:
        features: float32 [items, features], φ.
        noise: float32 [items], σ_j², in squared rating units.
    """

    features: Tensor
    noise: Tensor


class ItemScorer(ABC, Generic[AdaptedT]):
    """The items of a catalogue, prepared once for being scored for many users."""

    @abstractmethod
    def scores(self, adapted: AdaptedT, users: Tensor, rows: Tensor | None = None) -> Tensor:
        """What ranks the items for B users: the scores that `Learner.predict` gives, and nothing else.

        Args:
            adapted: What `Learner.adapt` returned for these users.
            users: float32 [B, user width], embedded.
            rows: int64 [n], the items to score; None is all of them.

        Returns:
            float32 [B, n].
        """


class Learner(nn.Module, ABC, Generic[AdaptedT]):
    """A model that becomes one user's model by that user's support set.

    Embedding is global and done once per distinct user and item; `adapt` makes what belongs to each user; and
    `predict` applies that to any items. `AdaptedT` is the learner's own business: adapted weights, prototypes, …
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
    def embed_users(self, rows: EncodedRows) -> Tensor:
        """Embed users; float32 [rows, user width]."""

    @abstractmethod
    def embed_items(self, rows: EncodedRows, *, training: TrainingView | None = None) -> Tensor:
        """Embed items; float32 [rows, item width].

        Args:
            rows: The items.
            training: In training, how they are to be seen.
        """

    @abstractmethod
    def adapt(self, support: Support, *, steps: int | None = None) -> AdaptedT:
        """Adapt to B users at once; `steps` local steps instead of the preset's, 0 meaning not at all."""

    @abstractmethod
    def predict(self, adapted: AdaptedT, users: Tensor, items: Tensor) -> Predictions:
        """Predict each user's ratings of his or her own items.

        Args:
            adapted: What `adapt` returned for these B users.
            users: float32 [B, user width], embedded.
            items: float32 [B, Q, item width], embedded.
        """

    def prepare(self, items: Tensor) -> ItemScorer[AdaptedT]:
        """Prepare a catalogue (float32 [items, item width], embedded) for ranking; a learner may know a faster way."""
        return _PredictedScores(self, items)

    @abstractmethod
    def loss(self, adapted: AdaptedT, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """How wrong the predictions are of true ratings (float32 [B, Q]); else as `predict`. float32 [B, Q]."""

    @abstractmethod
    def gradient_norms(self, adapted: AdaptedT, users: Tensor, items: Tensor) -> Tensor:
        """Norm over the adapted parameters of the gradient of each prediction, which evidence candidates need.

        Shapes are those of `predict`. With the loss scaled to unit error, the gradient of one rating's loss is that of
        its prediction up to a constant (METHODS.md, evidence candidates).
        """

    def last_layer(self, items: Tensor) -> LastLayer | None:  # noqa: ARG002
        """How sure the learner would be of each item after any answers; None if it has no notion of that.

        Args:
            items: float32 [items, item width], embedded.
        """
        return None


class _PredictedScores(ItemScorer[AdaptedT]):
    """Scores by predicting everything."""

    def __init__(self, learner: Learner[AdaptedT], items: Tensor) -> None:
        self._learner = learner
        self._items = items

    def scores(self, adapted: AdaptedT, users: Tensor, rows: Tensor | None = None) -> Tensor:
        items = self._items if rows is None else self._items[rows]
        return self._learner.predict(adapted, users, items.expand(len(users), *items.shape)).score
