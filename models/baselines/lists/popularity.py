"""Popularity: the same list for everybody."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.baselines.lists.base import ListBaseline, ListRanker
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class SameForEverybody:
    """The same score of an item (float32 [items]) for every user."""

    gives_logits = False

    def __init__(self, item_scores: NDArray[np.float32]) -> None:
        self._item_scores = item_scores

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """The scores of the items, for each of the B users."""
        return np.tile(self._item_scores, (len(batch.users), 1))


class Popularity(ListBaseline):
    """`s_j = n_j`, the number of training ratings of item j."""

    name: ClassVar[str] = "popularity"

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Count the ratings."""
        counts = np.bincount(dataset.ratings.items[training], minlength=len(dataset.items))
        return SameForEverybody(counts.astype(np.float32))
