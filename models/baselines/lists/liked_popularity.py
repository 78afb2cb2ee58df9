"""Popularity times how many of the raters like the item."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models.baselines.lists.base import ListBaseline, ListRanker
from models.baselines.lists.popularity import SameForEverybody
from models.data.dataset import Dataset


class LikedPopularity(ListBaseline):
    """`s_j = n_j · (l_j + c p)/(n_j + c)`: of the n_j training ratings of item j, l_j are likes, and p of all are.

    Attributes:
        prior_ratings: The constant c, by which an item's share of likes is shrunk to that of all ratings.
    """

    name: ClassVar[str] = "popularity × mean liked"

    prior_ratings: Annotated[float, Field(gt=0)] = 10.0

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Count the ratings and the likes."""
        items = dataset.ratings.items[training]
        liked = dataset.liked[training]
        counts = np.bincount(items, minlength=len(dataset.items))
        likes = np.bincount(items[liked], minlength=len(dataset.items))
        share = (likes + self.prior_ratings * liked.mean()) / (counts + self.prior_ratings)
        return SameForEverybody((counts * share).astype(np.float32))
