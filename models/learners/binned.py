"""A learner on a fine or continuous scale: any learner, with ratings measured in bins."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.answers import Answers
from models.learners.base import (
    AnyLearner,
    ItemScorer,
    LastLayer,
    Learner,
    Objective,
    OuterBatch,
    Support,
    Variant,
)
from models.learners.heads.base import Predictions
from models.learners.heads.bins import Bins
from models.learners.warm_up import LaterRatings


class BinnedLearner(Learner[Any, Any, Any]):
    """A learner that takes and gives ratings of the scale, and inside has one whose levels are bins.

    Its loss is the negative log likelihood of a rating's bin. Within a bin all ratings are equally probable, so this is
    the negative log likelihood of the rating less a term that no parameter changes.

    Attributes:
        bins: The bins.
        learner: The learner inside.
    """

    def __init__(self, learner: AnyLearner, bins: Bins) -> None:
        super().__init__()
        self.bins = bins
        self.learner = learner
        self.takes_answers = learner.takes_answers

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the bins, and then the learner to the ratings in bins."""
        self.bins.fit(dataset.ratings.values[training])
        ratings = torch.from_numpy(np.array(dataset.ratings.values)).to(self.bins.edges.device)
        values = self.bins.inside(ratings).cpu().numpy()
        inner = replace(
            dataset,
            schema=dataset.schema.model_copy(update={"rating_scale": self.bins.inner}),
            ratings=replace(dataset.ratings, values=values),
        )
        self.learner.fit_statistics(inner, training, items)

    def embed_users(self, rows: EncodedRows) -> TensorRows:
        """Embed users."""
        users: TensorRows = self.learner.embed_users(rows)
        return users

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> TensorRows:
        """Embed items."""
        items: TensorRows = self.learner.embed_items(rows, out_of_fold=out_of_fold)
        return items

    def adapt(self, support: Support[Any, Any], *, steps: int | None = None) -> object:
        """Adapt to the ratings and answers in bins."""
        answers = support.answers
        inner = None if answers is None else replace(answers, values=self.bins.inside(answers.values))
        return self.learner.adapt(
            replace(support, ratings=self.bins.inside(support.ratings), answers=inner), steps=steps
        )

    def predict(self, adapted: object, users: TensorRows, items: TensorRows) -> Predictions:
        """Predict distributions over the bins, and with them ratings."""
        return self.bins.predictions(self.learner.predict(adapted, users, items))

    def loss(self, adapted: object, users: TensorRows, items: TensorRows, ratings: Tensor) -> Tensor:
        """The learner's loss, of the bins; float32 [B, Q]."""
        return self.learner.loss(adapted, users, items, self.bins.inside(ratings))

    def prepare(self, items: TensorRows) -> ItemScorer[Any, Any]:
        """The learner's scorer, whose scores are stretched."""
        return _StretchedScores(self.learner.prepare(items), self.bins)

    def warmed_up(self, items: TensorRows, later: LaterRatings, users: TensorRows, adapted: object) -> TensorRows:
        """The learner's items; the bin of their mean rating stands for the mean of the ratings' bins."""
        inner = replace(later, means=self.bins.inside(later.means))
        warm: TensorRows = self.learner.warmed_up(items, inner, users, adapted)
        return warm

    def outer_update(self, batch: OuterBatch, objective: Objective) -> Tensor:
        """The learner's update."""
        return self.learner.outer_update(batch, objective)

    def variants(self, steps: int | None = None) -> tuple[Variant, ...]:
        """The learner's variants."""
        return self.learner.variants(steps)

    def step_variants(self) -> tuple[Variant, ...]:
        """The learner's variants by their number of steps."""
        return self.learner.step_variants()

    def gradient_norms(self, adapted: object, users: TensorRows, items: TensorRows) -> Tensor | None:
        """The learner's gradient norms; of ratings on the inner scale."""
        return self.learner.gradient_norms(adapted, users, items)

    def last_layer(self, items: TensorRows) -> LastLayer | None:
        """The learner's last layer; its noise is in squared units of the inner scale."""
        return self.learner.last_layer(items)

    def last_layer_of_answers(self, answers: Answers[Any]) -> LastLayer | None:
        """The learner's last layer of answers, likewise."""
        return self.learner.last_layer_of_answers(answers)

    def answer_parameters(self) -> list[nn.Parameter]:
        """The learner's parameters of answers."""
        return self.learner.answer_parameters()


class _StretchedScores(ItemScorer[Any, Any]):
    def __init__(self, scorer: ItemScorer[Any, Any], bins: Bins) -> None:
        self._scorer = scorer
        self._bins = bins

    def scores(self, adapted: object, users: TensorRows, rows: Tensor | None = None) -> Tensor:
        return self._bins.scores(self._scorer.scores(adapted, users, rows))
