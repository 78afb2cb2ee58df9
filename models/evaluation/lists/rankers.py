"""Trained models as rankers of the whole catalogue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines.lists import ListRanker
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.evaluation.predictors import encoded_for
from models.learners.base import AnyLearner, Support
from models.learners.episode_supports import batch_support
from models.ranking.embedded_items import available_orders, scoring_model
from models.ranking.liking import log_liking
from models.ranking.new_ratings import NewRatings
from models.ranking.part import Part
from models.ranking.query import RankBy

_PREDICTED_AT_ONCE = 100_000
"""Ratings that are predicted at once, which bounds the memory."""


class ModelRanker:
    """Ranks all items in one of the orders in which a model recommends.

    By choice, every item's P(choose) · P(like) is computed. Serving computes it for the items with the highest
    P(choose) only, which are enough for the same list.
    """

    def __init__(
        self,
        model: TrainedModel,
        dataset: Dataset,
        rank_by: RankBy,
        new_ratings: NewRatings = MappingProxyType({}),
    ) -> None:
        """Encode the users, and embed the items, warmed up by ratings made since training."""
        self._model = model
        self._rank_by = rank_by
        # By choice and without ratings, scores are logits. Times P(like), they are no probabilities of choosing.
        self.gives_logits = rank_by is RankBy.CHOICE and model.learner is None
        self._data = encoded_for(model, dataset)
        self._items = Part.of(model, dataset.items, new_ratings).embedded

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Adapt to the users, and score all items; float32 [B, items]."""
        with torch.inference_mode():
            support = self._support(batch, self._rank_by)
            adapted = scoring_model(self._model, self._rank_by).adapt(support)
            scores = self._items[self._rank_by].scorer.scores(adapted, support.users)
            if self._rank_by is RankBy.CHOICE and (learner := self._model.learner) is not None:
                scores = scores + self._log_liking(learner, batch)
        return scores.cpu().numpy()

    def _log_liking(self, learner: AnyLearner, batch: EpisodeBatch) -> torch.Tensor:
        """Log P(like) of all items; float32 [B, items]."""
        scale = self._model.rating_scale
        items = self._items[RankBy.RATING].vectors
        support = self._support(batch, RankBy.RATING)
        adapted = learner.adapt(support)
        users = len(batch.users)
        size = max(1, _PREDICTED_AT_ONCE // users)
        return torch.cat(
            [
                log_liking(learner.predict(adapted, support.users, items[start : start + size].expand(users)), scale)
                for start in range(0, len(items), size)
            ],
            dim=1,
        )

    def _support(self, batch: EpisodeBatch, rank_by: RankBy) -> Support[Any, Any]:
        tensor = self._data.tensor
        users = scoring_model(self._model, rank_by).embed_users(self._data.users.take(tensor(batch.users)))
        return batch_support(batch, users, self._items[rank_by].vectors.take(tensor(batch.support_items)), tensor)


def model_rankers(model: TrainedModel, dataset: Dataset) -> Mapping[str, ListRanker]:
    """The ways in which a model ranks a data set's items, by name; first the one by which it recommends."""
    name = model.manifest.preset.name
    names = {RankBy.CHOICE: name, RankBy.RATING: f"{name}, ranked by rating"}
    return {names[rank_by]: ModelRanker(model, dataset, rank_by) for rank_by in available_orders(model)}
