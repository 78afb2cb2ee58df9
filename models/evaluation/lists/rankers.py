"""Trained models as rankers of the whole catalogue."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.baselines.lists import ListRanker
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.evaluation.predictors import encoded_for
from models.learners.base import Support
from models.ranking.embedded_items import EmbeddedItems
from models.ranking.query import RankBy


class LearnerRanker:
    """Ranks by a learner's scores: the expected rating, or what the learner takes for it (`ItemScorer.scores`)."""

    def __init__(self, model: TrainedModel, dataset: Dataset) -> None:
        """Encode the users, and embed the items."""
        self._learner = model.learner
        self._data = encoded_for(model, dataset)
        self._items = EmbeddedItems.of(model, RankBy.RATING, dataset.items)

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Adapt to the users, and score all items; float32 [B, items]."""
        with torch.inference_mode():
            support = self._support(batch)
            adapted = self._learner.adapt(support)
            scores: Tensor = self._items.scorer.scores(adapted, support.users)
        return scores.cpu().numpy()

    def _support(self, batch: EpisodeBatch) -> Support[Any, Any]:
        tensor, now = self._data.tensor, batch.now
        return Support(
            users=self._learner.embed_users(self._data.users.take(tensor(batch.users))),
            items=self._items.vectors.take(tensor(batch.support_items)),
            ratings=tensor(batch.support_ratings),
            mask=tensor(batch.support_mask),
            times=None if batch.support_times is None else tensor(batch.support_times),
            now=None if now is None else tensor(now),
        )


def model_rankers(model: TrainedModel, dataset: Dataset) -> Mapping[str, ListRanker]:
    """The ways in which a model ranks a data set's items, by name; first the one by which it recommends."""
    return {model.manifest.preset.name: LearnerRanker(model, dataset)}
