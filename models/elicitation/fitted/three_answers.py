"""Who likes what: the answers of training users, in the three kinds that a tree or a cluster tells apart."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.data.dataset import Dataset


@dataclass(frozen=True)
class ThreeAnswers:
    """The answers of training users about the items with the most ratings: liked, not liked, or unknown.

    Attributes:
        items: int64 [L], rows of the items, the one with the most ratings first.
        users: int64 [U], rows of the users who rated any of all items.
        liked: float32 [U, L], sparse: 1 where the user likes the item.
        disliked: float32 [U, L], sparse: 1 where the user rated the item and does not like it.
    """

    items: NDArray[np.int64]
    users: NDArray[np.int64]
    liked: csr_array
    disliked: csr_array

    @classmethod
    def of(cls, dataset: Dataset, training: NDArray[np.bool_], *, most_items: int) -> Self:
        """Collect the answers.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            most_items: How many items users may be asked about.
        """
        rows = np.flatnonzero(training)
        counts = np.bincount(dataset.ratings.items[rows], minlength=len(dataset.items))
        items = np.argsort(-counts, kind="stable")[:most_items]
        items = items[counts[items] > 0]
        users, places = np.unique(dataset.ratings.users[rows], return_inverse=True)
        columns = np.full(len(counts), -1)
        columns[items] = np.arange(len(items))
        of_rating = columns[dataset.ratings.items[rows]]

        def answers(kept: NDArray[np.bool_]) -> csr_array:
            kept = kept & (of_rating >= 0)
            ones = np.ones(int(kept.sum()), dtype=np.float32)
            return csr_array((ones, (places[kept], of_rating[kept])), shape=(len(users), len(items)))

        liked = dataset.liked[rows]
        return cls(items, users.astype(np.int64), answers(liked), answers(~liked))
